/*
 * The kdump formats in mirror mode: pages are compressed by several threads,
 * and the file is written at many places at once.
 *
 *        plain                            flattened
 *   0    main header                 0    makedumpfile header
 *        sub header, notes           4K   record: main header, sub header,
 *        bitmaps                                  notes, bitmaps, descriptors
 *        page descriptors            2M + 4K   record
 *        the page that all           4M + 4K   record: pages
 *        zero pages share            ...
 *   n*2M segment: pages                   end mark
 *        segment: pages
 *        ...
 *
 * A segment is filled by one thread, in memory of the mirror, and belongs to
 * it from the first byte to the last, so nobody waits for the size of somebody
 * else's pages.  In a flattened file each is a record.  What lies in front of
 * the segments has a known place as soon as the guest's memory map is known.
 *
 * Nothing but the mirror grows with the guest: descriptors are written as soon
 * as the pages of a chunk are in a segment.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/memalign.h"
#include "qemu/cutils.h"
#include "qapi/error.h"
#include "elf.h"
#include "system/dump-mirror.h"
#include "compress.h"
#include "mirror.h"

#define RECORD_HEAD sizeof(MakedumpfileDataHeader)

/*
 * Descriptors of a chunk begin and end anywhere, and direct I/O wants blocks.
 * They are collected in windows, which are written when they are full; when
 * there are too many that are not, the oldest is written without direct I/O.
 */
#define WINDOW     (64 * KiB)
#define WINDOWS    32
#define WINDOW_UNIT 8       /* every offset is a multiple of this */

typedef struct KdumpWindow {
    uint64_t at;
    size_t filled;           /* bytes */
    DECLARE_BITMAP(have, WINDOW / WINDOW_UNIT);
    uint8_t *buf;
} KdumpWindow;

struct MirrorKdump {
    bool flat;
    uint64_t base;           /* of record 0 in the file */
    uint64_t payload;        /* bytes of a segment that are not its header */
    uint64_t descriptors;    /* offset in the kdump */
    uint64_t zero_page;      /* likewise */
    size_t first_segment;
    size_t next_segment;     /* atomic */
    QemuMutex lock;
    KdumpWindow *windows[WINDOWS];
    size_t oldest;
};

struct MirrorKdumpWorker {
    DumpMirror *m;
    DumpCompress *compress;
    size_t room;             /* that a page may need */
    uint8_t *segment;        /* NULL once the dump has failed */
    size_t number, used;     /* of the segment */
    uint8_t *last_host;      /* what was read from the guest last, and where */
    size_t last_number, last_used;  /* its pages begin */
    PageDescriptor pages[MIRROR_CHUNK_PAGES];
    PageDescriptor out[MIRROR_CHUNK_PAGES];
    uint8_t page[MIRROR_PAGE];
};

MirrorKdump *mirror_kdump_new(void)
{
    MirrorKdump *k = g_new0(MirrorKdump, 1);

    qemu_mutex_init(&k->lock);
    return k;
}

static void window_free(KdumpWindow *w)
{
    if (w) {
        qemu_vfree(w->buf);
        g_free(w);
    }
}

void mirror_kdump_free(MirrorKdump *k)
{
    size_t i;

    if (!k) {
        return;
    }
    for (i = 0; i < WINDOWS; i++) {
        window_free(k->windows[i]);
    }
    qemu_mutex_destroy(&k->lock);
    g_free(k);
}

/* Where things are */

DumpGuestMemoryFormat mirror_format(DumpMirror *m)
{
    DumpState *s = m->s;

    if (!s->kdump_raw) {
        return s->format;
    }
    /* dump.c keeps that apart */
    switch (s->format) {
    case DUMP_GUEST_MEMORY_FORMAT_KDUMP_ZLIB:
        return DUMP_GUEST_MEMORY_FORMAT_KDUMP_RAW_ZLIB;
    case DUMP_GUEST_MEMORY_FORMAT_KDUMP_LZO:
        return DUMP_GUEST_MEMORY_FORMAT_KDUMP_RAW_LZO;
    case DUMP_GUEST_MEMORY_FORMAT_KDUMP_SNAPPY:
        return DUMP_GUEST_MEMORY_FORMAT_KDUMP_RAW_SNAPPY;
    default:
        return DUMP_GUEST_MEMORY_FORMAT_KDUMP_RAW_ZSTD;
    }
}

bool mirror_kdump_layout(DumpMirror *m, Error **errp)
{
    DumpState *s = m->s;
    MirrorKdump *k = m->kdump;
    size_t i;

    if (s->dump_info.page_size != MIRROR_PAGE) {
        error_setg(errp, "mode=mirror with format '%s' needs a guest with "
                   "pages of %llu bytes, this one has %u",
                   DumpGuestMemoryFormat_str(mirror_format(m)), MIRROR_PAGE,
                   (unsigned)s->dump_info.page_size);
        return false;
    }
    for (i = 0; i < m->nextents; i++) {
        MirrorExtent *e = &m->extents[i];

        if (((uintptr_t)e->host | e->size | e->paddr) % MIRROR_PAGE) {
            error_setg(errp, "mode=mirror with format '%s' needs guest memory "
                       "in whole pages: there are %" PRIu64 " bytes at 0x%"
                       PRIx64 "; use format 'elf'",
                       DumpGuestMemoryFormat_str(mirror_format(m)), e->size,
                       e->paddr);
            return false;
        }
    }
    k->flat = !s->kdump_raw;
    k->base = k->flat ? MAX_SIZE_MDF_HEADER : 0;
    k->payload = MIRROR_CHUNK - (k->flat ? RECORD_HEAD : 0);
    s->num_dumpable = s->total_size / MIRROR_PAGE;
    return true;
}

static uint64_t segment_offset(MirrorKdump *k, size_t number)
{
    return k->base + number * MIRROR_CHUNK;
}

static MakedumpfileDataHeader record_head(MirrorKdump *k, size_t number)
{
    return (MakedumpfileDataHeader) {
        .offset = cpu_to_be64(number * k->payload),
        .buf_size = cpu_to_be64(k->payload),
    };
}

/* Headers and notes */

int dump_mirror_write_at(DumpState *s, uint64_t offset, const void *buf,
                         size_t size)
{
    GByteArray *head = s->mirror->head;
    size_t len = head->len;

    if (offset + size > len) {
        g_byte_array_set_size(head, offset + size);
        memset(head->data + len, 0, head->len - len);
    }
    memcpy(head->data + offset, buf, size);
    return 0;
}

bool mirror_kdump_begin(DumpMirror *m, Error **errp)
{
    ERRP_GUARD();
    DumpState *s = m->s;
    MirrorKdump *k = m->kdump;
    uint64_t end;

    dump_begin_kdump(s, errp);
    if (*errp) {
        return false;
    }
    if (s->note_buf_offset + mirror_note_size() != s->note_size) {
        error_setg(errp, "dump: the number of vCPUs changed while the dump was "
                   "starting; try again");
        return false;
    }
    k->descriptors = s->offset_page;
    k->zero_page = k->descriptors + s->num_dumpable * sizeof(PageDescriptor);
    end = k->zero_page + MIRROR_PAGE;
    k->first_segment = k->next_segment = DIV_ROUND_UP(end, k->payload);
    return true;
}

/*
 * Full length from the start, so that writes at many places need not take
 * turns at moving its end.  What is not needed goes in the end.
 */
bool mirror_kdump_open(DumpMirror *m, Error **errp)
{
    MirrorKdump *k = m->kdump;
    DumpState *s = m->s;
    /* if no page gets smaller, and a segment's end is too short for one more */
    uint64_t pages = k->payload / MIRROR_PAGE - 1;
    uint64_t n = DIV_ROUND_UP(s->num_dumpable, pages) + MIRROR_THREADS_MAX;
    uint64_t size = segment_offset(k, k->first_segment + n);

    if (ftruncate(s->fd, size)) {
        error_setg_errno(errp, errno, "mode=mirror: cannot set the size of the "
                         "output to %" PRIu64 " bytes", size);
        return false;
    }
    return true;
}

/* In front of the segments */

static void write_failed(DumpMirror *m)
{
    Error *err = NULL;

    error_setg_errno(&err, errno, "dump: cannot write to the output");
    mirror_fail(m, err);
}

/* Write a window, as far as it is filled */
static bool flush_window(DumpMirror *m, KdumpWindow *w)
{
    const size_t n = WINDOW / WINDOW_UNIT;
    size_t from = 0, to;

    if (w->filled == WINDOW) {
        return mirror_write_at(m, w->buf, WINDOW, w->at);
    }
    while ((from = find_next_bit(w->have, n, from)) < n) {
        to = find_next_zero_bit(w->have, n, from);
        if (!mirror_write_unaligned(m, w->buf + from * WINDOW_UNIT,
                                    (to - from) * WINDOW_UNIT,
                                    w->at + from * WINDOW_UNIT)) {
            return false;
        }
        from = to;
    }
    return true;
}

static KdumpWindow *window_new(DumpMirror *m, uint64_t at)
{
    static const char what[] = "page descriptors";
    Error *err = NULL;
    KdumpWindow *w = mirror_new(KdumpWindow, 1, what, &err);

    if (!w || !(w->buf = mirror_alloc_pages(WINDOW, what, &err))) {
        g_free(w);
        mirror_fail(m, err);
        errno = ENOMEM;
        return NULL;
    }
    w->at = at;
    return w;
}

/*
 * Fill a window.  Returns false if there is no memory for one; @full is one that is
 * to be written and freed, or NULL.
 */
static bool fill_window(DumpMirror *m, uint64_t at, const uint8_t *buf,
                        size_t size, KdumpWindow **full)
{
    MirrorKdump *k = m->kdump;
    KdumpWindow *w = NULL;
    size_t i, in = at % WINDOW;

    *full = NULL;
    QEMU_LOCK_GUARD(&k->lock);
    for (i = 0; i < WINDOWS; i++) {
        if (k->windows[i] && k->windows[i]->at == at - in) {
            w = k->windows[i];
            break;
        }
    }
    if (!w) {
        w = window_new(m, at - in);
        if (!w) {
            return false;
        }
        i = k->oldest;
        k->oldest = (k->oldest + 1) % WINDOWS;
        *full = k->windows[i];
        k->windows[i] = w;
    }
    memcpy(w->buf + in, buf, size);
    bitmap_set(w->have, in / WINDOW_UNIT, size / WINDOW_UNIT);
    w->filled += size;
    if (w->filled == WINDOW && !*full) {
        k->windows[i] = NULL;
        *full = w;
    }
    return true;
}

static bool put_bytes(DumpMirror *m, uint64_t at, const void *buf, size_t size)
{
    if (!qatomic_read(&m->direct)) {
        return mirror_write_at(m, buf, size, at);
    }
    while (size) {
        size_t n = MIN(size, WINDOW - at % WINDOW);
        KdumpWindow *w;
        bool ok = fill_window(m, at, buf, n, &w) && (!w || flush_window(m, w));

        window_free(w);
        if (!ok) {
            return false;
        }
        buf = (const uint8_t *)buf + n;
        at += n;
        size -= n;
    }
    return true;
}

/*
 * Write to @offset of the kdump.  Who writes the first byte of a record writes
 * its header, and each byte is written by somebody.
 */
static bool put(DumpMirror *m, uint64_t offset, const void *buf, size_t size)
{
    MirrorKdump *k = m->kdump;

    while (size) {
        size_t number = offset / k->payload, in = offset % k->payload;
        size_t n = MIN(size, k->payload - in);
        uint64_t at = segment_offset(k, number);
        MakedumpfileDataHeader head = record_head(k, number);

        if (k->flat && in == 0 && !put_bytes(m, at, &head, sizeof(head))) {
            return false;
        }
        if (!put_bytes(m, at + MIRROR_CHUNK - k->payload + in, buf, n)) {
            return false;
        }
        buf = (const uint8_t *)buf + n;
        offset += n;
        size -= n;
    }
    return true;
}

/* The pages */

static bool next_segment(MirrorKdumpWorker *w)
{
    MirrorKdump *k = w->m->kdump;
    MakedumpfileDataHeader head;

    w->segment = mirror_pool_get_chunk(&w->m->pool, MIRROR_CHUNK);
    if (!w->segment) {
        return false;
    }
    w->number = qatomic_fetch_inc(&k->next_segment);
    w->used = MIRROR_CHUNK - k->payload;
    if (k->flat) {
        head = record_head(k, w->number);
        memcpy(w->segment, &head, sizeof(head));
    }
    return true;
}

static void push_segment(MirrorKdumpWorker *w)
{
    Error *err = NULL;
    MirrorJob *job = mirror_new(MirrorJob, 1, "a segment to write", &err);

    if (!job) {
        mirror_fail(w->m, err);
        mirror_pool_put_chunk(&w->m->pool, w->segment);
        w->segment = NULL;
        return;
    }
    job->buf = w->segment;
    job->size = ROUND_UP(w->used, MIRROR_PAGE);
    job->offset = segment_offset(w->m->kdump, w->number);
    memset(job->buf + w->used, 0, job->size - w->used);
    w->segment = NULL;
    mirror_writer_push(w->m, job);
}

MirrorKdumpWorker *mirror_kdump_worker_new(DumpMirror *m, Error **errp)
{
    MirrorKdumpWorker *w = mirror_new(MirrorKdumpWorker, 1, "compression", errp);

    if (!w) {
        return NULL;
    }
    w->m = m;
    w->compress = dump_compress_new(m->s->flag_compress, MIRROR_PAGE);
    if (!w->compress) {
        error_setg(errp, "dump: failed to set up compression");
        g_free(w);
        return NULL;
    }
    w->room = MAX(dump_compress_bound(w->compress), MIRROR_PAGE);
    return w;
}

void mirror_kdump_worker_free(MirrorKdumpWorker *w)
{
    if (w) {
        dump_compress_free(w->compress);
        g_free(w);
    }
}

void mirror_kdump_worker_begin(MirrorKdumpWorker *w)
{
    /* before a chunk is taken: others may wait for that chunk */
    next_segment(w);
}

void mirror_kdump_worker_end(MirrorKdumpWorker *w)
{
    if (w->segment) {
        push_segment(w);
    }
}

/*
 * The guest may write to a page as it is read, and then the page is read again
 * from the fault thread's copy.  Compression works on a copy of its own, since
 * not every library bears input that changes.
 */
static void compress_page(MirrorKdumpWorker *w, PageDescriptor *d,
                          const uint8_t *src)
{
    DumpState *s = w->m->s;
    MirrorKdump *k = w->m->kdump;
    uint8_t *out = w->segment + w->used;
    size_t size;

    memcpy(w->page, src, MIRROR_PAGE);
    size = dump_compress_page(w->compress, w->page, out);
    d->flags = cpu_to_dump32(s, size ? s->flag_compress : 0);
    if (!size) {
        memcpy(out, w->page, MIRROR_PAGE);
        size = MIRROR_PAGE;
    }
    d->size = cpu_to_dump32(s, size);
    d->offset = cpu_to_dump64(s, w->number * k->payload +
                              w->used - (MIRROR_CHUNK - k->payload));
    w->used += size;
}

size_t mirror_kdump_save(MirrorKdumpWorker *w, MirrorJob *job,
                         const unsigned long *wanted, uint8_t *host,
                         uint8_t *end, const uint8_t *src)
{
    size_t page = (host - job->host) >> MIRROR_PAGE_BITS;
    size_t n = 0;

    if (src == host) {
        w->last_host = host;
        w->last_number = w->number;
        w->last_used = w->used;
    } else if (w->last_host == host && w->last_number == w->number) {
        /* the same again, from a copy: the claim has failed */
        w->used = w->last_used;
    }
    for (; host < end; page++, host += MIRROR_PAGE, src += MIRROR_PAGE) {
        if (!test_bit(page, wanted)) {
            continue;
        }
        if (buffer_is_zero(src, MIRROR_PAGE)) {
            clear_bit(page, job->data);
            continue;
        }
        if (w->segment && w->used + w->room > MIRROR_CHUNK) {
            push_segment(w);
            next_segment(w);
        }
        if (!w->segment) {
            break;
        }
        compress_page(w, &w->pages[page], src);
        set_bit(page, job->data);
        n++;
    }
    return n;
}

void mirror_kdump_describe(MirrorKdumpWorker *w, const MirrorJob *job,
                           uint8_t *first, uint8_t *last)
{
    DumpMirror *m = w->m;
    DumpState *s = m->s;
    MirrorKdump *k = m->kdump;
    const PageDescriptor zero = {
        .offset = cpu_to_dump64(s, k->zero_page),
        .size = cpu_to_dump32(s, MIRROR_PAGE),
    };
    size_t i;

    for (i = 0; i < m->nextents && !mirror_failed(m); i++) {
        MirrorExtent *e = &m->extents[i];
        uint8_t *start = MAX(e->host, first);
        uint8_t *end = MIN(e->host + e->size, last);
        size_t page = (start - job->host) >> MIRROR_PAGE_BITS;
        size_t n, count = (end - start) >> MIRROR_PAGE_BITS;
        uint64_t rank;

        if (start >= end) {
            continue;
        }
        for (n = 0; n < count; n++, page++) {
            w->out[n] = test_bit(page, job->data) ? w->pages[page] : zero;
        }
        rank = (e->file_offset + (start - e->host)) >> MIRROR_PAGE_BITS;
        if (!put(m, k->descriptors + rank * sizeof(PageDescriptor), w->out,
                 count * sizeof(PageDescriptor))) {
            write_failed(m);
        }
    }
}

/* The end */

static bool put_bitmap(DumpMirror *m, uint64_t at)
{
    DumpState *s = m->s;
    g_autofree uint8_t *buf = g_try_malloc(WINDOW);
    uint64_t done, pfn, end;
    size_t i;

    if (!buf) {
        errno = ENOMEM;
        return false;
    }
    for (done = 0; done < s->len_dump_bitmap; done += WINDOW) {
        size_t size = MIN(WINDOW, s->len_dump_bitmap - done);
        uint64_t first = done * BITS_PER_BYTE;

        memset(buf, 0, size);
        for (i = 0; i < m->nextents; i++) {
            MirrorExtent *e = &m->extents[i];

            pfn = (e->paddr >> MIRROR_PAGE_BITS) - ARCH_PFN_OFFSET;
            end = MIN(pfn + (e->size >> MIRROR_PAGE_BITS),
                      first + size * BITS_PER_BYTE);
            for (pfn = MAX(pfn, first); pfn < end; pfn++) {
                buf[(pfn - first) / 8] |= 1 << (pfn % 8);
            }
        }
        if (!put(m, at + done, buf, size)) {
            return false;
        }
    }
    return true;
}

/* All but the headers, durably */
bool mirror_kdump_finish(DumpMirror *m, Error **errp)
{
    static const uint8_t zero_page[MIRROR_PAGE];
    MirrorKdump *k = m->kdump;
    DumpState *s = m->s;
    uint64_t end = segment_offset(k, k->next_segment);
    MakedumpfileDataHeader end_mark = {
        .offset = END_FLAG_FLAT_HEADER, .buf_size = END_FLAG_FLAT_HEADER,
    };
    bool ok = true;
    size_t i;

    mirror_writer_buffered(m);
    for (i = 0; i < WINDOWS && ok; i++) {
        ok = !k->windows[i] || flush_window(m, k->windows[i]);
    }
    ok = ok && put_bitmap(m, s->offset_dump_bitmap) &&
         put_bitmap(m, s->offset_dump_bitmap + s->len_dump_bitmap) &&
         put(m, k->zero_page, zero_page, sizeof(zero_page)) &&
         ftruncate(s->fd, end) == 0 &&
         (!k->flat ||
          mirror_write_at(m, &end_mark, sizeof(end_mark), end)) &&
         fdatasync(s->fd) == 0;
    if (!ok) {
        error_setg_errno(errp, errno, "dump: cannot write the output");
    }
    return ok;
}

/* What makes the file a dump is its first block, so that comes last of all */
bool mirror_kdump_head(DumpMirror *m, Error **errp)
{
    MirrorKdump *k = m->kdump;
    DumpState *s = m->s;
    const MakedumpfileHeader signature = {
        .signature = MAKEDUMPFILE_SIGNATURE,
        .type = cpu_to_be64(TYPE_FLAT_HEADER),
        .version = cpu_to_be64(VERSION_FLAT_HEADER),
    };
    uint8_t first[MAX_SIZE_MDF_HEADER] = { 0 };
    size_t plain = k->flat ? 0 : DISKDUMP_HEADER_BLOCKS * MIRROR_PAGE;
    size_t at, len;

    QEMU_BUILD_BUG_ON(MIRROR_PAGE > sizeof(first));
    /* in the place that the notes have left for it */
    g_byte_array_set_size(m->head, m->head->len - mirror_note_size());
    mirror_note_append(m);
    at = m->head->len;
    len = s->offset_dump_bitmap;
    g_byte_array_set_size(m->head, len);
    memset(m->head->data + at, 0, len - at);

    if (k->flat) {
        memcpy(first, &signature, sizeof(signature));
    } else {
        memcpy(first, m->head->data, plain);
    }
    if (!put(m, plain, m->head->data + plain, len - plain) ||
        fdatasync(s->fd) ||
        !mirror_write_at(m, first, k->flat ? sizeof(first) : plain, 0) ||
        fdatasync(s->fd)) {
        error_setg_errno(errp, errno, "dump: cannot write the dump's header");
        return false;
    }
    return true;
}
