/*
 * Saving memory without write protection: copy it while the guest runs, copy
 * again what was written meanwhile, and at T0 the little that is left.
 *
 * The file then holds older content of what was written, so nothing is skipped
 * when it is written again.  What can't be copied within a few milliseconds of
 * pause is refused: a pause that depends on the guest's mood is an outage.
 *
 * With write protection for what is left, this also saves most of a delta: see
 * mirror_precopy_delta().
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/memalign.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "exec/cpu-common.h"
#include "mirror.h"
#include "trace.h"

/* 1 MiB is copied in less than the rest of T0 takes */
#define ENOUGH_PAGES 256
#define MAX_ROUNDS 32
/* Rounds that left half as much as the one before or more, and still too much */
#define MAX_VAIN_ROUNDS 3
/* 16 MiB: some milliseconds */
#define MAX_PAGES 4096

/* Of a delta, so that T0 is not long in coming */
#define DELTA_MAX (128 * MiB)

/* Their bitmaps: those that there are stay as they are, others have all pages */
static bool make_deltas(DumpMirror *m, Error **errp)
{
    size_t i;

    for (i = 0; i < m->nregions; i++) {
        MirrorRegion *r = &m->regions[i];
        const size_t npages = mirror_block_pages(r);

        if (!r->delta) {
            r->delta = mirror_bitmap(npages, "a bitmap of pages to copy", errp);
            if (!r->delta) {
                return false;
            }
            bitmap_fill(r->delta, npages);
        }
    }
    return true;
}

static void empty_delta(DumpMirror *m)
{
    size_t i;

    for (i = 0; i < m->nregions; i++) {
        bitmap_zero(m->regions[i].delta, mirror_block_pages(&m->regions[i]));
    }
}

/*
 * What was written since the last look joins the delta.  Returns pages.  If
 * memory has just changed in size nothing is known of it: T0 will find out.
 */
static size_t grow_delta(DumpMirror *m)
{
    size_t i, n = 0;

    BQL_LOCK_GUARD();
    mirror_dirty_sync(true);
    for (i = 0; i < m->nregions; i++) {
        MirrorRegion *r = &m->regions[i];
        const size_t npages = mirror_block_pages(r);
        unsigned long *fresh = mirror_dirty_fresh(r->rb);

        if (fresh) {
            n += bitmap_count_one(fresh, npages);
            bitmap_or(r->delta, r->delta, fresh, npages);
            bitmap_zero(fresh, npages);
        }
    }
    return n;
}

/* The delta is what was written since the last look.  Returns pages */
static size_t next_delta(DumpMirror *m)
{
    empty_delta(m);
    return grow_delta(m);
}

static bool all_is_logged(DumpMirror *m, Error **errp)
{
    size_t i;

    BQL_LOCK_GUARD();
    for (i = 0; i < m->nregions; i++) {
        if (!mirror_dirty_fresh(m->regions[i].rb)) {
            error_setg(errp, "mode=mirror: writes to memory '%s' are not "
                       "logged, so it needs strategy=protect",
                       qemu_ram_get_idstr(m->regions[i].rb));
            return false;
        }
    }
    return true;
}

bool mirror_precopy(DumpMirror *m, Error **errp)
{
    /* else what is left is protected, however much it is */
    const bool all_at_t0 = m->strategy == DUMP_MIRROR_STRATEGY_PRECOPY;
    const int max_vain = all_at_t0 ? MAX_VAIN_ROUNDS : 1;
    size_t left = SIZE_MAX, before;
    int round, vain = 0;

    if (!all_is_logged(m, errp) || !make_deltas(m, errp)) {
        return false;
    }
    if (all_at_t0 && !m->t0_copies) {
        /* Touched here, so that T0 does not wait for the kernel's pages */
        static const char what[] = "pages to copy at T0";

        if (!(m->t0_hosts = mirror_new(uint8_t *, MAX_PAGES, what, errp)) ||
            !(m->t0_copies = mirror_alloc_pages(MAX_PAGES * MIRROR_PAGE, what,
                                                errp))) {
            return false;
        }
        memset(m->t0_copies, 0, MAX_PAGES * MIRROR_PAGE);
    }
    if (!m->delta) {
        /* all of it; what is written from now on counts */
        grow_delta(m);
    }
    for (round = 0; round < MAX_ROUNDS && !mirror_failed(m); round++) {
        mirror_rewind(m);
        mirror_copy_all(m);
        /* the next round may write to the same place */
        mirror_writer_drain(m);
        m->overwrite = m->again = true;
        before = left;
        left = next_delta(m);
        trace_dump_mirror_precopy(round, left);
        if (left <= ENOUGH_PAGES || (left <= MAX_PAGES && left >= before / 2)) {
            return true;
        }
        if (left >= before / 2 && ++vain == max_vain) {
            break;
        }
    }
    if (left > MAX_PAGES && all_at_t0 && !mirror_failed(m)) {
        error_setg(errp, "dump: the guest writes faster than its memory can be "
                   "copied; strategy=protect, which needs access to "
                   "userfaultfd, does not mind");
        return false;
    }
    return true;
}

/*
 * A delta that fits into the mirror
 *
 * Copying a page takes a third of what protecting it and lifting that takes, and
 * no fault of the guest's.  What the guest writes to meanwhile is what is left of
 * the delta, to protect and to capture; the older copies of that are dropped.
 */

static size_t delta_size(DumpMirror *m)
{
    size_t i, n = 0;

    for (i = 0; i < m->nregions; i++) {
        n += bitmap_count_one(m->regions[i].delta,
                              mirror_block_pages(&m->regions[i]));
    }
    return n;
}

size_t mirror_precopy_delta(DumpMirror *m)
{
    /* Buffers are packed, but a third full at worst */
    const size_t max = MIN(DELTA_MAX, m->pool.chunks_max / 4 * MIRROR_CHUNK) >>
                       MIRROR_PAGE_BITS;
    size_t left = delta_size(m);

    /* A guest that has written to much of it just now will do so again */
    if (left > max || !all_is_logged(m, NULL) || grow_delta(m) > left / 4) {
        return delta_size(m);
    }
    m->early = true;
    mirror_copy_all(m);
    m->early = false;
    mirror_rewind(m);
    left = next_delta(m);
    trace_dump_mirror_precopy(0, left);
    return left;
}

/* Without what is to be captured after all */
static void drop_stale(const MirrorRegion *r, MirrorJob *job)
{
    size_t page;

    for (page = find_first_bit(job->data, MIRROR_CHUNK_PAGES);
         page < MIRROR_CHUNK_PAGES;
         page = find_next_bit(job->data, MIRROR_CHUNK_PAGES, page + 1)) {
        if (test_bit(mirror_page_of(r, job->host + page * MIRROR_PAGE),
                     r->delta)) {
            clear_bit(page, job->data);
        }
    }
}

void mirror_precopy_write_delta(DumpMirror *m)
{
    MirrorJob *job;
    unsigned n = 0;

    QSIMPLEQ_FOREACH(job, &m->early_jobs, next) {
        uint64_t pages;

        drop_stale(job->region, job);
        pages = bitmap_count_one(job->data, MIRROR_CHUNK_PAGES);
        m->pages_dirty += pages;
        m->pages_copied += pages;
        n++;
    }
    mirror_writer_push_all(m, &m->early_jobs, n);
}

void mirror_precopy_forget_delta(DumpMirror *m)
{
    MirrorJob *job;

    while ((job = QSIMPLEQ_FIRST(&m->early_jobs))) {
        QSIMPLEQ_REMOVE_HEAD(&m->early_jobs, next);
        mirror_job_free(m, job);
    }
}

bool mirror_precopy_capture(DumpMirror *m, Error **errp)
{
    size_t i;

    for (i = 0; i < m->nregions; i++) {
        MirrorRegion *r = &m->regions[i];
        const unsigned long *since = mirror_dirty_since(r->rb);
        const unsigned long *fresh = mirror_dirty_fresh(r->rb);
        uint8_t *block = qemu_ram_get_host_addr(r->rb);
        size_t page = mirror_page_of(r, r->host);
        const size_t end = mirror_page_of(r, r->host + r->size);

        m->pages_dirty += bitmap_count_one(since, end);
        bitmap_or(r->delta, r->delta, fresh, end);
        for (; (page = find_next_bit(r->delta, end, page)) < end; page++) {
            if (m->nt0 == MAX_PAGES) {
                error_setg(errp, "dump: the guest has written more just before "
                           "T0 than can be copied in an instant; try again");
                return false;
            }
            m->t0_hosts[m->nt0] = block + (page << MIRROR_PAGE_BITS);
            memcpy(m->t0_copies + m->nt0 * MIRROR_PAGE, m->t0_hosts[m->nt0],
                   MIRROR_PAGE);
            m->nt0++;
        }
    }
    return true;
}

bool mirror_precopy_finish(DumpMirror *m, Error **errp)
{
    size_t i;

    for (i = 0; i < m->nt0 && !mirror_failed(m); i++) {
        if (!mirror_writer_page(m, m->t0_hosts[i],
                                m->t0_copies + i * MIRROR_PAGE)) {
            error_setg_errno(errp, errno, "dump: cannot write guest memory to "
                             "the output");
            return false;
        }
    }
    return true;
}
