/*
 * A dump that builds on an earlier one: the output gets the earlier file's
 * blocks, and only what has changed is written.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "mirror.h"
#include "trace.h"
#include <linux/fs.h>
#include <sys/ioctl.h>

/*
 * Sharing a piece takes XFS 25 us and giving a page its place 44, about what it
 * takes to write 16 KiB.  Few pieces never matter.
 */
#define PIECE_MIN (16 * KiB)
#define PIECES_FEW (32 * KiB)

/* Layout */

MirrorLayout mirror_layout(DumpMirror *m)
{
    return (MirrorLayout) {
        .extents = m->extents, .nextents = m->nextents,
        .head_size = m->head_size, .file_size = m->file_size,
    };
}

bool mirror_layout_equal(const MirrorLayout *a, const MirrorLayout *b)
{
    size_t i;

    if (a->nextents != b->nextents || a->head_size != b->head_size ||
        a->file_size != b->file_size) {
        return false;
    }
    for (i = 0; i < a->nextents; i++) {
        const MirrorExtent *x = &a->extents[i], *y = &b->extents[i];

        if (x->host != y->host || x->paddr != y->paddr || x->size != y->size ||
            x->file_offset != y->file_offset) {
            return false;
        }
    }
    return true;
}

void mirror_layout_copy(MirrorLayout *to, const MirrorLayout *from)
{
    *to = *from;
    to->extents = g_memdup2(from->extents,
                            from->nextents * sizeof(MirrorExtent));
}

void mirror_layout_clear(MirrorLayout *l)
{
    g_clear_pointer(&l->extents, g_free);
    l->nextents = 0;
}

/* Clone */

/* Whether @head says that the base is the dump of the generation we want */
static bool check_head(DumpMirror *m, const char *head)
{
    g_autofree char *text = mirror_note_find(m, head, m->head_size);
    QObject *json = text ? qobject_from_json(text, NULL) : NULL;
    QDict *note = qobject_to(QDict, json);
    QDict *figures = note ? qdict_get_qdict(note, "mirror") : NULL;
    const char *generation = figures ?
                             qdict_get_try_str(figures, "generation") : NULL;
    bool same = generation && g_str_equal(generation, m->base->generation);

    qobject_unref(json);
    return same;
}

static bool read_fully(int fd, char *buf, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = pread(fd, buf + done, size - done, done);

        if (n == 0 || (n < 0 && errno != EINTR)) {
            return false;
        }
        done += MAX(n, 0);
    }
    return true;
}

bool mirror_base_is_qcow2(DumpMirror *m)
{
    static const char magic[] = { 'Q', 'F', 'I', '\xfb' };
    char start[sizeof(magic)];

    return read_fully(m->base_fd, start, sizeof(start)) &&
           !memcmp(start, magic, sizeof(magic));
}

static char *not_the_base(void)
{
    return g_strdup("the base file is not the dump of that generation");
}

static char *not_written(void)
{
    return g_strdup_printf("the output can't be written: %s", strerror(errno));
}

static char *head_memory(DumpMirror *m, char **why)
{
    char *head = g_try_malloc(m->head_size);

    if (!head) {
        *why = g_strdup_printf("cannot allocate %" PRIu64 " bytes for the base's "
                               "head", m->head_size);
    }
    return head;
}

/*
 * XFS gives each write to a shared block 128 KiB of its own unless it is told
 * that we know better.  Others have no such hint.
 */
static bool set_cow_extent_size(int fd)
{
    struct fsxattr attr;

    if (ioctl(fd, FS_IOC_FSGETXATTR, &attr)) {
        return false;
    }
    attr.fsx_xflags |= FS_XFLAG_COWEXTSIZE;
    attr.fsx_cowextsize = MIRROR_PAGE;
    return ioctl(fd, FS_IOC_FSSETXATTR, &attr) == 0;
}

/* Only XFS says so at once */
uint32_t mirror_base_pieces(DumpMirror *m)
{
    struct fsxattr attr;

    return ioctl(m->base_fd, FS_IOC_FSGETXATTR, &attr) ? 0 : attr.fsx_nextents;
}

/* Never on Btrfs, which shares pieces twice as fast */
static bool is_in_pieces(DumpMirror *m, char **why)
{
    const uint32_t pieces = mirror_base_pieces(m);

    if (pieces <= MAX(PIECES_FEW, m->file_size / PIECE_MIN)) {
        return false;
    }
    *why = g_strdup_printf("the base lies on the disk in %" PRIu32 " pieces, "
                           "and sharing them takes as long as writing", pieces);
    return true;
}

static bool clone_base(DumpMirror *m, uint64_t pages, char **why)
{
    g_autofree char *head = head_memory(m, why);
    struct stat st;

    if (!head) {
        return false;
    }
    if (fstat(m->base_fd, &st) || st.st_size < m->file_size ||
        !read_fully(m->base_fd, head, m->head_size) || !check_head(m, head)) {
        *why = not_the_base();
        return false;
    }
    /*
     * Btrfs is as fast without, and keeps all of what was written as one until
     * the last file that has any of it is gone.  Precopy writes a page several
     * times, and the last one counts.
     */
    if (!(set_cow_extent_size(m->s->fd) &&
          m->strategy != DUMP_MIRROR_STRATEGY_PRECOPY &&
          mirror_remap_open(m, pages)) &&
        ioctl(m->s->fd, FICLONE, m->base_fd)) {
        *why = g_strdup_printf("the output can't share blocks with the base: "
                               "%s", strerror(errno));
        return false;
    }
    m->storage = DUMP_MIRROR_STORAGE_CLONE;
    if (!mirror_writer_no_head(m)) {
        *why = not_written();
        return false;
    }
    return true;
}

/* Overlay */

static bool overlay_base(DumpMirror *m, char **why)
{
    g_autofree char *head = head_memory(m, why);
    Error *err = NULL;

    if (!head) {
        return false;
    }
    mirror_writer_buffered(m);
    if (!mirror_overlay_open(m, &err)) {
        *why = g_strdup_printf("no overlay: %s", error_get_pretty(err));
        error_free(err);
        return false;
    }
    if (!mirror_overlay_read_base(m->overlay, head, m->head_size) ||
        !check_head(m, head)) {
        *why = not_the_base();
    } else if (!mirror_writer_no_head(m)) {
        *why = not_written();
    } else {
        m->storage = DUMP_MIRROR_STORAGE_OVERLAY;
        return true;
    }
    mirror_overlay_close(m);
    return false;
}

bool mirror_base_prepare(DumpMirror *m, uint64_t pages, char **why)
{
    DumpMirrorStorage wanted = m->base->has_storage ? m->base->storage :
                               DUMP_MIRROR_STORAGE_AUTO;

    if (wanted == DUMP_MIRROR_STORAGE_FILE) {
        *why = g_strdup("a file of its own was asked for");
        return false;
    }
    if (m->base_fd < 0) {
        *why = g_strdup("the base file was not passed");
        return false;
    }
    if (wanted == DUMP_MIRROR_STORAGE_OVERLAY && !m->base->file) {
        *why = g_strdup("the name of the base file was not given");
        return false;
    }
    if (wanted != DUMP_MIRROR_STORAGE_OVERLAY) {
        if (is_in_pieces(m, why)) {
            return false;
        }
        if (clone_base(m, pages, why)) {
            return true;
        }
    }
    if (wanted == DUMP_MIRROR_STORAGE_CLONE || !m->base->file) {
        return false;
    }
    g_clear_pointer(why, g_free);
    return overlay_base(m, why);
}
