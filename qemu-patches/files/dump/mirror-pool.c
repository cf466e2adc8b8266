/*
 * The mirror: a bounded pool of memory for T0 copies of guest pages.
 *
 * Buffers of copiers are whole slots, or in a delta cut from one.  Granules, the
 * copies that faults make, are cut from others, and named by the page they begin
 * at.  A slot that was cut comes back when the last of its pieces is returned.
 *
 * Both sides keep a reserve from the other, so that neither a fast guest nor a
 * slow disk can take all of it: faults wait for copiers, copiers for writers,
 * and writers for nobody, or for the pool to fill while it is held.
 *
 * The first use of a slot makes the kernel find and clear its memory, which
 * takes milliseconds where the host is itself a virtual machine.  The guest
 * must not wait for that, so copiers leave faults some slots that were used.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/madvise.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "mirror.h"
#include <sys/mman.h>

/* For some hundred faults at least */
#define RESERVE 4

/* Chunks that keep all writers busy */
#define BUSY_CHUNKS 16
#define PATIENCE_MS 20

/* What may wait for writers that wait themselves: 64 MiB */
#define HELD_CHUNKS 32

bool mirror_pool_init(MirrorPool *p, uint64_t limit, Error **errp)
{
    *p = (MirrorPool) { .granule.slot = -1, .part.slot = -1 };
    p->nslots = limit / MIRROR_CHUNK;
    p->chunks_max = p->nslots - MAX(2, p->nslots / 4);
    p->granules_max = p->nslots - MAX(2, p->nslots / 8);

    /* NORESERVE: only what is used counts, and the limit bounds that */
    p->map_size = (p->nslots + 1) * MIRROR_CHUNK;
    p->map = mmap(NULL, p->map_size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p->map == MAP_FAILED) {
        error_setg_errno(errp, errno,
                         "dump: cannot reserve %zu bytes for the mirror",
                         p->map_size);
        p->map = NULL;
        return false;
    }
    if (!(p->warm = mirror_new(uint32_t, p->nslots, "the mirror's slots",
                               errp)) ||
        !(p->refs = mirror_new(uint16_t, p->nslots, "the mirror's slots",
                               errp))) {
        munmap(p->map, p->map_size);
        p->map = NULL;
        g_clear_pointer(&p->warm, g_free);
        g_clear_pointer(&p->refs, g_free);
        return false;
    }
    p->base = QEMU_ALIGN_PTR_UP(p->map, MIRROR_CHUNK);
    qemu_madvise(p->map, p->map_size, QEMU_MADV_HUGEPAGE);
    qemu_madvise(p->map, p->map_size, QEMU_MADV_DONTFORK);

    qemu_mutex_init(&p->lock);
    qemu_cond_init(&p->cond);
    qemu_cond_init(&p->wanted);
    return true;
}

static uint8_t *slot_start(MirrorPool *p, uint32_t i)
{
    return p->base + (size_t)i * MIRROR_CHUNK;
}

static void push_slot(MirrorPool *p, uint32_t i)
{
    p->warm[p->nwarm++] = i;
    qemu_cond_broadcast(&p->cond);
}

/* The mean of what was seen lately */
static void note_time(int64_t *mean, int64_t ns)
{
    *mean += (ns - *mean) / 4;
}

/* With the lock, which it leaves for a while */
static void warm_one(MirrorPool *p)
{
    uint32_t slot = p->used++;
    int64_t start = get_clock();
    size_t i;

    qemu_mutex_unlock(&p->lock);
    for (i = 0; i < MIRROR_CHUNK; i += MIRROR_PAGE) {
        *(volatile uint8_t *)(slot_start(p, slot) + i) = 0;
    }
    qemu_mutex_lock(&p->lock);
    note_time(&p->warm_ns, get_clock() - start);
    push_slot(p, slot);
}

/* Rather than to have the host find memory, wait for what is on its way back */
static bool better_wait(MirrorPool *p)
{
    return !p->held && p->nwarm <= p->reserve && p->used < p->nslots &&
           p->chunks >= BUSY_CHUNKS && p->put_ns && p->put_ns < p->warm_ns;
}

void mirror_pool_warm(MirrorPool *p, size_t pages)
{
    QEMU_LOCK_GUARD(&p->lock);
    p->reserve = MIN(MIN(RESERVE, p->nslots / 4),
                     1 + pages / MIRROR_CHUNK_PAGES);
    while (!p->abort && p->nwarm < p->reserve && p->used < p->nslots) {
        warm_one(p);
    }
}

void mirror_pool_destroy(MirrorPool *p)
{
    if (!p->map) {
        return;
    }
    munmap(p->map, p->map_size);
    p->map = NULL;
    g_clear_pointer(&p->warm, g_free);
    g_clear_pointer(&p->refs, g_free);
    qemu_cond_destroy(&p->wanted);
    qemu_cond_destroy(&p->cond);
    qemu_mutex_destroy(&p->lock);
}

static bool has_slot(MirrorPool *p)
{
    return p->nwarm || p->used < p->nslots;
}

static uint32_t pop_slot(MirrorPool *p)
{
    return p->nwarm ? p->warm[--p->nwarm] : p->used++;
}

static uint32_t slot_of(MirrorPool *p, void *buf)
{
    return ((uint8_t *)buf - p->base) >> MIRROR_CHUNK_BITS;
}

/* @n pieces, one behind the other */
static void *cut(MirrorPool *p, MirrorOpenSlot *open, size_t size, size_t n)
{
    void *first = slot_start(p, open->slot) + open->used;

    open->used += size * n;
    p->refs[open->slot] += n;
    return first;
}

static void open_slot(MirrorPool *p, MirrorOpenSlot *open)
{
    *open = (MirrorOpenSlot) { .slot = pop_slot(p) };
    /* it holds itself, or returning a piece would free it */
    p->refs[open->slot] = 1;
}

/* Returns whether it was the last */
static bool put_ref(MirrorPool *p, uint32_t slot, size_t *held)
{
    if (--p->refs[slot]) {
        return false;
    }
    --*held;
    push_slot(p, slot);
    return true;
}

static void close_slot(MirrorPool *p, MirrorOpenSlot *open, size_t *held)
{
    if (open->slot >= 0) {
        put_ref(p, open->slot, held);
        open->slot = -1;
    }
}

/* Until there is a slot that copiers may take; false once aborted */
static bool wait_for_chunk(MirrorPool *p)
{
    bool patient = true;
    int i;

    while (!p->abort && (!has_slot(p) || p->chunks == p->chunks_max ||
                         (patient && better_wait(p)))) {
        patient = qemu_cond_timedwait(&p->cond, &p->lock, PATIENCE_MS);
    }
    /* one for the caller, and one for faults */
    for (i = 0; i < 2 && !p->abort && p->nwarm <= p->reserve &&
         p->used < p->nslots; i++) {
        warm_one(p);
    }
    while (!p->abort && (!has_slot(p) || p->chunks == p->chunks_max)) {
        qemu_cond_wait(&p->cond, &p->lock);
    }
    return !p->abort;
}

static bool part_has(MirrorPool *p, size_t size)
{
    return p->part.slot >= 0 && p->part.used + size <= MIRROR_CHUNK;
}

void *mirror_pool_get_chunk(MirrorPool *p, size_t size)
{
    void *piece;

    QEMU_LOCK_GUARD(&p->lock);
    if (!part_has(p, size)) {
        close_slot(p, &p->part, &p->chunks);
        if (!wait_for_chunk(p)) {
            return NULL;
        }
        /* Another copier may have opened one meanwhile */
        if (!part_has(p, size)) {
            close_slot(p, &p->part, &p->chunks);
            p->chunks++;
            open_slot(p, &p->part);
        }
    }
    piece = cut(p, &p->part, size, 1);
    if (p->part.used == MIRROR_CHUNK) {
        close_slot(p, &p->part, &p->chunks);
    }
    return piece;
}

void mirror_pool_put_chunk(MirrorPool *p, void *buf)
{
    int64_t now = get_clock();

    QEMU_LOCK_GUARD(&p->lock);
    if (put_ref(p, slot_of(p, buf), &p->chunks)) {
        if (p->last_put_ns) {
            note_time(&p->put_ns, now - p->last_put_ns);
        }
        p->last_put_ns = now;
    }
}

void *mirror_pool_try_granules(MirrorPool *p, size_t size, size_t *n)
{
    QEMU_LOCK_GUARD(&p->lock);
    if (p->granule.slot >= 0 && p->granule.used + size > MIRROR_CHUNK) {
        close_slot(p, &p->granule, &p->granules);
    }
    if (p->granule.slot < 0) {
        if (p->abort || !has_slot(p) || p->granules == p->granules_max) {
            return NULL;
        }
        p->granules++;
        open_slot(p, &p->granule);
    }
    *n = MIN(*n, (MIRROR_CHUNK - p->granule.used) / size);
    return cut(p, &p->granule, size, *n);
}

void mirror_pool_put_granule(MirrorPool *p, void *buf)
{
    QEMU_LOCK_GUARD(&p->lock);
    put_ref(p, slot_of(p, buf), &p->granules);
}

uint32_t mirror_pool_index(MirrorPool *p, const void *buf)
{
    return (((const uint8_t *)buf - p->base) >> MIRROR_PAGE_BITS) + 1;
}

void *mirror_pool_at(MirrorPool *p, uint32_t index)
{
    return p->base + ((size_t)(index - 1) << MIRROR_PAGE_BITS);
}

void mirror_pool_hold(MirrorPool *p, bool hold)
{
    QEMU_LOCK_GUARD(&p->lock);
    p->held = hold;
    p->held_chunks = p->chunks;
}

bool mirror_pool_is_held(MirrorPool *p)
{
    QEMU_LOCK_GUARD(&p->lock);
    if (p->chunks - p->held_chunks >= MIN(p->nslots / 4, HELD_CHUNKS) ||
        p->chunks == p->chunks_max || p->granules >= p->nslots / 2 ||
        !has_slot(p)) {
        p->held = false;
    }
    return p->held;
}

bool mirror_pool_wait(MirrorPool *p, int ms)
{
    QEMU_LOCK_GUARD(&p->lock);
    if (!p->abort) {
        p->waiting++;
        qemu_cond_broadcast(&p->wanted);
        qemu_cond_timedwait(&p->cond, &p->lock, ms);
        p->waiting--;
    }
    return !p->abort;
}

bool mirror_pool_idle(MirrorPool *p, int ms)
{
    QEMU_LOCK_GUARD(&p->lock);
    if (!p->abort && !p->waiting) {
        qemu_cond_timedwait(&p->wanted, &p->lock, ms);
    }
    return !p->abort && !p->waiting;
}

void mirror_pool_kick(MirrorPool *p)
{
    if (qatomic_read(&p->waiting)) {
        QEMU_LOCK_GUARD(&p->lock);
        qemu_cond_broadcast(&p->cond);
    }
}

void mirror_pool_abort(MirrorPool *p)
{
    if (p->map) {
        QEMU_LOCK_GUARD(&p->lock);
        p->abort = true;
        qemu_cond_broadcast(&p->cond);
        qemu_cond_broadcast(&p->wanted);
    }
}

uint64_t mirror_pool_peak(MirrorPool *p)
{
    return p->map ? p->used * MIRROR_CHUNK : 0;
}
