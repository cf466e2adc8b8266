/*
 * The output file of a mirror dump, and the threads that fill it.
 *
 * Guest memory goes out in blocks of up to one chunk, past the page cache
 * where the file system can do that.  Zero pages are holes.  The headers come
 * last: a file without them is no dump, so a torn one cannot be mistaken.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/memalign.h"
#include "qapi/error.h"
#include "system/dump-mirror.h"
#include "mirror.h"
#include "trace.h"

/* Two data runs that are closer than this go out as one write */
#define GAP_PAGES 16

/* Writers wait for the disk, not for the processor */
#define WRITERS 4

/* Enough to have the next ones ready */
#define JOBS_IN_PLACE (2 * WRITERS)

/* How often writers that are held look whether they should go on */
#define HELD_MS 5

static bool set_direct(DumpMirror *m, bool on)
{
    int flags = fcntl(m->s->fd, F_GETFL);

    if (flags < 0) {
        return false;
    }
    flags = on ? flags | O_DIRECT : flags & ~O_DIRECT;
    return fcntl(m->s->fd, F_SETFL, flags) == 0;
}

static bool extents_aligned(DumpMirror *m)
{
    size_t i;

    for (i = 0; i < m->nextents; i++) {
        MirrorExtent *e = &m->extents[i];

        if (((uintptr_t)e->host | e->size | e->file_offset) %
            MIRROR_PAGE) {
            return false;
        }
    }
    return true;
}

bool dump_mirror_check_output(DumpMirror *m, const char *protocol, int fd,
                              Error **errp)
{
    int flags = fcntl(fd, F_GETFL);
    const char *path;
    struct stat st;

    if (fstat(fd, &st)) {
        error_setg_errno(errp, errno, "mode=mirror: cannot stat the output");
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        error_setg(errp, "mode=mirror needs a regular file as output, not a "
                   "pipe, socket or device");
        return false;
    }
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || flags & O_APPEND) {
        error_setg(errp, "mode=mirror needs an output that is open for "
                   "writing, and not for appending");
        return false;
    }
    if (strstart(protocol, "file:", &path) &&
        !strstart(path, "/dev/fdset/", NULL)) {
        m->path = g_strdup(path);
        m->device = st.st_dev;
        m->inode = st.st_ino;
    }
    return true;
}

void mirror_writer_remove(DumpMirror *m)
{
    struct stat st;

    /* somebody may have given the name to another file */
    if (m->path && stat(m->path, &st) == 0 && st.st_dev == m->device &&
        st.st_ino == m->inode) {
        unlink(m->path);
    }
    g_clear_pointer(&m->path, g_free);
}

bool mirror_writer_open(DumpMirror *m, Error **errp)
{
    DumpState *s = m->s;
    uint64_t size = m->kdump ? 0 :
                    s->section_offset + s->elf_section_data_size;

    if (m->fd_flags < 0) {
        m->fd_flags = fcntl(s->fd, F_GETFL);
    }
    /* From nothing to full length: what is not written reads as zero */
    if (ftruncate(s->fd, 0) || ftruncate(s->fd, size)) {
        error_setg_errno(errp, errno, "mode=mirror: cannot set the size of the "
                         "output to %" PRIu64 " bytes", size);
        return false;
    }
    m->direct = (m->kdump || extents_aligned(m)) && set_direct(m, true);
    if (!m->direct) {
        set_direct(m, false);
    }
    return true;
}

static bool write_all(DumpMirror *m, const uint8_t *buf, size_t size,
                      uint64_t offset, bool aligned)
{
    if (m->overlay) {
        qatomic_add(&m->bytes_written, size);
        return mirror_overlay_write(m->overlay, &(MirrorRun) {
            .buf = (void *)buf, .offset = offset, .size = size,
        }, 1);
    }
    while (size) {
        bool direct = aligned && qatomic_read(&m->direct);
        ssize_t n = pwrite(m->s->fd, buf, size, offset);

        if (n > 0) {
            buf += n;
            size -= n;
            offset += n;
            qatomic_add(&m->bytes_written, n);
        } else if (n < 0 && errno == EINVAL && direct) {
            /* fcntl() took O_DIRECT, the file system doesn't */
            mirror_writer_buffered(m);
        } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
            errno = n == 0 ? ENOSPC : errno;
            return false;
        }
    }
    return true;
}

bool mirror_write_at(DumpMirror *m, const void *buf, size_t size,
                     uint64_t offset)
{
    return write_all(m, buf, size, offset, true);
}

bool mirror_write_unaligned(DumpMirror *m, const void *buf, size_t size,
                            uint64_t offset)
{
    bool ok;

    QEMU_LOCK_GUARD(&m->direct_lock);
    set_direct(m, false);
    ok = write_all(m, buf, size, offset, false);
    set_direct(m, m->direct);
    return ok;
}

void mirror_writer_buffered(DumpMirror *m)
{
    QEMU_LOCK_GUARD(&m->direct_lock);
    qatomic_set(&m->direct, false);
    set_direct(m, false);
}

/*
 * Sleep as long as the limit wants it.  Rather exceed it than keep the guest
 * waiting for memory that writing would free.
 */
static void keep_pace(DumpMirror *m, size_t size)
{
    int64_t end = get_clock() + ratelimit_calculate_delay(&m->pace, size);
    int64_t left;

    while ((left = end - get_clock()) > 0 &&
           mirror_pool_idle(&m->pool, MIN(DIV_ROUND_UP(left, SCALE_MS), 1000))) {
        /* a while longer */
    }
}

static bool flush(DumpMirror *m)
{
    return (!m->overlay || mirror_overlay_flush(m->overlay)) &&
           fdatasync(m->s->fd) == 0;
}

typedef struct Runs {
    MirrorRun *v;
    size_t n, max;
} Runs;

/* What the part of @job that belongs to @e has to write */
static bool add_runs(DumpMirror *m, MirrorJob *job, MirrorExtent *e, Runs *runs,
                     Error **errp)
{
    uint8_t *start = MAX(e->host, job->host);
    uint8_t *stop = MIN(e->host + e->size, job->host + MIRROR_CHUNK);
    size_t page, end, last, next;

    if (start >= stop) {
        return true;
    }
    page = (start - job->host) >> MIRROR_PAGE_BITS;
    last = DIV_ROUND_UP(stop - job->host, MIRROR_PAGE);

    while ((page = find_next_bit(job->data, last, page)) < last) {
        uint8_t *from, *to;
        MirrorRun *run;

        if (!mirror_grow((void **)&runs->v, &runs->max, runs->n + 1,
                         sizeof(*runs->v), "runs of pages to write", errp)) {
            return false;
        }
        run = &runs->v[runs->n++];
        end = find_next_zero_bit(job->data, last, page);
        /* but not over what the file has there */
        while (!m->overwrite && job->buf &&
               (next = find_next_bit(job->data, last, end)) < last &&
               next - end < GAP_PAGES) {
            memset(mirror_job_page(job, end), 0, (next - end) * MIRROR_PAGE);
            end = find_next_zero_bit(job->data, last, next);
        }
        from = MAX(job->host + page * MIRROR_PAGE, start);
        to = MIN(job->host + end * MIRROR_PAGE, stop);
        run->buf = (void *)(mirror_job_data(job, page) +
                            (from - job->host) % MIRROR_PAGE);
        run->offset = e->file_offset + (from - e->host);
        run->size = to - from;
        page = end;
    }
    return true;
}

static bool write_runs(DumpMirror *m, const Runs *runs)
{
    const MirrorRun *run = runs->v;
    const MirrorRun *const end = run + runs->n;

    if (m->overlay || m->remap) {
        uint64_t size = 0;

        for (; run < end; run++) {
            size += run->size;
        }
        run = runs->v;
        keep_pace(m, size);
        if (m->remap) {
            return mirror_remap_write(m, run, runs->n);
        }
        qatomic_add(&m->bytes_written, size);
        return mirror_overlay_write(m->overlay, run, runs->n);
    }
    for (; run < end && !mirror_failed(m); run++) {
        keep_pace(m, run->size);
        if (!mirror_write_at(m, run->buf, run->size, run->offset)) {
            return false;
        }
    }
    return true;
}

static bool write_jobs(DumpMirror *m, MirrorJobs *jobs)
{
    MirrorJob *job = QSIMPLEQ_FIRST(jobs);
    Runs runs = { 0 };
    Error *err = NULL;
    bool ok;
    size_t i;

    if (m->kdump) {
        keep_pace(m, job->size);
        return mirror_failed(m) ||
               mirror_write_at(m, job->buf, job->size, job->offset);
    }
    QSIMPLEQ_FOREACH(job, jobs, next) {
        for (i = 0; i < m->nextents && !err; i++) {
            add_runs(m, job, &m->extents[i], &runs, &err);
        }
    }
    if (err) {
        mirror_fail(m, err);
    }
    ok = mirror_failed(m) || write_runs(m, &runs);
    g_free(runs.v);
    return ok;
}

void mirror_job_free(DumpMirror *m, MirrorJob *job)
{
    if (job->buf) {
        mirror_pool_put_chunk(&m->pool, job->buf);
    }
    g_free(job);
}

/* With the lock, which it may leave for a while */
static bool may_write(DumpMirror *m)
{
    /* nobody tells when the mirror fills */
    while (mirror_pool_is_held(&m->pool)) {
        qemu_cond_timedwait(&m->job_cond, &m->job_lock, HELD_MS);
    }
    return !QSIMPLEQ_EMPTY(&m->jobs);
}

/* Whether @b can go out with @a, in one write */
static bool goes_with(DumpMirror *m, const MirrorJob *a, const MirrorJob *b)
{
    return m->remap && b && a->buf + a->size == b->buf &&
           !QEMU_PTR_IS_ALIGNED(b->buf, MIRROR_CHUNK);
}

/* Waits.  Returns how many there are, 0 in the end */
static unsigned take_jobs(DumpMirror *m, MirrorJobs *jobs)
{
    MirrorJob *job, *next;
    unsigned n = 0;

    QSIMPLEQ_INIT(jobs);
    QEMU_LOCK_GUARD(&m->job_lock);
    while (!may_write(m) && !m->jobs_closed) {
        qemu_cond_wait(&m->job_cond, &m->job_lock);
    }
    for (job = QSIMPLEQ_FIRST(&m->jobs); job; job = next) {
        QSIMPLEQ_REMOVE_HEAD(&m->jobs, next);
        QSIMPLEQ_INSERT_TAIL(jobs, job, next);
        n++;
        next = QSIMPLEQ_FIRST(&m->jobs);
        next = goes_with(m, job, next) ? next : NULL;
    }
    return n;
}

static void write_failed(DumpMirror *m)
{
    Error *err = NULL;

    error_setg_errno(&err, errno, "dump: cannot write guest memory to the "
                     "output");
    mirror_fail(m, err);
}

static void *writer_thread(void *opaque)
{
    DumpMirror *m = opaque;
    MirrorJobs jobs;
    unsigned n;

    mirror_thread_yield_to_guest();
    while ((n = take_jobs(m, &jobs))) {
        MirrorJob *job, *next;

        if (!write_jobs(m, &jobs)) {
            write_failed(m);
        }
        QSIMPLEQ_FOREACH_SAFE(job, &jobs, next, next) {
            mirror_job_free(m, job);
        }
        if (m->remap && !mirror_failed(m) && !mirror_remap_some(m)) {
            write_failed(m);
        }
        WITH_QEMU_LOCK_GUARD(&m->job_lock) {
            m->jobs_open -= n;
            if (m->jobs_open < JOBS_IN_PLACE) {
                qemu_cond_broadcast(&m->job_cond);
            }
        }
    }
    return NULL;
}

bool mirror_writer_start(DumpMirror *m, Error **errp)
{
    Error *err = NULL;

    m->writers = g_new0(QemuThread, WRITERS);
    while (m->nwriters < WRITERS &&
           mirror_thread_create(&m->writers[m->nwriters], "dump-writer",
                                writer_thread, m, &err)) {
        m->nwriters++;
    }
    if (!m->nwriters) {
        error_propagate(errp, err);
        return false;
    }
    error_free(err);
    return true;
}

void mirror_writer_push(DumpMirror *m, MirrorJob *job)
{
    QEMU_LOCK_GUARD(&m->job_lock);
    if (m->early) {
        QSIMPLEQ_INSERT_TAIL(&m->early_jobs, job, next);
        return;
    }
    /* what has a buffer is bounded by the mirror */
    while (!job->buf && m->jobs_open >= JOBS_IN_PLACE) {
        qemu_cond_wait(&m->job_cond, &m->job_lock);
    }
    QSIMPLEQ_INSERT_TAIL(&m->jobs, job, next);
    m->jobs_open++;
    /* writers that are held look by themselves now and then */
    if (!qatomic_read(&m->pool.held)) {
        qemu_cond_broadcast(&m->job_cond);
    }
}

void mirror_writer_push_all(DumpMirror *m, MirrorJobs *jobs, unsigned n)
{
    QEMU_LOCK_GUARD(&m->job_lock);
    QSIMPLEQ_CONCAT(&m->jobs, jobs);
    m->jobs_open += n;
    qemu_cond_broadcast(&m->job_cond);
}

void mirror_writer_hold(DumpMirror *m)
{
    mirror_pool_hold(&m->pool, true);
    QEMU_LOCK_GUARD(&m->job_lock);
    /* so that they look: mirror_writer_push() wakes nobody now */
    qemu_cond_broadcast(&m->job_cond);
}

void mirror_writer_go(DumpMirror *m)
{
    mirror_pool_hold(&m->pool, false);
    QEMU_LOCK_GUARD(&m->job_lock);
    qemu_cond_broadcast(&m->job_cond);
}

void mirror_writer_drain(DumpMirror *m)
{
    QEMU_LOCK_GUARD(&m->job_lock);
    while (m->jobs_open) {
        qemu_cond_wait(&m->job_cond, &m->job_lock);
    }
}

bool mirror_writer_page(DumpMirror *m, uint8_t *host, const uint8_t *data)
{
    size_t i;

    for (i = 0; i < m->nextents; i++) {
        MirrorExtent *e = &m->extents[i];

        if (host >= e->host && host < e->host + e->size &&
            !mirror_write_at(m, data, MIN(MIRROR_PAGE, e->host + e->size - host),
                      e->file_offset + (host - e->host))) {
            return false;
        }
    }
    return true;
}

bool mirror_writer_no_head(DumpMirror *m)
{
    QEMU_AUTO_VFREE uint8_t *zeros = qemu_try_memalign(MIRROR_PAGE,
                                                       m->head_size);
    bool ok;

    if (!zeros) {
        errno = ENOMEM;
        return false;
    }

    memset(zeros, 0, m->head_size);
    ok = mirror_write_at(m, zeros, m->head_size, 0);
    /* Direct writes are in the file in their order; others must not go first */
    if (ok && !m->direct) {
        ok = flush(m);
    }
    return ok;
}

/* The file description is the caller's, and so are its flags */
void mirror_writer_close(DumpMirror *m)
{
    if (m->fd_flags >= 0) {
        (void)fcntl(m->s->fd, F_SETFL, m->fd_flags);
    }
}

void mirror_writer_join(DumpMirror *m)
{
    unsigned i;

    WITH_QEMU_LOCK_GUARD(&m->job_lock) {
        m->jobs_closed = true;
        qemu_cond_broadcast(&m->job_cond);
    }
    for (i = 0; i < m->nwriters; i++) {
        qemu_thread_join(&m->writers[i]);
    }
    m->nwriters = 0;
    g_clear_pointer(&m->writers, g_free);
}

/* XFS allocates ahead of an image that grows, up to half as much again */
static bool trim(DumpMirror *m)
{
    struct stat st;

    return !m->overlay || (fstat(m->s->fd, &st) == 0 &&
                           ftruncate(m->s->fd, st.st_size) == 0);
}

bool mirror_writer_finish(DumpMirror *m, Error **errp)
{
    DumpState *s = m->s;

    mirror_writer_buffered(m);
    if ((m->tail->len &&
         !mirror_write_at(m, m->tail->data, m->tail->len,
                          s->section_offset)) ||
        !flush(m) || !trim(m)) {
        error_setg_errno(errp, errno, "dump: cannot write the output");
        return false;
    }
    return true;
}

bool mirror_writer_head(DumpMirror *m, Error **errp)
{
    if (!mirror_write_at(m, m->head->data, m->head->len, 0) || !flush(m)) {
        error_setg_errno(errp, errno, "dump: cannot write the dump's header");
        return false;
    }
    return true;
}
