/*
 * A dump as a qcow2 image over an earlier one, for file systems whose files
 * can't share blocks.
 *
 * The image is created and closed in the main loop, which runs on while the disk
 * is waited for, and written in a thread of its own with an event loop, as the
 * block layer wants it.  Clusters are as large as a page, so that nothing but what
 * was written takes space and nothing is read from the backing file to complete a
 * cluster.  (Subclusters of large clusters would leave gaps that XFS fills, for it
 * allocates ahead.)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/coroutine.h"
#include "qemu/coroutine_int.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-misc.h"
#include "qapi/qapi-types-misc.h"
#include "qobject/qdict.h"
#include "qobject/qnull.h"
#include "block/block_int.h"
#include "monitor/monitor.h"
#include "system/block-backend.h"
#include "system/iothread.h"
#include "mirror.h"

/* More than the names of sections take, which are not known yet */
#define TAIL_SIZE (64 * KiB)

/* Writes of one writer that are under way, and threads that make them */
#define AT_ONCE 64
#define IO_THREADS 8

/* Each is a coroutine, whose stack is something that QEMU has to get */
#define ROOM_TO_OPEN (32 * (size_t)COROUTINE_STACK_SIZE)

struct MirrorOverlay {
    IOThread *iothread;
    BlockBackend *file;      /* until the image in it is open */
    BlockBackend *output;
    BlockBackend *base;      /* while its head is read */
    int64_t fdsets[2];       /* of output and base, or -1 */
};

/* I/O: from any thread that is not the main one */

typedef struct OverlayBatch {
    unsigned left;           /* atomic */
    int ret;                 /* atomic: of one that failed, or 0 */
    QemuSemaphore done;
} OverlayBatch;

typedef struct OverlayIO {
    BlockBackend *blk;
    enum { OVERLAY_READ, OVERLAY_WRITE, OVERLAY_FLUSH } op;
    MirrorRun run;
    OverlayBatch *batch;
} OverlayIO;

static void coroutine_fn overlay_io_entry(void *opaque)
{
    OverlayIO *io = opaque;
    MirrorRun *run = &io->run;
    OverlayBatch *batch = io->batch;
    int ret = 0;

    switch (io->op) {
    case OVERLAY_READ:
        ret = blk_co_pread(io->blk, run->offset, run->size, run->buf, 0);
        break;
    case OVERLAY_WRITE:
        ret = blk_co_pwrite(io->blk, run->offset, run->size, run->buf, 0);
        break;
    case OVERLAY_FLUSH:
        ret = blk_co_flush(io->blk);
        break;
    }
    if (ret < 0) {
        qatomic_set(&batch->ret, ret);
    }
    if (qatomic_fetch_dec(&batch->left) == 1) {
        qemu_sem_post(&batch->done);
    }
}

/* At once, so that no round trip to the thread waits for another */
static bool overlay_io(MirrorOverlay *o, OverlayIO *ios, size_t n)
{
    OverlayBatch batch = { .left = n };
    size_t i;

    qemu_sem_init(&batch.done, 0);
    for (i = 0; i < n; i++) {
        ios[i].batch = &batch;
        aio_co_schedule(iothread_get_aio_context(o->iothread),
                        qemu_coroutine_create(overlay_io_entry, &ios[i]));
    }
    qemu_sem_wait(&batch.done);
    qemu_sem_destroy(&batch.done);
    errno = -batch.ret;
    return batch.ret == 0;
}

/* So many writes that twice the coroutines could be made: others make some, too */
static size_t write_at_once(size_t n)
{
    n = MIN(n, AT_ONCE);
    while (n > 1 && !mirror_has_room(2 * n * COROUTINE_STACK_SIZE, "writes", NULL)) {
        n /= 2;
    }
    return n;
}

bool mirror_overlay_write(MirrorOverlay *o, const MirrorRun *runs, size_t n)
{
    OverlayIO ios[AT_ONCE];
    size_t i;

    for (; n; runs += i, n -= i) {
        const size_t at_once = write_at_once(n);

        for (i = 0; i < at_once; i++) {
            ios[i] = (OverlayIO) {
                .blk = o->output, .op = OVERLAY_WRITE, .run = runs[i],
            };
        }
        if (!overlay_io(o, ios, i)) {
            return false;
        }
    }
    return true;
}

bool mirror_overlay_flush(MirrorOverlay *o)
{
    return overlay_io(o, &(OverlayIO) {
        .blk = o->output, .op = OVERLAY_FLUSH,
    }, 1);
}

bool mirror_overlay_read_base(MirrorOverlay *o, void *buf, uint64_t size)
{
    return overlay_io(o, &(OverlayIO) {
        .blk = o->base, .op = OVERLAY_READ,
        .run = { .buf = buf, .size = size },
    }, 1);
}

/* Opening and closing: in the main loop */

static char *fdset_path(int fd, int64_t *fdset, Error **errp)
{
    int copy = qemu_dup(fd);
    AddfdInfo *info;

    if (copy < 0) {
        error_setg_errno(errp, errno, "cannot duplicate a file descriptor");
        return NULL;
    }
    info = monitor_fdset_add_fd(copy, false, 0, "mirror dump", errp);
    if (!info) {
        close(copy);
        return NULL;
    }
    *fdset = info->fdset_id;
    qapi_free_AddfdInfo(info);
    return g_strdup_printf("/dev/fdset/%" PRId64, *fdset);
}

/*
 * A cluster at a time is more work for threads.  Asked here, where nobody is told
 * that the kernel does not allow it.
 */
static bool has_io_uring(void)
{
#ifdef CONFIG_LINUX_IO_URING
    return aio_setup_linux_io_uring(qemu_get_aio_context(), NULL) != NULL;
#else
    return false;
#endif
}

static void move_to_thread(MirrorOverlay *o, BlockBackend *blk, Error **errp)
{
    if (blk) {
        blk_set_aio_context(blk, iothread_get_aio_context(o->iothread), errp);
    }
}

static void open_base(MirrorOverlay *o, const char *path, bool is_qcow2,
                      Error **errp)
{
    QDict *options = qdict_new();

    qdict_put_str(options, "driver", is_qcow2 ? "qcow2" : "raw");
    qdict_put_str(options, "file.driver", "file");
    qdict_put_str(options, "file.filename", path);
    if (is_qcow2) {
        qdict_put_null(options, "backing");
    }
    o->base = blk_new_open(NULL, NULL, options, 0, errp);
    move_to_thread(o, o->base, errp);
}

/* Until the image's head is there nobody takes it for a dump: see flush() */
static void open_file(MirrorOverlay *o, const char *path, Error **errp)
{
    QDict *options = qdict_new();

    qdict_put_str(options, "driver", "file");
    qdict_put_str(options, "filename", path);
    qdict_put_str(options, BDRV_OPT_CACHE_NO_FLUSH, "on");
    if (has_io_uring()) {
        qdict_put_str(options, "aio", "io_uring");
    }
    o->file = blk_new_open(NULL, NULL, options, BDRV_O_RDWR | BDRV_O_RESIZE,
                           errp);
    if (o->file) {
        /* it is for the image in it */
        blk_set_perm(o->file, 0, BLK_PERM_ALL, errp);
    }
}

static void open_files(DumpMirror *m, Error **errp)
{
    MirrorOverlay *o = m->overlay;
    g_autofree char *output = NULL;
    g_autofree char *base = NULL;
    ERRP_GUARD();

    o->iothread = iothread_create("dump-overlay", errp);
    if (!o->iothread ||
        !object_property_set_int(OBJECT(o->iothread), "thread-pool-max",
                                 IO_THREADS, errp)) {
        return;
    }
    if (ftruncate(m->s->fd, 0)) {
        error_setg_errno(errp, errno, "cannot empty the output");
        return;
    }
    output = fdset_path(m->s->fd, &o->fdsets[0], errp);
    base = output ? fdset_path(m->base_fd, &o->fdsets[1], errp) : NULL;
    if (base) {
        open_base(o, base, mirror_base_is_qcow2(m), errp);
    }
    if (base && !*errp) {
        open_file(o, output, errp);
    }
}

static void coroutine_fn create_image(DumpMirror *m, Error **errp)
{
    BlockDriver *qcow2 = bdrv_find_format("qcow2");
    BlockdevRef file = {
        .type = QTYPE_QSTRING,
        .u.reference = (char *)bdrv_get_node_name(blk_bs(m->overlay->file)),
    };
    BlockdevCreateOptions options = {
        .driver = BLOCKDEV_DRIVER_QCOW2,
        .u.qcow2 = {
            .file = &file,
            .size = ROUND_UP(m->file_size + m->s->elf_section_data_size +
                             TAIL_SIZE, BDRV_SECTOR_SIZE),
            .has_version = true, .version = BLOCKDEV_QCOW2_VERSION_V3,
            .has_cluster_size = true, .cluster_size = MIRROR_PAGE,
            .backing_file = m->base->file,
            .has_backing_fmt = true,
            .backing_fmt = mirror_base_is_qcow2(m) ? BLOCKDEV_DRIVER_QCOW2 :
                                                     BLOCKDEV_DRIVER_RAW,
        },
    };

    qcow2->bdrv_co_create(&options, errp);
}

/* The backing file is not opened: all that is read or written is in the image */
static void open_image(DumpMirror *m, Error **errp)
{
    MirrorOverlay *o = m->overlay;
    QDict *options = qdict_new();

    qdict_put_str(options, "driver", "qcow2");
    qdict_put_str(options, "file", bdrv_get_node_name(blk_bs(o->file)));
    qdict_put_null(options, "backing");
    qdict_put_str(options, BDRV_OPT_CACHE_NO_FLUSH, "on");
    o->output = blk_new_open(NULL, NULL, options, BDRV_O_RDWR, errp);
    /* only what is in one tree goes to another thread */
    blk_unref(o->file);
    o->file = NULL;
    move_to_thread(o, o->output, errp);
}

static void close_overlay(DumpMirror *m, Error **errp)
{
    MirrorOverlay *o = m->overlay;
    int i;

    blk_unref(o->base);
    blk_unref(o->output);
    blk_unref(o->file);
    for (i = 0; i < ARRAY_SIZE(o->fdsets); i++) {
        if (o->fdsets[i] >= 0) {
            qmp_remove_fd(o->fdsets[i], false, 0, NULL);
        }
    }
    if (o->iothread) {
        iothread_destroy(o->iothread);
    }
}

typedef struct MainLoopCall {
    DumpMirror *m;
    void (*call)(DumpMirror *m, Error **errp);
    Error *err;
    QemuSemaphore done;
} MainLoopCall;

static void main_loop_call(void *opaque)
{
    MainLoopCall *c = opaque;

    c->call(c->m, &c->err);
    qemu_sem_post(&c->done);
}

static bool wait_for_call(MainLoopCall *c, Error **errp)
{
    qemu_sem_wait(&c->done);
    qemu_sem_destroy(&c->done);
    if (c->err) {
        error_propagate(errp, c->err);
        return false;
    }
    return true;
}

static bool in_main_loop(DumpMirror *m, void (*call)(DumpMirror *, Error **),
                         Error **errp)
{
    MainLoopCall c = { .m = m, .call = call };

    qemu_sem_init(&c.done, 0);
    aio_bh_schedule_oneshot(iohandler_get_aio_context(), main_loop_call, &c);
    return wait_for_call(&c, errp);
}

/* The guest may need the main loop while @call waits for the disk */
static bool beside_main_loop(DumpMirror *m,
                             void coroutine_fn (*call)(DumpMirror *, Error **),
                             Error **errp)
{
    MainLoopCall c = { .m = m, .call = call };

    qemu_sem_init(&c.done, 0);
    aio_co_schedule(qemu_get_aio_context(),
                    qemu_coroutine_create(main_loop_call, &c));
    return wait_for_call(&c, errp);
}

bool mirror_overlay_open(DumpMirror *m, Error **errp)
{
    if (!mirror_has_room(ROOM_TO_OPEN, "the image's coroutines", errp)) {
        return false;
    }
    m->overlay = g_new0(MirrorOverlay, 1);
    m->overlay->fdsets[0] = m->overlay->fdsets[1] = -1;
    if (in_main_loop(m, open_files, errp) &&
        beside_main_loop(m, create_image, errp) &&
        in_main_loop(m, open_image, errp)) {
        return true;
    }
    mirror_overlay_close(m);
    return false;
}

void mirror_overlay_close(DumpMirror *m)
{
    if (m->overlay) {
        in_main_loop(m, close_overlay, NULL);
        g_clear_pointer(&m->overlay, g_free);
    }
}
