/*
 * Write protection of guest memory with userfaultfd, and the threads that
 * serve the faults.
 *
 * These threads are what the guest waits for.  They never touch the output,
 * the BQL or a lock that is held across I/O; at the pool's limit, and only
 * there, they wait for a copier.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "exec/cpu-common.h"
#include "mirror.h"
#include "trace.h"
#include <linux/userfaultfd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* While so many runs of granules are in the log, another round is worth its time */
#define PREPROTECT_ENOUGH 64
#define PREPROTECT_ROUNDS 4

/* Ranges of memory that a delta keeps KSM from */
#define UNMERGED_MAX 4096

/* One that waits must not hold up the faults of all other vCPUs */
#define FAULT_THREADS CLAMP(g_get_num_processors() / 4, 2, 8)

/*
 * No guest waits longer than this for the output.  A disk that hangs ends the
 * dump, not the guest.
 */
#define WAIT_MAX_NS (2 * NANOSECONDS_PER_SECOND)

static int uffd_new(int fd)
{
    const int flags = O_CLOEXEC | O_NONBLOCK;
    int dev, ret;

    if (fd >= 0) {
        return ioctl(fd, USERFAULTFD_IOC_NEW, flags);
    }
    dev = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
    if (dev >= 0) {
        ret = ioctl(dev, USERFAULTFD_IOC_NEW, flags);
        close(dev);
        return ret;
    }
    return syscall(__NR_userfaultfd, flags);
}

static bool uffd_api(int uffd, uint64_t want, uint64_t *have)
{
    struct uffdio_api api = { .api = UFFD_API, .features = want };

    if (ioctl(uffd, UFFDIO_API, &api)) {
        return false;
    }
    *have = api.features;
    return true;
}

bool mirror_track_open(DumpMirror *m, int fd, Error **errp)
{
    uint64_t have, want = UFFD_FEATURE_PAGEFAULT_FLAG_WP;
    int probe;

    /* The kernel refuses features it does not know: ask what it has first */
    probe = uffd_new(fd);
    if (probe < 0) {
        error_setg_errno(errp, errno, "mode=mirror cannot open userfaultfd "
                         "(pass an open /dev/userfaultfd as 'uffd', or give "
                         "QEMU's user access to it)");
        return false;
    }
    if (!uffd_api(probe, 0, &have)) {
        error_setg_errno(errp, errno, "mode=mirror: UFFDIO_API failed");
        close(probe);
        return false;
    }
    close(probe);
    if (!(have & UFFD_FEATURE_PAGEFAULT_FLAG_WP)) {
        error_setg(errp, "mode=mirror: this kernel's userfaultfd can't "
                   "write-protect memory");
        return false;
    }
    want |= have & (UFFD_FEATURE_WP_HUGETLBFS_SHMEM |
                    UFFD_FEATURE_WP_UNPOPULATED);

    m->uffd = uffd_new(fd);
    if (m->uffd < 0 || !uffd_api(m->uffd, want, &have)) {
        error_setg_errno(errp, errno, "mode=mirror: cannot set up userfaultfd");
        return false;
    }
    m->populate_private = !(want & UFFD_FEATURE_WP_UNPOPULATED);
    m->populate_files = m->populate_private &&
                        !(want & UFFD_FEATURE_WP_HUGETLBFS_SHMEM);
    trace_dump_mirror_uffd(want, m->populate_private);
    return true;
}

static bool change_protection(DumpMirror *m, uint8_t *host, size_t size,
                              bool protect)
{
    struct uffdio_writeprotect wp = {
        .range = { .start = (uintptr_t)host, .len = size },
        .mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
    };

    while (ioctl(m->uffd, UFFDIO_WRITEPROTECT, &wp)) {
        /* EAGAIN: the address space is changing under us, for a moment */
        if (errno != EAGAIN && errno != EINTR) {
            return false;
        }
    }
    return true;
}

bool mirror_track_unprotect(DumpMirror *m, uint8_t *host, size_t size)
{
    Error *err = NULL;

    if (change_protection(m, host, size, false) ||
        qatomic_read(&m->released)) {
        return true;
    }
    error_setg_errno(&err, errno, "dump: cannot unprotect guest memory");
    mirror_fail(m, err);
    return false;
}

static MirrorRegion *find_region(DumpMirror *m, uint8_t *addr)
{
    size_t i;

    for (i = 0; i < m->nregions; i++) {
        MirrorRegion *r = &m->regions[i];

        if (addr >= r->host && addr < r->host + r->size) {
            return r;
        }
    }
    return NULL;
}

/* Granules that one fault sees to at most */
static size_t window_max(const MirrorRegion *r)
{
    return MAX(1, MIRROR_WINDOW >> r->granule_bits);
}

/*
 * Before T0 a write only has to be remembered.  A granule that the log does not
 * name is protected, or about to be logged here: T0 waits for the lock, and who
 * protects memory does without it.
 */
static bool fault_prepare(DumpMirror *m, MirrorRegion *r, size_t g)
{
    /* what is no part of a delta is not to be protected, so not to be logged */
    const size_t n = r->delta ? 1 : window_max(r);
    size_t i = ROUND_DOWN(g, n), end = MIN(i + n, r->ngranules);

    QEMU_LOCK_GUARD(&m->phase_lock);
    if (m->phase != MIRROR_PREPARE) {
        return false;
    }
    mirror_track_unprotect(m, mirror_granule_start(r, i),
                           (end - i) << r->granule_bits);
    for (; i < end; i++) {
        set_bit_atomic(i, r->log);
    }
    return true;
}

/* How many granules next to @g, up to @max, faults have copied */
static size_t faulted_run(const MirrorRegion *r, size_t g, int step, size_t max)
{
    size_t n = 0;

    /* below 0 is above all */
    for (g += step; n < max && g < r->ngranules &&
         qatomic_read(&r->state[g]) == GRANULE_FAULTED; g += step) {
        n++;
    }
    return n;
}

static bool is_worth_copying(const MirrorRegion *r, size_t g)
{
    return qatomic_read(&r->state[g]) == GRANULE_PROTECTED &&
           (!r->delta ||
            test_bit(mirror_page_of(r, mirror_granule_start(r, g)), r->delta));
}

/*
 * A guest writes to neighbouring pages, or it doesn't.  Its faults tell: this one
 * copies as many granules as others have copied next to it, itself included, on
 * the other side.  All in one chunk, which is what copiers take.
 */
static void find_window(const MirrorRegion *r, size_t g, size_t *first,
                        size_t *end)
{
    const size_t max = window_max(r);
    size_t before = faulted_run(r, g, -1, max);
    size_t after = faulted_run(r, g, 1, max);
    size_t chunk = mirror_chunk_of(r, mirror_granule_start(r, g));
    size_t low = mirror_granule_of(r, mirror_chunk_start(r, chunk));
    size_t high = mirror_granule_of(r, mirror_chunk_end(r, chunk) - 1) + 1;
    size_t n = MAX(before, after);

    *first = g;
    *end = g + 1;
    if (before >= after) {
        while (*end < high && *end - g < n && is_worth_copying(r, *end)) {
            ++*end;
        }
    } else {
        while (*first > low && g - *first + 1 < n &&
               is_worth_copying(r, *first - 1)) {
            --*first;
        }
    }
}

/* Memory for a window, which is made smaller if there is less; or NULL */
static uint8_t *window_memory(DumpMirror *m, const MirrorRegion *r, size_t g,
                              size_t *first, size_t *end)
{
    size_t n = *end - *first;
    uint8_t *copy = mirror_pool_try_granules(&m->pool, mirror_granule_size(r),
                                             &n);

    if (copy && *first == g) {
        *end = g + n;
    } else if (copy) {
        *first = *end - n;
    }
    return copy;
}

static void copy_window(DumpMirror *m, MirrorRegion *r, size_t first,
                        size_t end, uint8_t *copy)
{
    const size_t size = mirror_granule_size(r);
    size_t g, n = 0;

    for (g = first; g < end; g++, copy += size) {
        if (qatomic_cmpxchg(&r->state[g], GRANULE_PROTECTED,
                            GRANULE_FAULTED) == GRANULE_PROTECTED) {
            memcpy(copy, mirror_granule_start(r, g), size);
            qatomic_store_release(&r->copy[g],
                                  mirror_pool_index(&m->pool, copy));
            n++;
        } else {
            mirror_pool_put_granule(&m->pool, copy);
        }
    }
    if (n) {
        mirror_hot_chunk(m, r, mirror_chunk_of(r, mirror_granule_start(r, first)),
                         false);
    }
}

/*
 * Let the guest write to what is safe.  Another thread may have claimed a granule
 * and still be copying: it unprotects it and wakes all who wait there.
 */
static void unprotect_window(DumpMirror *m, MirrorRegion *r, size_t first,
                             size_t end)
{
    size_t g, i;

    for (g = first; g < end; g = i + 1) {
        for (i = g; i < end &&
             (mirror_failed(m) || qatomic_read(&r->state[i]) == GRANULE_SAVED ||
              qatomic_load_acquire(&r->copy[i])); i++) {
            /* next */
        }
        if (i > g) {
            mirror_track_unprotect(m, mirror_granule_start(r, g),
                                   (i - g) << r->granule_bits);
        }
    }
}

static void fault_capture(DumpMirror *m, MirrorRegion *r, size_t g)
{
    int64_t start = get_clock();
    size_t first = g, end = g + 1;
    uint8_t *copy;

    /*
     * Memory first, claim second: a copier that finds a claim waits for the
     * copy, and must not wait for somebody who waits for memory.
     */
    while (qatomic_read(&r->state[g]) == GRANULE_PROTECTED &&
           !mirror_failed(m)) {
        find_window(r, g, &first, &end);
        copy = window_memory(m, r, g, &first, &end);
        if (copy) {
            copy_window(m, r, first, end, copy);
            break;
        }
        if (get_clock() - start > WAIT_MAX_NS) {
            Error *err = NULL;

            error_setg(&err, "dump: the output is too slow for what the guest "
                       "writes; allow a larger mirror-limit");
            mirror_fail(m, err);
        }
        /* At the limit.  Let this chunk be next, that ends the wait too */
        mirror_hot_chunk(m, r, mirror_chunk_of(r, mirror_granule_start(r, g)),
                         true);
        mirror_pool_wait(&m->pool, 10);
    }
    unprotect_window(m, r, first, end);
}

static void count_stall(DumpMirror *m, int64_t ns)
{
    unsigned bucket = ns < 1000 ? 0 : 64 - clz64(ns / 1000);

    QEMU_LOCK_GUARD(&m->phase_lock);
    m->stalls.count++;
    m->stalls.max_ns = MAX(m->stalls.max_ns, ns);
    m->stalls.histogram[MIN(bucket, MIRROR_HISTOGRAM_BUCKETS - 1)]++;
}

static void serve_fault(DumpMirror *m, uint64_t address)
{
    uint8_t *addr = (uint8_t *)(uintptr_t)address;
    MirrorRegion *r = find_region(m, addr);
    int64_t start = get_clock();
    size_t g;

    if (!r) {
        return;
    }
    g = mirror_granule_of(r, addr);
    if (!fault_prepare(m, r, g)) {
        fault_capture(m, r, g);
    }
    count_stall(m, get_clock() - start);
    trace_dump_mirror_fault(addr, get_clock() - start);
}

/* One for each thread: a fault then wakes one of them, not all */
static int open_epoll(DumpMirror *m)
{
    struct epoll_event fault = { .events = EPOLLIN | EPOLLEXCLUSIVE };
    struct epoll_event stop = { .events = EPOLLIN };
    int fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd >= 0 && (epoll_ctl(fd, EPOLL_CTL_ADD, m->uffd, &fault) ||
                    epoll_ctl(fd, EPOLL_CTL_ADD, m->stop_event, &stop))) {
        close(fd);
        return -1;
    }
    return fd;
}

static void *fault_thread(void *opaque)
{
    DumpMirror *m = opaque;
    struct epoll_event event;
    Error *err = NULL;
    int epoll = open_epoll(m);

    mirror_thread_serve_guest();
    while (epoll >= 0 &&
           (epoll_wait(epoll, &event, 1, -1) >= 0 || errno == EINTR)) {
        struct uffd_msg msg;
        ssize_t len;

        if (qatomic_read(&m->stopping)) {
            close(epoll);
            return NULL;
        }
        /* One at a time, so that the other threads can take the rest */
        while ((len = read(m->uffd, &msg, sizeof(msg))) == sizeof(msg)) {
            if (msg.event == UFFD_EVENT_PAGEFAULT) {
                serve_fault(m, msg.arg.pagefault.address);
            }
        }
        if (len < 0 && errno != EAGAIN && errno != EINTR) {
            break;
        }
    }
    error_setg_errno(&err, errno, "dump: cannot read page faults");
    mirror_fail(m, err);
    if (epoll >= 0) {
        close(epoll);
    }
    /* nobody serves the guest's faults any more */
    mirror_track_release(m);
    return NULL;
}

bool mirror_track_register(DumpMirror *m, Error **errp)
{
    size_t i;

    for (i = 0; i < m->nregions; i++) {
        MirrorRegion *r = &m->regions[i];
        struct uffdio_register reg = {
            .range = { .start = (uintptr_t)r->host, .len = r->size },
            .mode = UFFDIO_REGISTER_MODE_WP,
        };

        if (ioctl(m->uffd, UFFDIO_REGISTER, &reg)) {
            error_setg_errno(errp, errno, "mode=mirror: memory '%s' can't be "
                             "write-protected", qemu_ram_get_idstr(r->rb));
            return false;
        }
        if (!(reg.ioctls & BIT_ULL(_UFFDIO_WRITEPROTECT))) {
            error_setg(errp, "mode=mirror: this kernel can't write-protect "
                       "memory like '%s'", qemu_ram_get_idstr(r->rb));
            return false;
        }
    }
    return true;
}

bool mirror_track_start(DumpMirror *m, Error **errp)
{
    const unsigned n = FAULT_THREADS;

    if (m->nfault_threads) {
        return true;
    }
    m->stop_event = eventfd(0, EFD_CLOEXEC);
    if (m->stop_event < 0) {
        error_setg_errno(errp, errno, "dump: cannot create an eventfd");
        return false;
    }
    m->fault_threads = g_new0(QemuThread, n);
    while (m->nfault_threads < n) {
        qemu_thread_create(&m->fault_threads[m->nfault_threads++], "dump-fault",
                           fault_thread, m, QEMU_THREAD_JOINABLE);
    }
    return true;
}

/*
 * Missing pages of private memory get the zero page, as large as it comes:
 * cheaper than a marker for each 4 KiB, which the guest's later writes could
 * not become huge pages from.  Missing pages of files would be allocated, so
 * they are left to the markers where the kernel has those.
 */
static bool populate(DumpMirror *m, MirrorRegion *r, uint8_t *host, size_t size,
                     Error **errp)
{
    bool file = qemu_ram_get_fd(r->rb) >= 0;

    if (file && !m->populate_files) {
        return true;
    }
    /* As old as write protection of shared memory, which this may be */
    if (madvise(host, size, MADV_POPULATE_READ) == 0 ||
        !(file ? m->populate_files : m->populate_private)) {
        return true;
    }
    error_setg_errno(errp, errno, "dump: cannot populate memory '%s'",
                     qemu_ram_get_idstr(r->rb));
    return false;
}

/* What a delta keeps KSM from at once: no more at T0 than has to be */
static size_t chunks_to_unmerge(DumpMirror *m)
{
    return m->phase == MIRROR_CAPTURE ? 1 :
           DIV_ROUND_UP(m->nchunks, UNMERGED_MAX);
}

/*
 * Before T0, when nobody looks at them yet: so that no fault is the first to use
 * their part of the tables.  They have these values.
 */
static void touch_granules(MirrorRegion *r, size_t first, size_t end)
{
    memset(r->state + first, GRANULE_PROTECTED, (end - first) * sizeof(*r->state));
    memset(r->copy + first, 0, (end - first) * sizeof(*r->copy));
}

/* Protect what the log names, and empty it.  Returns runs of granules, or -1 */
static ssize_t protect_logged(DumpMirror *m, MirrorRegion *r, Error **errp)
{
    size_t g = 0, end, n = 0;

    while ((g = find_next_bit(r->log, r->ngranules, g)) < r->ngranules) {
        uint8_t *host = mirror_granule_start(r, g);
        size_t size;

        end = find_next_zero_bit(r->log, r->ngranules, g);
        size = (end - g) << r->granule_bits;
        /* in this order: what is logged from now on is protected once more */
        bitmap_test_and_clear_atomic(r->log, g, end - g);
        if (r->delta) {
            if (m->phase == MIRROR_PREPARE) {
                touch_granules(r, g, end);
            }
            /* the balloon may have taken what was written */
            if (!populate(m, r, host, size, errp) ||
                !mirror_ksm_keep_off(r, host, size, chunks_to_unmerge(m), errp)) {
                return -1;
            }
        }
        if (!change_protection(m, host, size, true)) {
            error_setg_errno(errp, errno, "dump: cannot protect memory '%s'",
                             qemu_ram_get_idstr(r->rb));
            return -1;
        }
        n++;
        g = end;
    }
    return n;
}

bool mirror_track_preprotect(DumpMirror *m, Error **errp)
{
    int64_t start = get_clock();
    ssize_t n, total = 0;
    size_t i, c;
    int round;

    for (i = 0; i < m->nregions; i++) {
        MirrorRegion *r = &m->regions[i];

        touch_granules(r, 0, r->ngranules);
        for (c = 0; c < r->nchunks; c++) {
            uint8_t *host = mirror_chunk_start(r, c);
            size_t size = mirror_chunk_end(r, c) - host;

            if (mirror_failed(m)) {
                return true;
            }
            if (!mirror_ksm_keep_off(r, host, size, 1, errp) ||
                !populate(m, r, host, size, errp)) {
                return false;
            }
            if (!change_protection(m, host, size, true)) {
                error_setg_errno(errp, errno,
                                 "dump: cannot protect memory '%s'",
                                 qemu_ram_get_idstr(r->rb));
                return false;
            }
        }
    }

    /* What was written meanwhile, until only what is always written is left */
    for (round = 0; round < PREPROTECT_ROUNDS; round++) {
        for (i = 0, total = 0; i < m->nregions; i++) {
            n = protect_logged(m, &m->regions[i], errp);
            if (n < 0) {
                return false;
            }
            total += n;
        }
        if (total < PREPROTECT_ENOUGH) {
            break;
        }
    }
    trace_dump_mirror_preprotect(get_clock() - start, round, total);
    return true;
}

static void log_page(MirrorRegion *r, size_t page)
{
    const uint8_t *block = qemu_ram_get_host_addr(r->rb);

    set_bit_atomic(mirror_granule_of(r, block + (page << MIRROR_PAGE_BITS)),
                   r->log);
}

/*
 * Let the pages that were written lately join the delta, and log them to be
 * protected.  With the BQL, after mirror_dirty_sync().
 */
static void add_to_delta(MirrorRegion *r)
{
    const size_t end = mirror_page_of(r, r->host + r->size);
    unsigned long *fresh = mirror_dirty_fresh(r->rb);
    size_t page = mirror_page_of(r, r->host);

    for (; fresh && (page = find_next_bit(fresh, end, page)) < end; page++) {
        clear_bit(page, fresh);
        if (!test_and_set_bit(page, r->delta)) {
            log_page(r, page);
        }
    }
}

static void log_delta(MirrorRegion *r)
{
    const size_t end = mirror_page_of(r, r->host + r->size);
    size_t page = mirror_page_of(r, r->host);

    for (; (page = find_next_bit(r->delta, end, page)) < end; page++) {
        log_page(r, page);
    }
}

bool mirror_track_preprotect_delta(DumpMirror *m, Error **errp)
{
    int64_t start = get_clock();
    ssize_t n, total = 0;
    size_t i;
    int round;

    /*
     * The log of a page says that it was written, so what joins the delta goes
     * there and is protected like what was written while protecting.
     */
    for (i = 0; i < m->nregions; i++) {
        log_delta(&m->regions[i]);
    }
    for (round = 0; round < PREPROTECT_ROUNDS; round++) {
        total = 0;
        bql_lock();
        mirror_dirty_sync(true);
        for (i = 0; i < m->nregions; i++) {
            add_to_delta(&m->regions[i]);
        }
        bql_unlock();
        for (i = 0; i < m->nregions; i++) {
            n = protect_logged(m, &m->regions[i], errp);
            if (n < 0) {
                return false;
            }
            total += n;
        }
        if (total < PREPROTECT_ENOUGH || mirror_failed(m)) {
            break;
        }
    }
    trace_dump_mirror_preprotect(get_clock() - start, round, total);
    return true;
}

bool mirror_track_capture(DumpMirror *m, Error **errp)
{
    size_t i, total = 0;
    ssize_t n;

    /*
     * The phase first: a fault that was read but not yet served would else
     * unprotect a granule behind our back.  Served now, it copies the granule,
     * which nobody is writing to.
     */
    WITH_QEMU_LOCK_GUARD(&m->phase_lock) {
        m->phase = MIRROR_CAPTURE;
    }
    for (i = 0; i < m->nregions; i++) {
        if (m->regions[i].delta) {
            add_to_delta(&m->regions[i]);
        }
        n = protect_logged(m, &m->regions[i], errp);
        if (n < 0) {
            return false;
        }
        total += n;
    }
    trace_dump_mirror_protect(total);
    return true;
}

void mirror_track_release(DumpMirror *m)
{
    size_t i, c;

    QEMU_LOCK_GUARD(&m->release_lock);
    if (m->uffd < 0 || m->released) {
        return;
    }
    qatomic_set(&m->released, true);
    for (i = 0; i < m->nregions; i++) {
        MirrorRegion *r = &m->regions[i];

        /* In pieces: each keeps all faults out for as long as it takes */
        for (c = 0; c < r->nchunks; c++) {
            uint8_t *host = mirror_chunk_start(r, c);
            struct uffdio_range range = {
                .start = (uintptr_t)host,
                .len = mirror_chunk_end(r, c) - host,
            };

            /* Lifts the protection and wakes who waits */
            if (ioctl(m->uffd, UFFDIO_UNREGISTER, &range)) {
                trace_dump_mirror_unregister_failed(host, errno);
            }
        }
        mirror_ksm_let_go(r);
    }
}

void mirror_track_stop(DumpMirror *m)
{
    uint64_t one = 1;
    unsigned i;

    mirror_track_release(m);
    if (m->nfault_threads) {
        qatomic_set(&m->stopping, true);
        while (write(m->stop_event, &one, sizeof(one)) < 0 && errno == EINTR) {
            /* again */
        }
        for (i = 0; i < m->nfault_threads; i++) {
            qemu_thread_join(&m->fault_threads[i]);
        }
        m->nfault_threads = 0;
    }
    g_clear_pointer(&m->fault_threads, g_free);
    if (m->stop_event >= 0) {
        close(m->stop_event);
        m->stop_event = -1;
    }
    WITH_QEMU_LOCK_GUARD(&m->release_lock) {
        if (m->uffd >= 0) {
            close(m->uffd);
            m->uffd = -1;
        }
    }
}
