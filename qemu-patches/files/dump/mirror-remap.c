/*
 * Scattered pages for a file that shares blocks with another.
 *
 * XFS takes four transactions for a write to a shared block, all under the
 * file's lock: 150 us for a page of 4 KiB, whatever the number of threads.  So
 * pages go behind the end of the file in large blocks, and then each is given
 * its place there, which is one transaction and moves no data.
 *
 *   0         guest memory          end      @next
 *   |---0-1----2--3---4--5---------6--|...|0|1|2|3|4|5|6|
 *
 * What lies behind the end is cut off when all is in its place.
 *
 * Then the file also gets the blocks of the other one, which takes XFS 25 us
 * for each piece that those are in: not before T0 and not while memory is
 * captured.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/lockable.h"
#include "mirror.h"
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

/* So that memory does not grow with the delta: 2 MiB for each writer */
#define PENDING_MAX (64 * KiB)

/* Not a GArray: it may grow as large as the delta */
typedef struct Pending {
    struct file_clone_range *v;
    size_t n, max;
} Pending;

struct MirrorRemap {
    uint64_t next;               /* offset in the file, atomic */
    QemuMutex lock;              /* of all below */
    bool has_base;
    Pending pending;
};

/* In the output, and from @fd to there */
static bool share(DumpMirror *m, int fd, struct file_clone_range *range)
{
    range->src_fd = fd;
    return ioctl(m->s->fd, FICLONERANGE, range) == 0;
}

/* What the base has there is there in the output too */
static bool share_base(DumpMirror *m, uint64_t offset, uint64_t size)
{
    struct file_clone_range range = {
        .src_offset = offset, .src_length = size, .dest_offset = offset,
    };

    return share(m, m->base_fd, &range);
}

static bool share_all_of_base(DumpMirror *m)
{
    MirrorRemap *r = m->remap;

    if (!r->has_base) {
        r->has_base = share_base(m, m->head_size, m->file_size - m->head_size);
    }
    return r->has_base;
}

bool mirror_remap_open(DumpMirror *m, uint64_t pages)
{
    struct rlimit limit;
    struct stat st;
    uint64_t next;
    MirrorRemap *r;

    /* All is a multiple of a page then */
    if (!m->direct || fstat(m->base_fd, &st) ||
        getrlimit(RLIMIT_FSIZE, &limit)) {
        return false;
    }
    next = ROUND_UP(st.st_size, MIRROR_CHUNK);
    /* Who writes past the limit gets a signal that ends QEMU */
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur / 2 < next) {
        return false;
    }
    /*
     * A page of the base, to know that it can be done; blocks that are larger
     * make this fail.  Room in one piece, if there is one that large: T0 may
     * need some more.
     */
    if (!share_base(m, m->head_size, MIRROR_PAGE) ||
        fallocate(m->s->fd, 0, next, MAX(pages, 1) * MIRROR_PAGE)) {
        (void)!ftruncate(m->s->fd, 0);
        return false;
    }
    r = g_new0(MirrorRemap, 1);
    r->next = next;
    qemu_mutex_init(&r->lock);
    m->remap = r;
    return true;
}

/* @run lies at @at in the file */
static bool add_pending(DumpMirror *m, const MirrorRun *run, uint64_t at)
{
    Pending *p = &m->remap->pending;
    struct file_clone_range *last = p->n ? &p->v[p->n - 1] : NULL;
    Error *err = NULL;

    if (last && last->src_offset + last->src_length == at &&
        last->dest_offset + last->src_length == run->offset) {
        last->src_length += run->size;
        return true;
    }
    if (!mirror_grow((void **)&p->v, &p->max, p->n + 1, sizeof(*p->v),
                     "the places of pages", &err)) {
        mirror_fail(m, err);
        errno = ENOMEM;
        return false;
    }
    p->v[p->n++] = (struct file_clone_range) {
        .src_offset = at, .src_length = run->size, .dest_offset = run->offset,
    };
    return true;
}

/* Runs that follow on each other in memory */
static bool write_together(DumpMirror *m, const MirrorRun *runs, size_t n,
                           uint64_t size)
{
    MirrorRemap *r = m->remap;
    uint64_t at = qatomic_fetch_add(&r->next, size);
    size_t i;

    if (!mirror_write_at(m, runs->buf, size, at)) {
        return false;
    }
    QEMU_LOCK_GUARD(&r->lock);
    for (i = 0; i < n; at += runs[i++].size) {
        if (!add_pending(m, &runs[i], at)) {
            return false;
        }
    }
    return true;
}

bool mirror_remap_write(DumpMirror *m, const MirrorRun *runs, size_t n)
{
    while (n) {
        uint64_t size = 0;
        size_t i;

        for (i = 0; i < n && (uint8_t *)runs->buf + size == runs[i].buf; i++) {
            size += runs[i].size;
        }
        if (!write_together(m, runs, i, size)) {
            return false;
        }
        runs += i;
        n -= i;
    }
    return true;
}

static bool give_places(DumpMirror *m, Pending *p)
{
    size_t i;

    for (i = 0; i < p->n && !mirror_failed(m); i++) {
        if (!share(m, m->s->fd, &p->v[i])) {
            return false;
        }
    }
    return true;
}

bool mirror_remap_some(DumpMirror *m)
{
    MirrorRemap *r = m->remap;
    Pending pending;
    bool ok;

    WITH_QEMU_LOCK_GUARD(&r->lock) {
        if (r->pending.n < PENDING_MAX) {
            return true;
        }
        if (!share_all_of_base(m)) {
            return false;
        }
        pending = r->pending;
        r->pending = (Pending) { 0 };
    }
    /* Others can write meanwhile */
    ok = give_places(m, &pending);
    g_free(pending.v);
    return ok;
}

static int by_place(const void *a, const void *b)
{
    const struct file_clone_range *x = a, *y = b;

    return (x->dest_offset > y->dest_offset) -
           (x->dest_offset < y->dest_offset);
}

/*
 * Pages and what the base has between them.  Where it is in pieces those under
 * the pages would be shared to be replaced at once, and a place where nothing is
 * yet is given in half the time.
 */
static bool interleave(DumpMirror *m, Pending *p)
{
    uint64_t at = m->head_size;
    size_t i;

    /* GLib's takes as much memory again, and has to get it */
    qsort(p->v, p->n, sizeof(*p->v), by_place);
    for (i = 0; i < p->n && !mirror_failed(m); i++) {
        struct file_clone_range *page = &p->v[i];

        if ((page->dest_offset > at &&
             !share_base(m, at, page->dest_offset - at)) ||
            !share(m, m->s->fd, page)) {
            return false;
        }
        at = page->dest_offset + page->src_length;
    }
    return at >= m->file_size || share_base(m, at, m->file_size - at);
}

bool mirror_remap_finish(DumpMirror *m, Error **errp)
{
    MirrorRemap *r = m->remap;
    bool in_pieces = mirror_base_pieces(m) > r->pending.n;

    if (!(in_pieces && !r->has_base ? interleave(m, &r->pending) :
          share_all_of_base(m) && give_places(m, &r->pending)) ||
        ftruncate(m->s->fd, m->file_size + m->s->elf_section_data_size)) {
        error_setg_errno(errp, errno, "dump: cannot give pages their place in "
                         "the output");
        return false;
    }
    return true;
}

void mirror_remap_free(DumpMirror *m)
{
    if (m->remap) {
        g_free(m->remap->pending.v);
        qemu_mutex_destroy(&m->remap->lock);
        g_clear_pointer(&m->remap, g_free);
    }
}
