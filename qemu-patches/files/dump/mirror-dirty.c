/*
 * Which pages the guest has written to: what a dump that builds on an earlier
 * one has to save, and what a dump that copies while the guest runs has to copy
 * again.
 *
 * This is the dirty log that migration uses, with all its care for vCPUs of
 * every accelerator, devices and vhost-net.  It has that care only for what can
 * migrate: see mirror_dirty_incomplete().  It is one log, so whoever else
 * empties it ends the chain: see dump_dirty_log_lost().  All of this wants the
 * BQL.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/uuid.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-dump.h"
#include "exec/ram_addr.h"
#include "exec/ramblock.h"
#include "exec/target_page.h"
#include "hw/virtio/vhost.h"
#include "migration/misc.h"
#include "system/dump-mirror.h"
#include "system/reset.h"
#include "mirror.h"
#include "trace.h"

typedef struct DirtyBlock {
    RAMBlock *rb;
    size_t npages;
    unsigned long *since;    /* written to since the generation's T0 */
    unsigned long *fresh;    /* written to since the dump looked last */
    unsigned long *spare;    /* zero, to take the place of @since at T0; or NULL */
} DirtyBlock;

static struct {
    unsigned users;          /* the log is on for so many */
    bool tracking;           /* one of them: until dump-untrack */
    unsigned resets;         /* how often the log was lost */
    GArray *blocks;          /* of DirtyBlock, or NULL */
    char *generation;        /* what the next dump can build on, or NULL */
    char *lost;              /* why there is none */
    MirrorLayout layout;     /* of the generation's file */
} dirty_log;

static void clear_block(void *opaque)
{
    DirtyBlock *b = opaque;

    g_free(b->since);
    g_free(b->fresh);
    g_free(b->spare);
}

static DirtyBlock *find_block(RAMBlock *rb)
{
    guint i;

    for (i = 0; dirty_log.blocks && i < dirty_log.blocks->len; i++) {
        DirtyBlock *b = &g_array_index(dirty_log.blocks, DirtyBlock, i);

        if (b->rb == rb) {
            return b;
        }
    }
    return NULL;
}

void dump_dirty_log_lost(const char *why)
{
    dirty_log.resets++;
    if (dirty_log.generation) {
        trace_dump_mirror_lost(dirty_log.generation, why);
        g_clear_pointer(&dirty_log.generation, g_free);
        g_free(dirty_log.lost);
        dirty_log.lost = g_strdup(why);
    }
}

/*
 * The one place that knows.  What blocks migration may do so for another reason
 * than its writes, but nobody has promised that they are logged either.
 */
char *mirror_dirty_incomplete(void)
{
    g_autoptr(Error) err = NULL;
    const char *backend = vhost_unlogged_writer();

    if (backend) {
        return g_strdup_printf("writes may be missed: a %s device does not log "
                               "them", backend);
    }
    if (migration_is_blocked_but_for(dump_own_migration_blocker(), &err)) {
        return g_strdup_printf("writes may be missed: %s",
                               error_get_pretty(err));
    }
    return NULL;
}

void dump_dirty_log_incomplete(const char *what)
{
    g_autofree char *why = g_strdup_printf("writes may be missed: %s", what);

    dump_dirty_log_lost(why);
    if (dirty_log.tracking) {
        dirty_log.tracking = false;
        mirror_dirty_stop();
    }
}

static void on_reset(void *opaque)
{
    dump_dirty_log_lost("the guest was reset");
}

static void on_block_change(RAMBlockNotifier *n, void *host, size_t size,
                            size_t max_size)
{
    dump_dirty_log_lost("the guest's memory was changed in size");
    g_clear_pointer(&dirty_log.blocks, g_array_unref);
}

static void on_block_resize(RAMBlockNotifier *n, void *host, size_t old_size,
                            size_t new_size)
{
    on_block_change(n, host, old_size, new_size);
}

static RAMBlockNotifier block_notifier = {
    .ram_block_added = on_block_change,
    .ram_block_removed = on_block_change,
    .ram_block_resized = on_block_resize,
};

/*
 * KVM has a bit a page of each address space, of which x86 has two.  And the map of
 * memory is made anew.
 */
static bool check_room(Error **errp)
{
    size_t bytes = 4 * MiB;
    RAMBlock *rb;

    RCU_READ_LOCK_GUARD();
    RAMBLOCK_FOREACH(rb) {
        bytes += 2 * (rb->max_length >> MIRROR_PAGE_BITS) / BITS_PER_BYTE;
    }
    return mirror_has_room(bytes, "the log of written pages", errp);
}

static bool make_blocks(Error **errp)
{
    static const char what[] = "bitmaps of written pages";
    RAMBlock *rb;

    dirty_log.blocks = g_array_new(false, true, sizeof(DirtyBlock));
    g_array_set_clear_func(dirty_log.blocks, clear_block);
    RCU_READ_LOCK_GUARD();
    RAMBLOCK_FOREACH(rb) {
        DirtyBlock b = {
            .rb = rb, .npages = rb->max_length >> MIRROR_PAGE_BITS,
        };

        /* only these are logged; of the others every page counts as written */
        if (qemu_ram_is_migratable(rb)) {
            if (!(b.since = mirror_bitmap(b.npages, what, errp)) ||
                !(b.fresh = mirror_bitmap(b.npages, what, errp))) {
                g_free(b.since);
                g_clear_pointer(&dirty_log.blocks, g_array_unref);
                return false;
            }
            g_array_append_val(dirty_log.blocks, b);
        }
    }
    return true;
}

bool mirror_dirty_start(Error **errp)
{
    static bool registered;

    if (qemu_target_page_size() != MIRROR_PAGE) {
        error_setg(errp, "dump: tracking needs a guest with pages of %u bytes",
                   (unsigned)MIRROR_PAGE);
        return false;
    }
    if (!dirty_log.users) {
        if (!check_room(errp) ||
            !memory_global_dirty_log_start(GLOBAL_DIRTY_DUMP, errp)) {
            return false;
        }
        ram_block_notifier_add(&block_notifier);
    }
    if (!registered) {
        /* for good: a reset that runs leaves the BQL to others now and then */
        qemu_register_reset(on_reset, NULL);
        registered = true;
    }
    dirty_log.users++;
    if (!dirty_log.blocks && !make_blocks(errp)) {
        mirror_dirty_stop();
        return false;
    }
    return true;
}

void mirror_dirty_stop(void)
{
    if (--dirty_log.users) {
        return;
    }
    ram_block_notifier_remove(&block_notifier);
    memory_global_dirty_log_stop(GLOBAL_DIRTY_DUMP);
    g_clear_pointer(&dirty_log.blocks, g_array_unref);
}

/* Add the log's bits of @b to our bitmaps.  Returns whether there were any */
static bool sync_block(DirtyBlock *b, bool clear)
{
    DirtyMemoryBlocks *log =
        qatomic_rcu_read(&ram_list.dirty_memory[DIRTY_MEMORY_MIGRATION]);
    const size_t words = BITS_TO_LONGS(b->rb->used_length >> MIRROR_PAGE_BITS);
    const size_t per_block = BITS_TO_LONGS(DIRTY_MEMORY_BLOCK_SIZE);
    /* RAM blocks start at a whole word of the log */
    size_t i, at = BIT_WORD(b->rb->offset >> MIRROR_PAGE_BITS);
    bool any = false;

    for (i = 0; i < words; i++, at++) {
        unsigned long *word = &log->blocks[at / per_block][at % per_block];

        if (qatomic_read(word)) {
            unsigned long bits = clear ? qatomic_xchg(word, 0) :
                                 qatomic_read(word);

            b->since[i] |= bits;
            b->fresh[i] |= bits;
            any = true;
        }
    }
    return any;
}

/*
 * Clearing the log takes each accelerator a time that grows with the guest.  So at
 * T0 it is only read: what is left in it counts as written once more.
 */
void mirror_dirty_sync(bool running)
{
    guint i;

    memory_global_dirty_log_sync(false);
    WITH_RCU_READ_LOCK_GUARD() {
        for (i = 0; dirty_log.blocks && i < dirty_log.blocks->len; i++) {
            DirtyBlock *b = &g_array_index(dirty_log.blocks, DirtyBlock, i);

            if (sync_block(b, running) && running) {
                cpu_physical_memory_dirty_bits_cleared(b->rb->offset,
                                                       b->rb->used_length);
                memory_region_clear_dirty_bitmap(b->rb->mr, 0,
                                                 b->rb->used_length);
            }
        }
    }
    if (running) {
        /* a vCPU may have set its bit, and write only now */
        memory_global_after_dirty_log_sync();
    }
}

unsigned long *mirror_dirty_fresh(RAMBlock *rb)
{
    DirtyBlock *b = find_block(rb);

    return b ? b->fresh : NULL;
}

const unsigned long *mirror_dirty_since(RAMBlock *rb)
{
    DirtyBlock *b = find_block(rb);

    return b ? b->since : NULL;
}

/* Generations */

unsigned mirror_dirty_resets(void)
{
    return dirty_log.resets;
}

const MirrorLayout *mirror_dirty_layout(void)
{
    return &dirty_log.layout;
}

char *mirror_dirty_why_not(const char *generation)
{
    if (dirty_log.generation && g_str_equal(dirty_log.generation, generation)) {
        return NULL;
    }
    if (dirty_log.generation) {
        return g_strdup("the base is not the latest tracked dump");
    }
    return g_strdup(dirty_log.lost ?: "no tracking since the base was made");
}

bool mirror_dirty_prepare_take(Error **errp)
{
    guint i;

    for (i = 0; dirty_log.blocks && i < dirty_log.blocks->len; i++) {
        DirtyBlock *b = &g_array_index(dirty_log.blocks, DirtyBlock, i);

        if (!b->spare &&
            !(b->spare = mirror_bitmap(b->npages, "a bitmap of written pages",
                                       errp))) {
            return false;
        }
    }
    return true;
}

GPtrArray *mirror_dirty_take(void)
{
    GPtrArray *taken = g_ptr_array_new_with_free_func(g_free);
    guint i;

    for (i = 0; dirty_log.blocks && i < dirty_log.blocks->len; i++) {
        DirtyBlock *b = &g_array_index(dirty_log.blocks, DirtyBlock, i);

        g_ptr_array_add(taken, b->since);
        assert(b->spare);
        b->since = g_steal_pointer(&b->spare);
    }
    return taken;
}

void mirror_dirty_put_back(GPtrArray *taken)
{
    guint i;

    /* if the blocks have changed meanwhile, there is no generation either */
    for (i = 0; dirty_log.generation && i < taken->len; i++) {
        DirtyBlock *b = &g_array_index(dirty_log.blocks, DirtyBlock, i);

        bitmap_or(b->since, b->since, g_ptr_array_index(taken, i), b->npages);
    }
    g_ptr_array_unref(taken);
}

void mirror_dirty_commit(const char *generation, const MirrorLayout *layout)
{
    if (!dirty_log.tracking) {
        dirty_log.tracking = true;
        dirty_log.users++;
    }
    g_free(dirty_log.generation);
    dirty_log.generation = g_strdup(generation);
    g_clear_pointer(&dirty_log.lost, g_free);
    mirror_layout_clear(&dirty_log.layout);
    mirror_layout_copy(&dirty_log.layout, layout);
}

void qmp_dump_untrack(Error **errp)
{
    if (!dirty_log.tracking) {
        error_setg(errp, "the guest's writes are not tracked");
        return;
    }
    dump_dirty_log_lost("tracking was ended by request");
    dirty_log.tracking = false;
    mirror_dirty_stop();
}

void dump_dirty_log_discarded(RAMBlock *rb, uint64_t start, uint64_t length)
{
    if (global_dirty_tracking & GLOBAL_DIRTY_DUMP) {
        cpu_physical_memory_set_dirty_range(rb->offset + start, length,
                                            1 << DIRTY_MEMORY_MIGRATION);
    }
}
