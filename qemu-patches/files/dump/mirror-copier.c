/*
 * The threads that save what the guest has not written to since T0.
 *
 * A chunk is copied to the mirror, or compressed into a segment there,
 * claimed, unprotected and handed to the writers.  Chunks that the guest has
 * written to go first: it is likely to write there again, and their granules
 * hold memory of the mirror.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qapi/error.h"
#include "mirror.h"
#include "trace.h"
#include <sched.h>

struct MirrorCopier {
    DumpMirror *m;
    MirrorKdumpWorker *worker;   /* NULL: it does not compress */
    QemuThread thread;
};

void mirror_hot_chunk(DumpMirror *m, MirrorRegion *r, size_t chunk,
                      bool urgent)
{
    QEMU_LOCK_GUARD(&m->queue_lock);
    if (urgent && r->taken[chunk] != CHUNK_TAKEN &&
        m->nurgent < ARRAY_SIZE(m->urgent)) {
        m->urgent[m->nurgent++] = r->first_chunk + chunk;
        return;
    }
    if (r->taken[chunk] == CHUNK_WAITS) {
        r->taken[chunk] = CHUNK_HOT;
        m->hot[m->hot_tail++] = r->first_chunk + chunk;
    }
}

static MirrorRegion *region_of_chunk(DumpMirror *m, size_t number)
{
    MirrorRegion *r = m->regions;

    while (number >= r->first_chunk + r->nchunks) {
        r++;
    }
    return r;
}

static bool next_chunk(DumpMirror *m, MirrorRegion **region, size_t *chunk)
{
    QEMU_LOCK_GUARD(&m->queue_lock);
    for (;;) {
        size_t number;

        if (mirror_failed(m)) {
            return false;
        } else if (m->nurgent) {
            number = m->urgent[--m->nurgent];
        } else if (m->hot_head < m->hot_tail) {
            number = m->hot[m->hot_head++];
        } else if (m->cursor < m->nchunks) {
            number = m->cursor++;
        } else {
            return false;
        }
        *region = region_of_chunk(m, number);
        *chunk = number - (*region)->first_chunk;
        if ((*region)->taken[*chunk] != CHUNK_TAKEN) {
            (*region)->taken[*chunk] = CHUNK_TAKEN;
            return true;
        }
    }
}

/* Pages of the chunk at @base that the image has.  Returns bytes in the file */
static uint64_t wanted_pages(DumpMirror *m, MirrorRegion *r, size_t chunk,
                             unsigned long *wanted)
{
    uint8_t *first = mirror_chunk_start(r, chunk);
    uint8_t *last = mirror_chunk_end(r, chunk);
    uint8_t *base = QEMU_ALIGN_PTR_DOWN(first, MIRROR_CHUNK);
    uint64_t bytes = 0;
    size_t i;

    bitmap_zero(wanted, MIRROR_CHUNK_PAGES);
    for (i = 0; i < m->nextents; i++) {
        MirrorExtent *e = &m->extents[i];
        uint8_t *start = MAX(e->host, first);
        uint8_t *end = MIN(e->host + e->size, last);

        if (start < end) {
            size_t from = (start - base) >> MIRROR_PAGE_BITS;
            size_t to = DIV_ROUND_UP(end - base, MIRROR_PAGE);

            bitmap_set(wanted, from, to - from);
            bytes += end - start;
        }
    }
    return bytes;
}

/* Drop what the delta does not have.  Returns whether it has any of the chunk */
static bool delta_pages(MirrorRegion *r, size_t chunk, unsigned long *wanted)
{
    uint8_t *first = mirror_chunk_start(r, chunk);
    uint8_t *base = QEMU_ALIGN_PTR_DOWN(first, MIRROR_CHUNK);
    const size_t page = mirror_page_of(r, first);
    const size_t end = mirror_page_of(r, mirror_chunk_end(r, chunk));
    const size_t skip = (first - base) >> MIRROR_PAGE_BITS;
    size_t p;

    if (!r->delta) {
        return true;
    }
    if (find_next_bit(r->delta, end, page) >= end) {
        return false;
    }
    for (p = page; p < end; p++) {
        if (!test_bit(p, r->delta)) {
            clear_bit(skip + p - page, wanted);
        }
    }
    return true;
}

/*
 * Copy the wanted pages of [@host, @end) from @src.  Returns those with data:
 * zero pages are left to be holes, if the file has nothing else in their place.
 */
static size_t copy_pages(MirrorJob *job, const unsigned long *wanted,
                         uint8_t *host, uint8_t *end, const uint8_t *src,
                         bool zeros)
{
    size_t page = (host - job->host) >> MIRROR_PAGE_BITS;
    size_t n = 0;

    for (; host < end; page++, host += MIRROR_PAGE, src += MIRROR_PAGE) {
        if (!test_bit(page, wanted)) {
            continue;
        }
        if (!zeros && buffer_is_zero(src, MIRROR_PAGE)) {
            clear_bit(page, job->data);
        } else {
            memcpy(mirror_job_page(job, page), src, MIRROR_PAGE);
            set_bit(page, job->data);
            n++;
        }
    }
    return n;
}

static size_t save_pages(DumpMirror *m, MirrorJob *job, MirrorKdumpWorker *w,
                         const unsigned long *wanted, uint8_t *host,
                         uint8_t *end, const uint8_t *src)
{
    return w ? mirror_kdump_save(w, job, wanted, host, end, src) :
               copy_pages(job, wanted, host, end, src, m->overwrite);
}

/*
 * Reading a page that a shared file does not have would allocate it, and the
 * dump must not make the guest's memory grow.  Such a page is zero.  Pages
 * that are not in memory may also be in swap: the file knows.  (It alone would
 * be slow to ask: SEEK_HOLE walks over all the data up to the next hole.)
 */
static void drop_holes(MirrorRegion *r, uint8_t *start, uint8_t *end,
                       unsigned long *wanted)
{
    size_t first = (start - QEMU_ALIGN_PTR_DOWN(start, MIRROR_CHUNK)) >>
                   MIRROR_PAGE_BITS;
    size_t npages = (end - start) >> MIRROR_PAGE_BITS;
    unsigned char resident[MIRROR_CHUNK_PAGES];
    size_t i, data;
    off_t offset;

    if (r->shared_fd < 0 || mincore(start, end - start, resident) < 0) {
        return;
    }
    for (i = 0; i < npages; i = data + 1) {
        data = i;
        if (resident[i] & 1) {
            continue;
        }
        offset = lseek(r->shared_fd, r->fd_offset + (start - r->host) +
                       (i << MIRROR_PAGE_BITS), SEEK_DATA);
        if (offset < 0 && errno != ENXIO) {
            return;
        }
        data = offset < 0 ? npages :
               MIN(npages, (offset - r->fd_offset - (start - r->host)) >>
                           MIRROR_PAGE_BITS);
        bitmap_clear(wanted, first + i, data - i);
    }
}

/* Pages that are holes now are zero in the file, whatever it had there */
static void keep_holes(MirrorJob *job, const unsigned long *wanted,
                       const unsigned long *all)
{
    size_t page;

    for (page = find_first_bit(all, MIRROR_CHUNK_PAGES);
         page < MIRROR_CHUNK_PAGES;
         page = find_next_bit(all, MIRROR_CHUNK_PAGES, page + 1)) {
        if (!test_bit(page, wanted)) {
            memset(mirror_job_page(job, page), 0, MIRROR_PAGE);
            set_bit(page, job->data);
        }
    }
}

static void *wait_for_copy(DumpMirror *m, MirrorRegion *r, size_t g)
{
    uint32_t index;

    /* The fault thread has claimed it and is in its memcpy() */
    while (!(index = qatomic_load_acquire(&r->copy[g])) && !mirror_failed(m)) {
        sched_yield();
    }
    return index ? mirror_pool_at(&m->pool, index) : NULL;
}

/*
 * Save the wanted pages of a chunk, claim its granules and free the guest from
 * their protection.  Read first, claim after: what was protected all the time
 * until the claim was read right.  Where the claim fails the fault thread has
 * the content.  Returns the pages with data that came from there.
 */
static size_t save_protected(DumpMirror *m, MirrorRegion *r, size_t chunk,
                             MirrorJob *job, MirrorKdumpWorker *w,
                             const unsigned long *wanted)
{
    uint8_t *start = mirror_chunk_start(r, chunk);
    uint8_t *end = mirror_chunk_end(r, chunk);
    size_t first = mirror_granule_of(r, start);
    size_t last = mirror_granule_of(r, end - 1);
    bool empty = bitmap_empty(wanted, MIRROR_CHUNK_PAGES);
    size_t g, npages = 0, nfaulted = 0;

    for (g = first; g <= last; g++) {
        uint8_t *host = mirror_granule_start(r, g);
        uint8_t *stop = host + mirror_granule_size(r);
        void *copy;

        if (!empty && qatomic_read(&r->state[g]) == GRANULE_PROTECTED) {
            save_pages(m, job, w, wanted, host, stop, host);
        }
        if (qatomic_cmpxchg(&r->state[g], GRANULE_PROTECTED, GRANULE_SAVED) ==
            GRANULE_PROTECTED) {
            continue;
        }
        copy = wait_for_copy(m, r, g);
        if (!copy) {
            break;
        }
        npages += save_pages(m, job, w, wanted, host, stop, copy);
        mirror_pool_put_granule(&m->pool, copy);
        nfaulted++;
    }
    if (nfaulted <= last - first) {
        mirror_track_unprotect(m, start, end - start);
    }
    mirror_pool_kick(&m->pool);
    return npages;
}

/*
 * What is copied while the guest runs and copied again if the guest writes to it
 * needs no copy in the mirror: it is written from where it is, torn or not.
 */
static bool in_place(DumpMirror *m)
{
    return m->phase != MIRROR_CAPTURE && !m->overwrite;
}

static void find_data(MirrorJob *job, const unsigned long *wanted)
{
    size_t page;

    for (page = find_first_bit(wanted, MIRROR_CHUNK_PAGES);
         page < MIRROR_CHUNK_PAGES;
         page = find_next_bit(wanted, MIRROR_CHUNK_PAGES, page + 1)) {
        if (!buffer_is_zero(mirror_job_data(job, page), MIRROR_PAGE)) {
            set_bit(page, job->data);
        }
    }
}

/* Pages of a delta lie in the buffer one behind the other: they may be few */
static bool get_buffer(DumpMirror *m, MirrorRegion *r, MirrorJob *job,
                       const unsigned long *all)
{
    const bool packed = r->delta && !in_place(m);
    size_t page, n = 0;

    for (page = 0; page < MIRROR_CHUNK_PAGES; page++) {
        job->at[page] = n;
        n += !packed || test_bit(page, all);
    }
    if (in_place(m)) {
        return true;
    }
    job->size = n * MIRROR_PAGE;
    job->buf = mirror_pool_get_chunk(&m->pool, job->size);
    return job->buf != NULL;
}

/* Returns false to stop.  @w is NULL unless pages are to be compressed */
static bool copy_chunk(DumpMirror *m, MirrorRegion *r, size_t chunk,
                       MirrorKdumpWorker *w)
{
    uint8_t *start = mirror_chunk_start(r, chunk);
    uint8_t *end = mirror_chunk_end(r, chunk);
    DECLARE_BITMAP(all, MIRROR_CHUNK_PAGES);
    DECLARE_BITMAP(wanted, MIRROR_CHUNK_PAGES);
    size_t copied, faulted = 0, total;
    uint64_t bytes;
    MirrorJob *job;
    Error *err = NULL;

    bytes = wanted_pages(m, r, chunk, all);
    if (m->again || m->early) {
        bytes = 0;
    }
    if (!delta_pages(r, chunk, all)) {
        qatomic_add(&m->s->written_size, bytes);
        return true;
    }
    job = mirror_new(MirrorJob, 1, "a piece of memory to write", &err);
    if (!job) {
        mirror_fail(m, err);
        return false;
    }
    job->region = r;
    job->host = QEMU_ALIGN_PTR_DOWN(start, MIRROR_CHUNK);
    if (!w && !get_buffer(m, r, job, all)) {
        g_free(job);
        return false;
    }
    bitmap_copy(wanted, all, MIRROR_CHUNK_PAGES);
    drop_holes(r, start, end, wanted);
    if (m->overwrite) {
        keep_holes(job, wanted, all);
    }

    if (m->phase == MIRROR_CAPTURE) {
        faulted = save_protected(m, r, chunk, job, w, wanted);
    } else if (in_place(m)) {
        find_data(job, wanted);
    } else {
        save_pages(m, job, w, wanted, start, end, start);
    }

    copied = bitmap_count_one(job->data, MIRROR_CHUNK_PAGES) - faulted;
    qatomic_add(&m->pages_fault_copied, faulted);
    if (m->again) {
        /* counted before, as copied */
        qatomic_sub(&m->pages_copied, faulted);
    } else if (!m->early) {
        total = bitmap_count_one(all, MIRROR_CHUNK_PAGES);
        qatomic_add(&m->pages_copied, copied);
        qatomic_add(&m->pages_zero, total - copied - faulted);
        qatomic_add(&m->s->written_size, bytes);
    }

    if (w) {
        mirror_kdump_describe(w, job, start, end);
        g_free(job);
    } else if (copied + faulted) {
        mirror_writer_push(m, job);
    } else {
        mirror_job_free(m, job);
    }
    return true;
}

void mirror_rewind(DumpMirror *m)
{
    size_t i;

    m->cursor = 0;
    for (i = 0; i < m->nregions; i++) {
        memset(m->regions[i].taken, CHUNK_WAITS, m->regions[i].nchunks);
    }
}

static void copy_chunks(MirrorCopier *c)
{
    MirrorRegion *r;
    size_t chunk;

    if (c->worker) {
        mirror_kdump_worker_begin(c->worker);
    }
    while (next_chunk(c->m, &r, &chunk) &&
           copy_chunk(c->m, r, chunk, c->worker)) {
        /* next */
    }
    if (c->worker) {
        mirror_kdump_worker_end(c->worker);
    }
}

static void *copier_thread(void *opaque)
{
    mirror_thread_yield_to_guest();
    copy_chunks(opaque);
    return NULL;
}

/* By memory bandwidth, or by the processors that compression can have */
static unsigned number_of_copiers(DumpMirror *m)
{
    unsigned cpus = g_get_num_processors();
    unsigned n = m->threads ?: m->kdump ? MIN(cpus, 16) :
                 MAX(1, MIN(4, cpus / 2));

    /* each holds a segment, and one more is on its way to the file */
    return m->kdump ? MIN(n, m->pool.chunks_max - 1) : n;
}

bool mirror_copier_prepare(DumpMirror *m, Error **errp)
{
    const unsigned n = number_of_copiers(m);
    Error *err = NULL;

    m->copiers = mirror_new(MirrorCopier, n, "copiers", errp);
    if (!m->copiers) {
        return false;
    }
    for (; m->ncopiers < n; m->ncopiers++) {
        MirrorCopier *c = &m->copiers[m->ncopiers];

        c->m = m;
        if (m->kdump && !(c->worker = mirror_kdump_worker_new(m, &err))) {
            break;
        }
    }
    if (!m->ncopiers) {
        error_propagate(errp, err);
        return false;
    }
    error_free(err);
    return true;
}

void mirror_copier_free(DumpMirror *m)
{
    unsigned i;

    for (i = 0; i < m->ncopiers; i++) {
        mirror_kdump_worker_free(m->copiers[i].worker);
    }
    m->ncopiers = 0;
    g_clear_pointer(&m->copiers, g_free);
}

void mirror_copy_all(DumpMirror *m)
{
    unsigned i, n = 0;

    while (n < m->ncopiers &&
           mirror_thread_create(&m->copiers[n].thread, "dump-copier",
                                copier_thread, &m->copiers[n], NULL)) {
        n++;
    }
    trace_dump_mirror_copiers(n, m->ncopiers);
    if (!n) {
        /* memory may be protected: rather slow than not at all */
        copy_chunks(&m->copiers[0]);
    }
    for (i = 0; i < n; i++) {
        qemu_thread_join(&m->copiers[i].thread);
    }
}

void mirror_count_pages(DumpMirror *m)
{
    DECLARE_BITMAP(wanted, MIRROR_CHUNK_PAGES);
    size_t i, c;

    for (i = 0; i < m->nregions; i++) {
        MirrorRegion *r = &m->regions[i];

        for (c = 0; c < r->nchunks; c++) {
            wanted_pages(m, r, c, wanted);
            m->npages += bitmap_count_one(wanted, MIRROR_CHUNK_PAGES);
            if (!m->again && delta_pages(r, c, wanted)) {
                m->pages_dirty += bitmap_count_one(wanted, MIRROR_CHUNK_PAGES);
            }
        }
    }
    if (m->again) {
        /* what is left of the delta at T0 says nothing */
        m->pages_dirty = m->delta ? MIN(m->pages_dirty, m->npages) : m->npages;
        /* some of them were first written to after the round that counted */
        m->pages_copied = MAX(m->pages_copied, m->pages_dirty - m->pages_zero);
    }
}
