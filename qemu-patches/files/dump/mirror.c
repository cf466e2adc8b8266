/*
 * Dumping guest memory without stopping the guest.
 *
 *   main loop            dump thread          guest            fault threads
 *   ---------            -----------          -----            -------------
 *   dump_mirror_new()
 *   dump_init()
 *        '-------------> preprotect           runs             let through, log
 *   T0: pause <--------- wait                 paused
 *       protect the log
 *       registers
 *       resume --------> start copiers        runs             copy, let through
 *                        copy, unprotect
 *                        captured             free
 *                        write, header, sync
 *
 * The image is the guest's memory at T0.  See mirror.h for who does what.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/main-loop.h"
#include "qemu/memalign.h"
#include "qemu/rcu.h"
#include "qemu/uuid.h"
#include "qapi/clone-visitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-dump.h"
#include "qapi/qapi-visit-dump.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "exec/cpu-common.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "exec/ramblock.h"
#include "hw/boards.h"
#include "hw/core/cpu.h"
#include "hw/virtio/vhost.h"
#include "migration/misc.h"
#include "monitor/monitor.h"
#include "qom/object.h"
#include "system/cpus.h"
#include "system/dump-mirror.h"
#include "system/hw_accel.h"
#include "system/runstate.h"
#include "system/xen.h"
#include "mirror.h"
#include "trace.h"
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/*
 * Guest memory starts at a multiple of this in the file, and guest pages stay
 * aligned: for direct I/O, and so that files can share blocks.
 */
#define FILE_ALIGN (64 * KiB)

#define NICE 10

/* What is allocated in small pieces, all in all, and some more */
#define ROOM_TO_START (4 * MiB)

/*
 * Longer than what others get by default, so that they run when they wake up.
 * Not much longer: who waits for a slice gets it in one piece.
 */
#define LONG_SLICE_NS (4 * SCALE_MS)

/* What the bandwidth limit looks at as a whole */
#define PACE_NS (100 * SCALE_MS)

/*
 * The dump that runs, for commands and queries of other threads, and the
 * figures of the last one.
 */
static struct {
    QemuMutex lock;
    DumpMirror *running;
    DumpMirrorInfo *last;
} mirror;

static void __attribute__((constructor)) dump_mirror_init(void)
{
    qemu_mutex_init(&mirror.lock);
}

void mirror_fail(DumpMirror *m, Error *err)
{
    WITH_QEMU_LOCK_GUARD(&m->error_lock) {
        if (m->err) {
            error_free(err);
        } else {
            m->err = err;
        }
    }
    qatomic_set(&m->failed, true);
    mirror_pool_abort(&m->pool);
}

/*
 * Since Linux 6.6 a thread that wakes up waits for the time slice of the one
 * that runs, 4 ms say, unless its own slice is the shorter one.  Slices can be
 * asked for since 6.12; before, this does nothing.
 */
static void set_slice(int nice, uint64_t slice_ns)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attr = {
        .size = sizeof(attr), .policy = SCHED_OTHER, .nice = nice,
        .runtime = slice_ns,
    };

    (void)syscall(SYS_sched_setattr, 0, &attr, 0);
}

void mirror_thread_yield_to_guest(void)
{
    const struct sched_param param = { 0 };

    /* Both may be denied, by a sandbox for one: then we compete as equals */
    if (setpriority(PRIO_PROCESS, qemu_get_thread_id(), NICE)) {
        (void)sched_setscheduler(0, SCHED_BATCH, &param);
    } else {
        set_slice(NICE, LONG_SLICE_NS);
    }
}

/* It holds the BQL now and then, so it must not be starved */
static void let_others_preempt(void)
{
    set_slice(getpriority(PRIO_PROCESS, qemu_get_thread_id()), LONG_SLICE_NS);
}

void mirror_thread_serve_guest(void)
{
    set_slice(getpriority(PRIO_PROCESS, qemu_get_thread_id()), 100 * SCALE_US);
}

/* What can't be dumped */

static bool refuse_object(const char *type, const char *why, Error **errp)
{
    bool ambiguous = false;

    if (object_resolve_path_type("", type, &ambiguous) || ambiguous) {
        error_setg(errp, "mode=mirror is not possible with a '%s' device: %s",
                   type, why);
        return false;
    }
    return true;
}

static bool check_guest(Error **errp)
{
    static const char *const vfio[] = {
        "vfio-pci", "vfio-platform", "vfio-ap", "vfio-ccw",
    };
    static const char *const ivshmem[] = { "ivshmem-plain", "ivshmem-doorbell" };
    const char *backend;
    size_t i;

    if (migration_is_running()) {
        error_setg(errp, "mode=mirror is not possible while a migration runs");
        return false;
    }
    if (xen_enabled()) {
        error_setg(errp, "mode=mirror is not possible under Xen");
        return false;
    }
    if (current_machine->cgs) {
        error_setg(errp, "mode=mirror is not possible with a confidential "
                   "guest: its memory is encrypted");
        return false;
    }
    for (i = 0; i < ARRAY_SIZE(vfio); i++) {
        if (!refuse_object(vfio[i], "the device writes to guest memory past "
                           "write protection", errp)) {
            return false;
        }
    }
    for (i = 0; i < ARRAY_SIZE(ivshmem); i++) {
        if (!refuse_object(ivshmem[i], "other processes write to its memory",
                           errp)) {
            return false;
        }
    }
    if (ram_block_discard_is_disabled()) {
        error_setg(errp, "mode=mirror is not possible with a device that pins "
                   "guest memory: it writes to it past write protection");
        return false;
    }
    backend = vhost_external_writer();
    if (backend) {
        error_setg(errp, "mode=mirror is not possible with a %s device: it "
                   "writes to guest memory from outside of QEMU", backend);
        return false;
    }
    return true;
}

static bool check_options(const DumpMirrorOptions *o, Error **errp)
{
    if (o->paging) {
        error_setg(errp, "mode=mirror doesn't support paging=true, use "
                   "mode=stop");
        return false;
    }
    if (o->format == DUMP_GUEST_MEMORY_FORMAT_WIN_DMP) {
        error_setg(errp, "mode=mirror doesn't support format '%s', use "
                   "another or mode=stop",
                   DumpGuestMemoryFormat_str(o->format));
        return false;
    }
    if (o->format != DUMP_GUEST_MEMORY_FORMAT_ELF &&
        (o->track || o->base ||
         o->strategy == DUMP_MIRROR_STRATEGY_PRECOPY ||
         o->strategy == DUMP_MIRROR_STRATEGY_HYBRID)) {
        error_setg(errp, "track, base and strategy=%s need format 'elf': "
                   "compressed pages have no fixed place",
                   o->strategy == DUMP_MIRROR_STRATEGY_HYBRID ? "hybrid" :
                   "precopy");
        return false;
    }
    if (o->wait) {
        error_setg(errp, "mode=mirror always runs in the background, detach "
                   "can't be false");
        return false;
    }
    if (o->has_limit && o->limit < MIRROR_LIMIT_MIN) {
        error_setg(errp, "mirror-limit must be at least %" PRIu64 " bytes",
                   (uint64_t)MIRROR_LIMIT_MIN);
        return false;
    }
    if (o->has_threads &&
        (o->threads < 1 || o->threads > MIRROR_THREADS_MAX)) {
        error_setg(errp, "threads must be between 1 and %d",
                   MIRROR_THREADS_MAX);
        return false;
    }
    if (o->note) {
        QObject *json;
        bool is_object;

        if (strlen(o->note) > MIRROR_CALLER_NOTE_MAX) {
            error_setg(errp, "note must not be longer than %d bytes",
                       MIRROR_CALLER_NOTE_MAX);
            return false;
        }
        json = qobject_from_json(o->note, errp);
        if (!json) {
            error_prepend(errp, "note: ");
            return false;
        }
        is_object = qobject_to(QDict, json);
        qobject_unref(json);
        if (!is_object) {
            error_setg(errp, "note must be a JSON object");
            return false;
        }
    }
    return true;
}

bool mirror_read_number(const char *file, const char *name, uint64_t *value)
{
    g_autofree char *text = NULL;
    const char *at;

    return g_file_get_contents(file, &text, NULL, NULL) &&
           (at = strstr(text, name)) &&
           sscanf(at + strlen(name), "%" SCNu64, value) == 1;
}

uint64_t mirror_memory_available(void)
{
    uint64_t kib;

    return mirror_read_number("/proc/meminfo", "MemAvailable:", &kib) ?
           kib * KiB : UINT64_MAX;
}

static uint64_t memory_size(DumpMirror *m)
{
    uint64_t size = 0;
    size_t i;

    for (i = 0; i < m->nregions; i++) {
        size += m->regions[i].size;
    }
    return size;
}

static uint64_t default_limit(void)
{
    return MAX(MIN(1 * GiB, mirror_memory_available() / 4), MIRROR_LIMIT_MIN);
}

/* Memory */

/*
 * A RAM block may have parts, or be one, that the guest does not see now and
 * sees at T0, so regions are whole blocks, but for those whose size says
 * little about their content.
 */
static void add_region(DumpMirror *m, RAMBlock *rb, uint8_t *host, size_t size)
{
    MirrorRegion *r;

    if (!size) {
        return;
    }
    m->regions = g_renew(MirrorRegion, m->regions, m->nregions + 1);
    r = &m->regions[m->nregions++];
    *r = (MirrorRegion) {
        .rb = rb, .host = host, .size = size, .shared_fd = -1,
    };
    /* an unplug that was already under way must not unmap it */
    memory_region_ref(rb->mr);
}

static bool find_regions(DumpMirror *m, Error **errp)
{
    const uint64_t page = qemu_real_host_page_size();
    GuestPhysBlockList blocks;
    GuestPhysBlock *b;
    RAMBlock *rb;
    size_t i;

    guest_phys_blocks_init(&blocks);
    guest_phys_blocks_append(&blocks);
    WITH_RCU_READ_LOCK_GUARD() {
        RAMBLOCK_FOREACH(rb) {
            uint8_t *first = NULL, *last = NULL;

            if (memory_region_is_ram_device(rb->mr) ||
                memory_region_is_nonvolatile(rb->mr)) {
                continue;
            }
            QTAILQ_FOREACH(b, &blocks.head, next) {
                if (b->mr == rb->mr) {
                    uint8_t *end = b->host_addr +
                                   (b->target_end - b->target_start);

                    first = first ? MIN(first, b->host_addr) : b->host_addr;
                    last = MAX(last, end);
                }
            }
            if (memory_region_has_ram_discard_manager(rb->mr)) {
                add_region(m, rb, first, last - first);
            } else if (first || qemu_ram_get_fd(rb) < 0) {
                add_region(m, rb, rb->host, rb->used_length);
            }
        }
    }
    guest_phys_blocks_free(&blocks);

    for (i = 0; i < m->nregions; i++) {
        MirrorRegion *r = &m->regions[i];
        uint8_t *base, *start, *end;
        uint64_t align;

        align = MAX(page, qemu_ram_pagesize(r->rb));
        if (align > MIRROR_CHUNK) {
            error_setg(errp, "mode=mirror: memory '%s' has pages of %" PRIu64
                       " bytes, one fault would stall the guest too long",
                       qemu_ram_get_idstr(r->rb), align);
            return false;
        }
        r->granule_bits = ctz64(align);
        base = qemu_ram_get_host_addr(r->rb);
        start = QEMU_ALIGN_PTR_DOWN(r->host, align);
        end = QEMU_ALIGN_PTR_UP(r->host + r->size, align);
        r->host = start;
        r->size = end - start;
        if (qemu_ram_is_shared(r->rb) && align == page) {
            r->shared_fd = qemu_ram_get_fd(r->rb);
            r->fd_offset = r->rb->fd_offset + (start - base);
        }
        r->nchunks = mirror_chunk_of(r, end - 1) + 1;
        r->first_chunk = m->nchunks;
        r->taken = mirror_new(uint8_t, r->nchunks, "chunks of memory", errp);
        if (!r->taken) {
            return false;
        }
        m->nchunks += r->nchunks;
    }
    m->hot = mirror_new(size_t, m->nchunks, "chunks of memory", errp);
    return m->hot != NULL;
}

/* What is protected is scattered, and copying its neighbours is no use */
static bool is_scattered(DumpMirror *m)
{
    return m->delta || m->strategy == DUMP_MIRROR_STRATEGY_HYBRID;
}

static bool make_granules(DumpMirror *m, Error **errp)
{
    static const char what[] = "the state of pages";
    size_t i;

    for (i = 0; i < m->nregions; i++) {
        MirrorRegion *r = &m->regions[i];

        r->ngranules = r->size >> r->granule_bits;
        if (!(r->state = mirror_new(uint8_t, r->ngranules, what, errp)) ||
            !(r->copy = mirror_new(uint32_t, r->ngranules, what, errp)) ||
            !(r->log = mirror_bitmap(r->ngranules, what, errp))) {
            return false;
        }
    }
    return true;
}

/* The map that the file was laid out for may not hold at T0 */
static void map_changed(MemoryListener *listener, MemoryRegionSection *section)
{
    DumpMirror *m = container_of(listener, DumpMirror, listener);

    if (memory_region_is_ram(section->mr)) {
        m->map_changed = true;
    }
}

static void watch_map(DumpMirror *m)
{
    m->listener = (MemoryListener) {
        .name = "dump-mirror",
        .region_add = map_changed,
        .region_del = map_changed,
    };
    memory_listener_register(&m->listener, &address_space_memory);
    m->watching = true;
    m->map_changed = false;
}

static void unwatch_map(DumpMirror *m)
{
    if (m->watching) {
        m->watching = false;
        memory_listener_unregister(&m->listener);
    }
}

static bool open_base(DumpMirror *m, Error **errp)
{
    if (m->base && m->base->fd) {
        m->base_fd = monitor_get_fd(monitor_cur(), m->base->fd, errp);
        return m->base_fd >= 0;
    }
    return true;
}

/*
 * What the dirty log misses is not relied on: what can't be done without it is
 * refused, and a dump that was to build on another, or to be built on, is just a
 * full one that says why, so that a schedule of those goes on.
 */
static bool choose_strategy(DumpMirror *m, DumpMirrorStrategy wanted, int fd,
                            Error **errp)
{
    g_autofree char *incomplete = mirror_dirty_incomplete();
    Error *err = NULL;

    if (incomplete && (wanted == DUMP_MIRROR_STRATEGY_PRECOPY ||
                       wanted == DUMP_MIRROR_STRATEGY_HYBRID)) {
        error_setg(errp, "strategy=%s is not possible: %s",
                   DumpMirrorStrategy_str(wanted), incomplete);
        return false;
    }
    if (incomplete && (m->track || m->base)) {
        m->track = false;
        g_clear_pointer(&m->base, qapi_free_DumpMirrorBase);
        m->full_reason = g_strdup(incomplete);
    }
    if (wanted != DUMP_MIRROR_STRATEGY_PRECOPY &&
        mirror_track_open(m, fd, &err)) {
        if (wanted == DUMP_MIRROR_STRATEGY_HYBRID) {
            m->strategy = wanted;
        }
        return true;
    }
    if (wanted == DUMP_MIRROR_STRATEGY_PROTECT ||
        wanted == DUMP_MIRROR_STRATEGY_HYBRID || m->kdump) {
        error_propagate(errp, err);
        return false;
    }
    if (incomplete) {
        error_propagate_prepend(errp, err, "strategy=precopy is not possible: "
                                "%s; strategy=protect neither: ", incomplete);
        return false;
    }
    error_free(err);
    m->strategy = DUMP_MIRROR_STRATEGY_PRECOPY;
    return true;
}

static bool use_dirty_log(DumpMirror *m, Error **errp)
{
    if (m->track || m->base || m->strategy != DUMP_MIRROR_STRATEGY_PROTECT) {
        if (!mirror_dirty_start(errp)) {
            return false;
        }
        m->dirty_log = true;
        m->resets = mirror_dirty_resets();
    }
    return !m->track || mirror_dirty_prepare_take(errp);
}

DumpMirror *dump_mirror_new(const DumpMirrorOptions *opts, Error **errp)
{
    DumpMirror *m;
    int fd = -1;
    bool ok;

    if (!check_options(opts, errp) || !check_guest(errp) ||
        !mirror_has_room(ROOM_TO_START, "a dump", errp)) {
        return NULL;
    }
    if (opts->uffd) {
        fd = monitor_get_fd(monitor_cur(), opts->uffd, errp);
        if (fd < 0) {
            return NULL;
        }
    }
    if (ram_block_uncoordinated_discard_disable(true)) {
        error_setg(errp, "mode=mirror is not possible with a device that "
                   "discards guest memory on its own");
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }

    m = g_new0(DumpMirror, 1);
    m->uffd = m->stop_event = m->fd_flags = m->base_fd = -1;
    m->caller_note = g_strdup(opts->note);
    m->threads = opts->threads;
    if (opts->format != DUMP_GUEST_MEMORY_FORMAT_ELF) {
        m->kdump = mirror_kdump_new();
    }
    m->track = opts->track;
    m->storage = DUMP_MIRROR_STORAGE_FILE;
    m->strategy = DUMP_MIRROR_STRATEGY_PROTECT;
    if (opts->base) {
        m->base = QAPI_CLONE(DumpMirrorBase, opts->base);
    }
    m->head = g_byte_array_new();
    m->tail = g_byte_array_new();
    qemu_mutex_init(&m->phase_lock);
    qemu_mutex_init(&m->queue_lock);
    qemu_mutex_init(&m->job_lock);
    qemu_cond_init(&m->job_cond);
    qemu_mutex_init(&m->error_lock);
    qemu_mutex_init(&m->release_lock);
    qemu_mutex_init(&m->direct_lock);
    QSIMPLEQ_INIT(&m->jobs);
    QSIMPLEQ_INIT(&m->early_jobs);
    ratelimit_init(&m->pace);
    ratelimit_set_speed(&m->pace, opts->bandwidth, PACE_NS);
    qemu_sem_init(&m->t0_done, 0);

    ok = open_base(m, errp) && choose_strategy(m, opts->strategy, fd, errp);
    if (fd >= 0) {
        close(fd);
    }
    if (ok && find_regions(m, errp) && mirror_ksm_begin(m, errp) &&
        use_dirty_log(m, errp)) {
        m->limit = MIN(opts->has_limit ? opts->limit : default_limit(),
                       memory_size(m) + MIRROR_LIMIT_MIN);
        if (mirror_pool_init(&m->pool, m->limit, errp) &&
            (m->strategy == DUMP_MIRROR_STRATEGY_PRECOPY ||
             mirror_track_register(m, errp))) {
            watch_map(m);
            return m;
        }
    }
    dump_mirror_free(m);
    return NULL;
}

void dump_mirror_attach(DumpState *s, DumpMirror *m)
{
    WITH_QEMU_LOCK_GUARD(&mirror.lock) {
        qatomic_set(&mirror.running, m);
        g_clear_pointer(&mirror.last, qapi_free_DumpMirrorInfo);
    }
    m->start_ns = get_clock();
    s->mirror = m;
    s->mirrored = true;
    m->s = s;
}

/* The last reference to memory that was unplugged meanwhile needs the BQL */
static void drop_memory(DumpMirror *m)
{
    size_t i;

    BQL_LOCK_GUARD();
    unwatch_map(m);
    if (m->taken) {
        mirror_dirty_put_back(m->taken);
    }
    if (m->dirty_log) {
        mirror_dirty_stop();
    }
    for (i = 0; i < m->nregions; i++) {
        memory_region_unref(m->regions[i].rb->mr);
    }
}

void dump_mirror_free(DumpMirror *m)
{
    size_t i;

    /* still set only if the dump did not come to run */
    WITH_QEMU_LOCK_GUARD(&mirror.lock) {
        if (mirror.running == m) {
            qatomic_set(&mirror.running, NULL);
        }
    }
    mirror_track_stop(m);
    drop_memory(m);
    mirror_precopy_forget_delta(m);
    ram_block_uncoordinated_discard_disable(false);
    mirror_pool_destroy(&m->pool);
    for (i = 0; i < m->nregions; i++) {
        g_free(m->regions[i].state);
        g_free(m->regions[i].copy);
        g_free(m->regions[i].log);
        g_free(m->regions[i].unmerged);
        g_free(m->regions[i].delta);
        g_free(m->regions[i].taken);
    }
    mirror_copier_free(m);
    g_free(m->regions);
    g_free(m->extents);
    g_free(m->hot);
    mirror_kdump_free(m->kdump);
    mirror_remap_free(m);
    mirror_writer_remove(m);
    if (m->base_fd >= 0) {
        close(m->base_fd);
    }
    qapi_free_DumpMirrorBase(m->base);
    qemu_vfree(m->t0_copies);
    g_free(m->t0_hosts);
    g_free(m->full_reason);
    g_free(m->generation);
    g_free(m->caller_note);
    g_byte_array_unref(m->head);
    g_byte_array_unref(m->tail);
    qemu_mutex_destroy(&m->phase_lock);
    qemu_mutex_destroy(&m->queue_lock);
    qemu_mutex_destroy(&m->job_lock);
    qemu_cond_destroy(&m->job_cond);
    qemu_mutex_destroy(&m->error_lock);
    qemu_mutex_destroy(&m->release_lock);
    qemu_mutex_destroy(&m->direct_lock);
    ratelimit_destroy(&m->pace);
    qemu_sem_destroy(&m->t0_done);
    error_free(m->err);
    g_free(m);
}

/* Queries and commands */

DumpMirrorInfo *dump_mirror_query(void)
{
    QEMU_LOCK_GUARD(&mirror.lock);
    if (mirror.running && qatomic_read(&mirror.running->t0_ns)) {
        return mirror_info(mirror.running);
    }
    return mirror.last && !mirror.running ?
           QAPI_CLONE(DumpMirrorInfo, mirror.last) : NULL;
}

bool dump_mirror_in_progress(void)
{
    return qatomic_read(&mirror.running) != NULL;
}

bool dump_mirror_allows_writer(const char *what, Error **errp)
{
    if (dump_mirror_in_progress()) {
        error_setg(errp, "%s is not possible while memory is mirrored for a dump: "
                   "it writes to memory past write protection", what);
        return false;
    }
    return true;
}

void qmp_dump_cancel(Error **errp)
{
    Error *err = NULL;

    QEMU_LOCK_GUARD(&mirror.lock);
    if (!mirror.running || mirror.running->whole) {
        error_setg(errp, "no dump with mode=mirror is running");
        return;
    }
    error_setg(&err, "dump was cancelled");
    mirror_fail(mirror.running, err);
}

int dump_mirror_write(DumpState *s, const void *buf, size_t size)
{
    g_byte_array_append(s->mirror->sink, buf, size);
    return 0;
}

/* The file */

static bool in_a_region(DumpMirror *m, uint8_t *host, uint64_t size)
{
    size_t i;

    for (i = 0; i < m->nregions; i++) {
        MirrorRegion *r = &m->regions[i];

        if (host >= r->host && host + size <= r->host + r->size) {
            return true;
        }
    }
    return false;
}

void dump_mirror_layout(DumpState *s, Error **errp)
{
    DumpMirror *m = s->mirror;
    uint64_t offset, phdrs = s->note_offset - s->phdr_offset;
    GuestPhysBlock *b;

    s->mirror_note_size = mirror_note_size();
    s->note_size += s->mirror_note_size;
    if (!m->kdump) {
        /* see program_headers_first() */
        s->phdr_offset = s->shdr_offset;
        s->shdr_offset = s->phdr_offset + phdrs;
        s->memory_offset = ROUND_UP(s->note_offset + s->note_size, FILE_ALIGN);
        s->section_offset = s->memory_offset + s->total_size;
    }
    m->head_size = s->memory_offset;
    m->file_size = s->section_offset;

    offset = s->memory_offset;
    g_free(m->extents);
    m->extents = g_new0(MirrorExtent, s->guest_phys_blocks.num);
    m->nextents = 0;
    QTAILQ_FOREACH(b, &s->guest_phys_blocks.head, next) {
        int64_t start = dump_filtered_memblock_start(b, s->filter_area_begin,
                                                     s->filter_area_length);
        MirrorExtent *e = &m->extents[m->nextents];

        if (start < 0) {
            continue;
        }
        e->host = b->host_addr + start;
        e->size = dump_filtered_memblock_size(b, s->filter_area_begin,
                                              s->filter_area_length);
        e->paddr = b->target_start + start;
        e->file_offset = offset;
        offset += e->size;
        m->nextents++;
        if (!in_a_region(m, e->host, e->size)) {
            error_setg(errp, "dump: the guest got new memory while the dump "
                       "was starting; try again");
            return;
        }
    }
    if (m->kdump) {
        mirror_kdump_layout(m, errp);
    }
}

/*
 * dump_begin() puts the section headers in front of the program headers, and
 * makedumpfile looks for program headers nowhere but behind the ELF header.
 */
static void program_headers_first(DumpMirror *m)
{
    DumpState *s = m->s;
    uint8_t *tables = m->head->data + s->phdr_offset;
    size_t phdrs = s->shdr_offset - s->phdr_offset;
    size_t shdrs = s->note_offset - s->shdr_offset;
    g_autofree void *tmp = g_memdup2(tables, shdrs);

    memmove(tables, tables + shdrs, phdrs);
    memcpy(tables + phdrs, tmp, shdrs);
}

/* T0 */

/* Why the dump can't build on its base.  The caller frees it */
static char *why_no_delta(DumpMirror *m)
{
    MirrorLayout layout = mirror_layout(m);
    char *why = mirror_dirty_why_not(m->base->generation);

    if (!why && !mirror_layout_equal(&layout, mirror_dirty_layout())) {
        why = g_strdup("the guest's memory map has changed");
    }
    return why;
}

/* As choose_strategy(), of what has come since.  False: it is too late */
static bool recheck_dirty_log(DumpMirror *m, Error **errp)
{
    g_autofree char *incomplete = mirror_dirty_incomplete();

    if (incomplete && m->strategy != DUMP_MIRROR_STRATEGY_PROTECT &&
        !m->delta) {
        error_setg(errp, "dump: strategy=%s is not possible any more: %s",
                   DumpMirrorStrategy_str(m->strategy), incomplete);
        return false;
    }
    if (m->again && m->resets != mirror_dirty_resets()) {
        error_setg(errp, "dump: the guest was reset, its memory changed in "
                   "size, or writes may have been missed, while it was copied; "
                   "try again");
        return false;
    }
    if (incomplete && (m->track || m->delta)) {
        m->track = false;
        m->not_delta = m->delta;
        g_free(m->full_reason);
        m->full_reason = g_steal_pointer(&incomplete);
    }
    return true;
}

static bool t0_take(DumpMirror *m, Error **errp)
{
    DumpState *s = m->s;
    ArchDumpInfo info = s->dump_info;
    Error *err = NULL;
    QemuUUID uuid;

    qemu_uuid_generate(&uuid);
    cpu_synchronize_all_states();
    cpu_get_dump_info(&info, &s->guest_phys_blocks);
    if (m->map_changed || info.d_class != s->dump_info.d_class ||
        info.d_machine != s->dump_info.d_machine) {
        /* A guest in firmware or in reset.  Rare, and 100 microseconds more */
        trace_dump_mirror_relayout();
        if (m->again) {
            error_setg(errp, "dump: the guest's memory map has changed while "
                       "its memory was copied; try again");
            return false;
        }
        dump_relayout(s, &err);
        if (err) {
            error_propagate(errp, err);
            return false;
        }
        m->relaid = true;
        m->map_changed = false;
    }
    if (m->dirty_log) {
        if (!recheck_dirty_log(m, errp)) {
            return false;
        }
        if (m->not_delta) {
            return true;
        }
        mirror_dirty_sync(false);
        if (m->delta && (m->full_reason = why_no_delta(m))) {
            m->not_delta = true;
            return true;
        }
    }
    if (!(m->strategy == DUMP_MIRROR_STRATEGY_PRECOPY ?
          mirror_precopy_capture(m, errp) :
          mirror_track_capture(m, &m->t0_again, errp))) {
        return false;
    }
    if (m->t0_again) {
        return true;
    }
    if (m->kdump) {
        return mirror_kdump_begin(m, errp);
    }
    if (m->track) {
        m->resets = mirror_dirty_resets();
        m->taken = mirror_dirty_take();
        m->generation = qemu_uuid_unparse_strdup(&uuid);
    }
    m->sink = m->head;
    dump_begin(s, &err);
    if (err) {
        error_propagate(errp, err);
        return false;
    }
    program_headers_first(m);
    return true;
}

static void t0_bh(void *opaque)
{
    DumpMirror *m = opaque;
    Error *err = NULL;
    int64_t start = get_clock();
    RunState state;

    if (!mirror_failed(m)) {
        state = vm_quiesce();
        m->t0_tries++;
        if (t0_take(m, &err) && !m->not_delta && !m->t0_again) {
            m->t0_wall_ns = g_get_real_time() * 1000;
            qatomic_set(&m->t0_ns, get_clock());
        }
        vm_unquiesce(state);
        /* tries stop the guest too */
        m->pause_ns = MAX(m->pause_ns, get_clock() - start);
        trace_dump_mirror_t0(m->pause_ns);
        if (err) {
            mirror_fail(m, err);
        }
    }
    if (!m->not_delta && !m->t0_again) {
        unwatch_map(m);
    }
    qemu_sem_post(&m->t0_done);
}

/* Delta */

/* What was written since the base, or in @why why that is not what to save */
static bool collect_delta(DumpMirror *m, uint64_t *pages, char **why,
                          Error **errp)
{
    uint64_t n = 0, total = 0;
    size_t i;

    BQL_LOCK_GUARD();
    *why = why_no_delta(m);
    if (*why) {
        return true;
    }
    mirror_dirty_sync(true);
    for (i = 0; i < m->nregions; i++) {
        MirrorRegion *r = &m->regions[i];
        const unsigned long *since = mirror_dirty_since(r->rb);
        unsigned long *fresh = mirror_dirty_fresh(r->rb);
        size_t npages = mirror_block_pages(r);

        g_free(r->delta);
        r->delta = mirror_bitmap(npages, "a bitmap of pages to save", errp);
        if (!r->delta) {
            return false;
        }
        if (since) {
            bitmap_copy(r->delta, since, npages);
            bitmap_zero(fresh, npages);
        } else {
            bitmap_set(r->delta, 0, npages);
        }
        n += bitmap_count_one(r->delta, npages);
        total += npages;
    }
    *pages = n;
    if (n > total / 2) {
        *why = g_strdup("most of the guest's memory was written since");
    }
    return true;
}

static void end_delta(DumpMirror *m)
{
    size_t i;

    m->delta = m->overwrite = m->again = m->relaid = false;
    mirror_precopy_forget_delta(m);
    mirror_remap_free(m);
    mirror_overlay_close(m);
    m->storage = DUMP_MIRROR_STORAGE_FILE;
    /* a fault may be looking at it */
    QEMU_LOCK_GUARD(&m->phase_lock);
    for (i = 0; i < m->nregions; i++) {
        g_clear_pointer(&m->regions[i].delta, g_free);
    }
}

static bool begin_delta(DumpMirror *m, Error **errp)
{
    uint64_t pages;

    if (!collect_delta(m, &pages, &m->full_reason, errp)) {
        return false;
    }
    if (!m->full_reason &&
        mirror_base_prepare(m, pages, &m->full_reason)) {
        m->delta = m->overwrite = true;
    } else {
        end_delta(m);
    }
    return true;
}

/*
 * Headers and notes are kept back, and dump.c can't do without memory for them:
 * they grow with the number of vCPUs, and are written at T0.
 */
static bool reserve_head(DumpMirror *m, Error **errp)
{
    static const char what[] = "headers and notes";
    const size_t size = m->kdump ? m->s->note_size + 4 * MIRROR_PAGE :
                        m->head_size;
    /* dump.c has notes of a kdump in a buffer of its own first */
    uint8_t *head = mirror_has_room(size, what, errp) ?
                    mirror_alloc(size, 1, what, errp) : NULL;

    if (!head) {
        return false;
    }
    g_byte_array_unref(m->head);
    m->head = g_byte_array_new_take(head, size);
    g_byte_array_set_size(m->head, 0);
    return true;
}

/* All of memory, or what is left of a delta once most of it was copied */
static bool protect(DumpMirror *m, Error **errp)
{
    mirror_pool_warm(&m->pool, m->delta ? mirror_precopy_delta(m) :
                               memory_size(m) >> MIRROR_PAGE_BITS);
    return is_scattered(m) ? mirror_track_preprotect_delta(m, errp) :
                             mirror_track_preprotect(m, errp);
}

/* Where there are few, writers must not have those that faults can't do without */
static bool start_threads(DumpMirror *m, Error **errp)
{
    return (m->strategy == DUMP_MIRROR_STRATEGY_PRECOPY ||
            mirror_track_start(m, errp)) &&
           mirror_writer_start(m, errp);
}

/* All that is done while the guest runs, and T0 */
static bool reach_t0(DumpMirror *m, Error **errp)
{
    if (m->track && !m->delta) {
        /* empty the log, so that there is little to do at T0 */
        BQL_LOCK_GUARD();
        mirror_dirty_sync(true);
    }
    if (m->strategy == DUMP_MIRROR_STRATEGY_PRECOPY ||
        (m->strategy == DUMP_MIRROR_STRATEGY_HYBRID && !m->delta)) {
        if (!mirror_precopy(m, errp)) {
            return false;
        }
        /* once more, for what is left */
        mirror_rewind(m);
    }
    if (m->strategy != DUMP_MIRROR_STRATEGY_PRECOPY && !protect(m, errp)) {
        return false;
    }
    for (;;) {
        m->t0_again = false;
        /* never inside of a drain that is part of stopping or starting the guest */
        aio_bh_schedule_oneshot(iohandler_get_aio_context(), t0_bh, m);
        qemu_sem_wait(&m->t0_done);
        if (!m->t0_again) {
            return true;
        }
        if (!mirror_track_again(m, errp)) {
            return false;
        }
    }
}

/* From here on it is too late to cancel.  Returns false if somebody did */
static bool seal(DumpMirror *m)
{
    QEMU_LOCK_GUARD(&mirror.lock);
    m->whole = !mirror_failed(m);
    return m->whole;
}

/* The next dump may build on this one.  Else what was taken is put back */
static void commit_generation(DumpMirror *m)
{
    MirrorLayout layout = mirror_layout(m);

    BQL_LOCK_GUARD();
    if (m->resets == mirror_dirty_resets()) {
        mirror_dirty_commit(m->generation, &layout);
        g_clear_pointer(&m->taken, g_ptr_array_unref);
    } else {
        g_clear_pointer(&m->generation, g_free);
    }
}

/* After an attempt that found out at T0 that it could not build on its base */
static void begin_again(DumpMirror *m)
{
    /* some memory is protected already, which hybrid would copy as if not */
    if (m->strategy == DUMP_MIRROR_STRATEGY_HYBRID) {
        m->strategy = DUMP_MIRROR_STRATEGY_PROTECT;
    }
    BQL_LOCK_GUARD();
    m->resets = mirror_dirty_resets();
}

static void mirror_dump(DumpMirror *m, Error **errp)
{
    DumpState *s = m->s;
    Error *err = NULL;
    ERRP_GUARD();

    if (!mirror_writer_open(m, errp)) {
        return;
    }
    if (m->base && (!begin_delta(m, errp) ||
                    (!m->delta && !mirror_writer_open(m, errp)))) {
        return;
    }
    /* All that can be missing, before anything is protected */
    if (!make_granules(m, errp) || !mirror_copier_prepare(m, errp) ||
        !reserve_head(m, errp) || !start_threads(m, errp) ||
        !reach_t0(m, errp)) {
        return;
    }
    if (m->not_delta) {
        /* Rare: the guest was reset, or its memory map changed, just now */
        m->not_delta = false;
        end_delta(m);
        begin_again(m);
        if (!mirror_writer_open(m, errp) || !reach_t0(m, errp)) {
            return;
        }
    }
    if (m->relaid && !m->delta && !mirror_failed(m) && !mirror_writer_open(m, &err)) {
        mirror_fail(m, g_steal_pointer(&err));
    }
    if (m->kdump && !mirror_failed(m) && !mirror_kdump_open(m, &err)) {
        mirror_fail(m, g_steal_pointer(&err));
    }
    if (!mirror_failed(m)) {
        mirror_count_pages(m);
        if (m->strategy != DUMP_MIRROR_STRATEGY_PRECOPY) {
            if (is_scattered(m)) {
                mirror_writer_hold(m);
                mirror_precopy_write_delta(m);
            }
            mirror_copy_all(m);
            mirror_writer_go(m);
        } else if (!mirror_precopy_finish(m, &err)) {
            mirror_fail(m, g_steal_pointer(&err));
        }
        if (!mirror_ksm_was_off(m, &err)) {
            mirror_fail(m, g_steal_pointer(&err));
        }
        m->capture_ns = get_clock() - m->t0_ns;
        trace_dump_mirror_captured(m->capture_ns);
    }
    /* The guest is on its own again: no page is protected any more */
    mirror_track_stop(m);
    mirror_writer_join(m);
    if (m->remap && !mirror_failed(m) && !mirror_remap_finish(m, errp)) {
        return;
    }
    if (mirror_failed(m)) {
        return;
    }

    if (m->kdump) {
        mirror_kdump_finish(m, errp);
    } else {
        m->sink = m->tail;
        dump_end(s, errp);
        if (!*errp) {
            mirror_writer_finish(m, errp);
        }
    }
    if (*errp) {
        return;
    }
    s->written_size = s->total_size;
    m->total_ns = get_clock() - m->start_ns;
    if (m->kdump) {
        mirror_kdump_head(m, errp);
        return;
    }
    mirror_note_append(m);
    if (m->head->len != s->note_offset + s->note_size) {
        error_setg(errp, "dump: the number of vCPUs changed while the dump was "
                   "starting; try again");
        return;
    }
    if (mirror_writer_head(m, errp) && seal(m) && m->track) {
        commit_generation(m);
    }
    m->total_ns = get_clock() - m->start_ns;
}

void dump_mirror_run(DumpState *s, Error **errp)
{
    ERRP_GUARD();
    DumpMirror *m = s->mirror;
    Error *err = NULL;

    let_others_preempt();
    trace_dump_mirror_start(m->nregions, m->nchunks, m->limit);
    mirror_dump(m, &err);
    if (err) {
        mirror_fail(m, err);
    }
    mirror_track_stop(m);
    /* also of what failed on its way to T0 */
    mirror_writer_join(m);
    mirror_overlay_close(m);
    mirror_writer_close(m);
    WITH_QEMU_LOCK_GUARD(&mirror.lock) {
        qatomic_set(&mirror.running, NULL);
        g_clear_pointer(&mirror.last, qapi_free_DumpMirrorInfo);
        if (m->t0_ns) {
            m->total_ns = get_clock() - m->start_ns;
            mirror.last = mirror_info(m);
        }
    }
    if (m->err) {
        error_propagate(errp, g_steal_pointer(&m->err));
    } else {
        g_clear_pointer(&m->path, g_free);
    }
    trace_dump_mirror_end(m->total_ns, *errp ? error_get_pretty(*errp) : "");
}
