/*
 * Keeping KSM from guest memory while it is protected.
 *
 * KSM replaces the page table entries of what it merges, and write protection
 * is lost with them.  Memory is made unmergeable for that time, which looks at
 * every page of it.  Where KSM has nothing of this process, and is off, as it
 * mostly is, or may not merge this memory, nothing is done: a dump for which
 * that changed fails.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "exec/ramblock.h"
#include "hw/boards.h"
#include "system/hostmem.h"
#include "mirror.h"
#include <sys/prctl.h>

#ifndef PR_GET_MEMORY_MERGE
#define PR_GET_MEMORY_MERGE 68
#endif

#define KSM "/sys/kernel/mm/ksm/"

/* The service manager may have let KSM have all memory of its services */
static bool is_mergeable(RAMBlock *rb)
{
    Object *owner = memory_region_owner(rb->mr);
    HostMemoryBackend *backend = (HostMemoryBackend *)
        object_dynamic_cast(owner, TYPE_MEMORY_BACKEND);

    return !qemu_ram_is_shared(rb) &&
           (machine_mem_merge(current_machine) || (backend && backend->merge) ||
            prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0) == 1);
}

/*
 * KSM has an item for each page that it has looked at, before it merges any, and
 * as long as the page is there.
 */
static bool has_looked(void)
{
    uint64_t items;

    return !mirror_read_number("/proc/self/ksm_stat", "ksm_rmap_items ",
                               &items) || items > 0;
}

/* Where it is turned off with 2, the items go */
static MirrorKsmState state_of_host(void)
{
    MirrorKsmState s = { UINT64_MAX, UINT64_MAX, UINT64_MAX };

    (void)mirror_read_number(KSM "run", "", &s.run);
    (void)mirror_read_number(KSM "full_scans", "", &s.scans);
    /* since Linux 6.6 */
    (void)mirror_read_number(KSM "pages_scanned", "", &s.pages);
    return s;
}

/* Merging has to be undone for the dump: is there memory for that? */
static bool check_memory(Error **errp)
{
    uint64_t pages;

    if (mirror_read_number("/proc/self/ksm_merging_pages", "", &pages) &&
        pages * qemu_real_host_page_size() > mirror_memory_available() / 2) {
        error_setg(errp, "mode=mirror has to separate %" PRIu64 " pages that "
                   "KSM has merged, and the host has too little free memory",
                   pages);
        return false;
    }
    return true;
}

bool mirror_ksm_begin(DumpMirror *m, Error **errp)
{
    bool mergeable = false;
    size_t i;

    if (m->strategy == DUMP_MIRROR_STRATEGY_PRECOPY) {
        return true;
    }
    if (!check_memory(errp)) {
        return false;
    }
    for (i = 0; i < m->nregions; i++) {
        mergeable |= is_mergeable(m->regions[i].rb);
    }
    m->ksm = state_of_host();
    m->ksm_is_off = mergeable && (m->ksm.run == 0 || m->ksm.run == 2);
    m->ksm_left = !has_looked() && (m->ksm_is_off || !mergeable);
    for (i = 0; i < m->nregions && !m->ksm_left; i++) {
        MirrorRegion *r = &m->regions[i];

        if (is_mergeable(r->rb) &&
            !(r->unmerged = mirror_bitmap(r->nchunks, "what KSM is kept from",
                                          errp))) {
            return false;
        }
    }
    return true;
}

/*
 * Each range is a mapping of its own, and a process may have some 65,000.  Chunk
 * by chunk, because faults wait for as long as one takes.
 */
bool mirror_ksm_keep_off(MirrorRegion *r, uint8_t *host, size_t size, size_t n,
                         Error **errp)
{
    size_t c = ROUND_DOWN(mirror_chunk_of(r, host), n);
    const size_t last = mirror_chunk_of(r, host + size - 1);
    const size_t end = MIN(ROUND_UP(last + 1, n), r->nchunks);

    for (; r->unmerged && c < end; c++) {
        uint8_t *start = mirror_chunk_start(r, c);

        if (test_bit(c, r->unmerged)) {
            continue;
        }
        /* EINVAL: this kernel merges nothing */
        if (madvise(start, mirror_chunk_end(r, c) - start, MADV_UNMERGEABLE) &&
            errno != EINVAL) {
            error_setg_errno(errp, errno, "dump: cannot keep KSM from memory "
                             "'%s'", qemu_ram_get_idstr(r->rb));
            return false;
        }
        set_bit(c, r->unmerged);
    }
    return true;
}

void mirror_ksm_let_go(MirrorRegion *r)
{
    size_t c = 0, end;

    for (; r->unmerged &&
         (c = find_next_bit(r->unmerged, r->nchunks, c)) < r->nchunks; c = end) {
        uint8_t *start = mirror_chunk_start(r, c);

        end = find_next_zero_bit(r->unmerged, r->nchunks, c);
        madvise(start, mirror_chunk_end(r, end - 1) - start, MADV_MERGEABLE);
    }
}

bool mirror_ksm_was_off(DumpMirror *m, Error **errp)
{
    MirrorKsmState now;

    if (!m->ksm_left) {
        return true;
    }
    now = state_of_host();
    if (has_looked() || (m->ksm_is_off && memcmp(&now, &m->ksm, sizeof(now)))) {
        error_setg(errp, "dump: KSM was turned on while the guest's memory was "
                   "captured; try again");
        return false;
    }
    return true;
}
