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

/* What T0 may take to protect, by what calls cost here: then rounds end */
#define ROUND_ENOUGH_NS (200 * SCALE_US)
#define MAX_ROUNDS 32
/* Rounds that were no quicker than the quickest; and once T0 has been tried */
#define MAX_VAIN_ROUNDS 4
#define MAX_VAIN_AGAIN 2
/* Of those rounds, which look for pages that join a delta */
#define DELTA_ROUNDS 4

/* So many calls at T0 are few, and this is a small price for that */
#define FEW_CALLS 16
#define FEW_CALLS_NS (500 * SCALE_US)

/* T0 is tried again while it would take longer than this, and never longer than that */
#define T0_TRIES 8
#define T0_ENOUGH_NS (2 * SCALE_MS)
#define T0_MAX_NS (100 * SCALE_MS)

/*
 * One call holds off whoever maps memory, and faults behind that, for as long as it
 * takes; at T0 nobody is there to wait.
 */
#define PREPROTECT_MAX (64 * MiB)

/* A delta's neighbours are only protected if they are near */
#define DELTA_GAP_MAX (64 * MiB)

/* First guesses, and the size of the memory that tells better */
#define CALL_NS 20000
#define MIB_NS 8000
#define SAMPLE_MAX (64 * MiB)

/* Calls up to the first of these sizes are all overhead, from the second on none */
#define SMALL_CALL (2 * MIRROR_WINDOW)
#define LARGE_CALL (4 * MiB)

/* Ranges of memory that a delta keeps KSM from */
#define UNMERGED_MAX 4096

/* One that waits must not hold up the faults of all other vCPUs */
#define FAULT_THREADS_MIN 2
#define FAULT_THREADS CLAMP(g_get_num_processors() / 4, FAULT_THREADS_MIN, 8)

/*
 * No guest waits longer than this for the output.  A disk that hangs ends the
 * dump, not the guest.
 */
#define WAIT_MAX_NS (2 * NANOSECONDS_PER_SECOND)

struct MirrorFaultThread {
    DumpMirror *m;
    int epoll;
    QemuThread thread;
};

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
    /* now: T0 may be waiting for the vCPU that waits for this */
    mirror_track_release(m);
    return false;
}

/* Not the clock's: who is preempted has not made the call any dearer */
static int64_t thread_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * NANOSECONDS_PER_SECOND + t.tv_nsec;
}

static int64_t average(int64_t old, int64_t new)
{
    return (7 * old + new) / 8;
}

/*
 * What a call costs is mostly flushing TLBs, 2 to 60 microseconds, whatever its size;
 * and the walk over what it covers, which huge pages make a hundred times as cheap.
 */
static void learn_cost(DumpMirror *m, size_t size, int64_t ns)
{
    if (size <= SMALL_CALL) {
        m->call_ns = average(m->call_ns, ns);
    } else if (size >= LARGE_CALL) {
        m->mib_ns = average(m->mib_ns,
                            MAX(0, ns - m->call_ns) / (int64_t)(size / MiB));
    }
}

static int64_t estimate(const DumpMirror *m, size_t calls, uint64_t size)
{
    return calls * m->call_ns + size * m->mib_ns / (int64_t)MiB;
}

/* What a call costs here, on a page of our own */
static void measure_call(DumpMirror *m)
{
    const size_t size = qemu_real_host_page_size();
    uint8_t *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register reg = {
        .range = { .start = (uintptr_t)page, .len = size },
        .mode = UFFDIO_REGISTER_MODE_WP,
    };
    int64_t least = INT64_MAX;
    int i;

    m->call_ns = CALL_NS;
    m->mib_ns = MIB_NS;
    if (page == MAP_FAILED) {
        return;
    }
    *page = 1;
    if (ioctl(m->uffd, UFFDIO_REGISTER, &reg)) {
        munmap(page, size);
        return;
    }
    for (i = 0; i < 8; i++) {
        int64_t start = thread_ns();

        if (!change_protection(m, page, size, true)) {
            break;
        }
        least = MIN(least, thread_ns() - start);
        /* so that there is something to flush */
        if (!change_protection(m, page, size, false)) {
            break;
        }
        qatomic_set(page, i);
    }
    munmap(page, size);
    if (least != INT64_MAX) {
        m->call_ns = least;
    }
}

/* And what its size costs, on memory that is protected already */
static void measure_size(DumpMirror *m)
{
    MirrorRegion *largest = &m->regions[0];
    size_t i, size;
    int64_t start;

    for (i = 1; i < m->nregions; i++) {
        if (m->regions[i].size > largest->size) {
            largest = &m->regions[i];
        }
    }
    size = MIN(largest->size, SAMPLE_MAX);
    start = thread_ns();
    if (size >= LARGE_CALL &&
        change_protection(m, largest->host, size, true)) {
        m->mib_ns = (thread_ns() - start) / (int64_t)(size / MiB);
    }
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

/* Whether the dump is to save any page of a granule that changes from now on */
static bool is_wanted(const MirrorRegion *r, size_t g)
{
    size_t page, end;

    if (!r->delta) {
        return true;
    }
    page = mirror_page_of(r, mirror_granule_start(r, g));
    end = page + (mirror_granule_size(r) >> MIRROR_PAGE_BITS);
    return find_next_bit(r->delta, end, page) < end;
}

/*
 * What one fault sees to, where nothing is to be copied.  Of a delta one granule,
 * for it is scattered; and of what was only protected because a delta is near,
 * whatever there is of it.
 */
static void find_range(const MirrorRegion *r, size_t g, size_t *first,
                       size_t *end)
{
    const size_t n = window_max(r);
    const size_t low = ROUND_DOWN(g, n), high = MIN(low + n, r->ngranules);

    *first = g;
    *end = g + 1;
    if (!r->delta) {
        *first = low;
        *end = high;
    } else if (!is_wanted(r, g)) {
        while (*first > low && !is_wanted(r, *first - 1)) {
            --*first;
        }
        while (*end < high && !is_wanted(r, *end)) {
            ++*end;
        }
    }
}

static void unprotect_granules(DumpMirror *m, MirrorRegion *r, size_t first,
                               size_t end)
{
    mirror_track_unprotect(m, mirror_granule_start(r, first),
                           (end - first) << r->granule_bits);
}

/*
 * Before T0 a write only has to be remembered.  A granule that the log does not
 * name is protected, or about to be logged here: T0 waits for the lock, and who
 * protects memory does without it.
 */
static bool fault_prepare(DumpMirror *m, MirrorRegion *r, size_t g)
{
    size_t first, end;

    QEMU_LOCK_GUARD(&m->phase_lock);
    if (m->phase != MIRROR_PREPARE) {
        return false;
    }
    find_range(r, g, &first, &end);
    unprotect_granules(m, r, first, end);
    /* what has joined the delta before this is protected again, after that later */
    smp_mb();
    for (; first < end; first++) {
        if (is_wanted(r, first)) {
            set_bit_atomic(first, r->log);
        }
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
    return qatomic_read(&r->state[g]) == GRANULE_PROTECTED && is_wanted(r, g);
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

    if (!is_wanted(r, g)) {
        find_range(r, g, &first, &end);
        unprotect_granules(m, r, first, end);
        return;
    }
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
        const int err = errno;

        close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

static void *fault_thread(void *opaque)
{
    MirrorFaultThread *t = opaque;
    DumpMirror *m = t->m;
    struct epoll_event event;
    Error *err = NULL;

    mirror_thread_serve_guest();
    while (epoll_wait(t->epoll, &event, 1, -1) >= 0 || errno == EINTR) {
        struct uffd_msg msg;
        ssize_t len;

        if (qatomic_read(&m->stopping)) {
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

static bool start_fault_thread(DumpMirror *m, MirrorFaultThread *t, Error **errp)
{
    t->m = m;
    t->epoll = open_epoll(m);
    if (t->epoll < 0) {
        error_setg_errno(errp, errno, "dump: cannot poll for page faults");
        return false;
    }
    if (!mirror_thread_create(&t->thread, "dump-fault", fault_thread, t, errp)) {
        close(t->epoll);
        return false;
    }
    return true;
}

bool mirror_track_start(DumpMirror *m, Error **errp)
{
    const unsigned n = FAULT_THREADS;
    Error *err = NULL;

    if (m->nfault_threads) {
        return true;
    }
    m->stop_event = eventfd(0, EFD_CLOEXEC);
    if (m->stop_event < 0) {
        error_setg_errno(errp, errno, "dump: cannot create an eventfd");
        return false;
    }
    m->fault_threads = mirror_new(MirrorFaultThread, n, "fault threads", errp);
    if (!m->fault_threads) {
        return false;
    }
    while (m->nfault_threads < n &&
           start_fault_thread(m, &m->fault_threads[m->nfault_threads], &err)) {
        m->nfault_threads++;
    }
    /* fewer are slower, but one alone would let all vCPUs wait for one's memory */
    if (m->nfault_threads < FAULT_THREADS_MIN) {
        error_propagate(errp, err);
        return false;
    }
    error_free(err);
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

/* Find the next run of granules in the log, from @g on */
static bool next_run(const MirrorRegion *r, size_t *g, size_t *end)
{
    *g = find_next_bit(r->log, r->ngranules, *g);
    if (*g >= r->ngranules) {
        return false;
    }
    *end = find_next_zero_bit(r->log, r->ngranules, *g);
    return true;
}

/*
 * May what lies between two runs be protected with them?  All of a full dump is.
 * Of a delta chunks are that have some of it: there a fault finds out that there is
 * nothing to copy, a copier lifts the protection of all, and there are page tables.
 */
static bool may_span(const MirrorRegion *r, size_t end, size_t next)
{
    size_t c, last;

    if (!r->delta) {
        return true;
    }
    if ((next - end) << r->granule_bits > DELTA_GAP_MAX) {
        return false;
    }
    last = mirror_chunk_of(r, mirror_granule_start(r, next));
    for (c = mirror_chunk_of(r, mirror_granule_start(r, end - 1)) + 1; c < last;
         c++) {
        size_t page = mirror_page_of(r, mirror_chunk_start(r, c));
        size_t stop = mirror_page_of(r, mirror_chunk_end(r, c));

        if (find_next_bit(r->delta, stop, page) >= stop) {
            return false;
        }
    }
    return true;
}

/* How to protect what is in the log */
typedef struct Plan {
    uint64_t gap;            /* bytes; runs nearer than that go into one call */
    size_t calls;
    int64_t ns;              /* that it will take, about */
} Plan;

/*
 * Two runs are protected by one call if a call is dearer than what is between them;
 * and so that calls are few, if that costs little.
 */
static Plan make_plan(DumpMirror *m)
{
    uint64_t gaps[64] = { 0 }, sizes[64] = { 0 }, size = 0;
    Plan plan = { .gap = 0 }, best;
    size_t i;

    for (i = 0; i < m->nregions; i++) {
        const MirrorRegion *r = &m->regions[i];
        size_t g = 0, end, last = 0;

        for (; next_run(r, &g, &end); g = last = end) {
            plan.calls++;
            size += (uint64_t)(end - g) << r->granule_bits;
            if (last && may_span(r, last, g)) {
                uint64_t gap = (uint64_t)(g - last) << r->granule_bits;

                gaps[63 - clz64(gap)]++;
                sizes[63 - clz64(gap)] += gap;
            }
        }
    }
    plan.ns = estimate(m, plan.calls, size);
    best = plan;
    for (i = 0; i < ARRAY_SIZE(gaps) - 1; i++) {
        if (!gaps[i]) {
            continue;
        }
        plan.calls -= gaps[i];
        size += sizes[i];
        plan.gap = 1ULL << (i + 1);
        plan.ns = estimate(m, plan.calls, size);
        if (plan.ns <= best.ns ||
            (best.calls > FEW_CALLS && plan.calls <= FEW_CALLS &&
             plan.ns <= best.ns + FEW_CALLS_NS)) {
            best = plan;
        }
    }
    return best;
}

/*
 * Of a delta, whose memory nobody has looked at before.  The balloon may have taken
 * what was written before the dump began, not since: what is in the log after the
 * first round the guest has just written to.
 */
static bool prepare_run(DumpMirror *m, MirrorRegion *r, size_t first, size_t end,
                        Error **errp)
{
    uint8_t *host = mirror_granule_start(r, first);
    size_t size = (end - first) << r->granule_bits;

    if (m->phase == MIRROR_PREPARE) {
        touch_granules(r, first, end);
    }
    return (!(m->first_round || m->populate_private) ||
            populate(m, r, host, size, errp)) &&
           mirror_ksm_keep_off(r, host, size, chunks_to_unmerge(m), errp);
}

static bool protect_call(DumpMirror *m, uint8_t *host, size_t size)
{
    int64_t start = thread_ns();

    if (!change_protection(m, host, size, true)) {
        return false;
    }
    learn_cost(m, size, thread_ns() - start);
    m->protect_calls += m->phase == MIRROR_CAPTURE;
    return true;
}

static bool protect_by_chunk(DumpMirror *m, MirrorRegion *r, uint8_t *host,
                             uint8_t *stop)
{
    while (host < stop) {
        uint8_t *end = MIN(stop, mirror_chunk_end(r, mirror_chunk_of(r, host)));

        if (!protect_call(m, host, end - host)) {
            return false;
        }
        host = end;
    }
    return true;
}

static bool protect_range(DumpMirror *m, MirrorRegion *r, size_t first,
                          size_t end, Error **errp)
{
    uint8_t *host = mirror_granule_start(r, first);
    uint8_t *stop = host + ((end - first) << r->granule_bits);

    /* ENOENT: before Linux 6.3 one call takes one mapping, and a chunk is no more */
    if (protect_call(m, host, stop - host) ||
        (errno == ENOENT && protect_by_chunk(m, r, host, stop))) {
        return true;
    }
    error_setg_errno(errp, errno, "dump: cannot protect memory '%s'",
                     qemu_ram_get_idstr(r->rb));
    return false;
}

/*
 * Protect what the log names, and empty it.  Before T0 by no more calls than were
 * planned: a guest that writes to memory in order would be followed through all of it.
 */
static bool protect_logged(DumpMirror *m, MirrorRegion *r, Plan *plan,
                           Error **errp)
{
    const bool all = m->phase == MIRROR_CAPTURE;
    const size_t max = all ? SIZE_MAX : PREPROTECT_MAX >> r->granule_bits;
    size_t g = 0, end;

    while ((all || plan->calls) && next_run(r, &g, &end)) {
        const size_t first = g;
        size_t last;

        do {
            end = MIN(end, first + MIN(max, r->ngranules));
            if (r->delta && !prepare_run(m, r, g, end, errp)) {
                return false;
            }
            last = g = end;
        } while (next_run(r, &g, &end) && g - first < max &&
                 (g - last) << r->granule_bits < plan->gap &&
                 may_span(r, last, g));
        /* in this order: what is logged from now on is protected once more */
        bitmap_test_and_clear_atomic(r->log, first, last - first);
        if (!protect_range(m, r, first, last, errp)) {
            return false;
        }
        /* a piece of one is none */
        if (!all && last - first < max) {
            plan->calls--;
        }
        g = last;
    }
    return true;
}

/* One round over the log.  Returns what it takes by what calls cost, or -1 */
static int64_t protect_round(DumpMirror *m, Error **errp)
{
    Plan plan = make_plan(m);
    size_t i;

    trace_dump_mirror_round(plan.calls, plan.gap, plan.ns, m->call_ns,
                            m->mib_ns);
    for (i = 0; i < m->nregions && !mirror_failed(m); i++) {
        if (!protect_logged(m, &m->regions[i], &plan, errp)) {
            return -1;
        }
    }
    return plan.ns;
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

/* What was written meanwhile, until only what is always written is left */
static bool protect_rounds(DumpMirror *m, int max_vain, Error **errp)
{
    int64_t ns, least = INT64_MAX;
    int round, vain = 0;
    size_t i;

    for (round = 0; round < MAX_ROUNDS && !mirror_failed(m); round++) {
        if (m->regions[0].delta && round < DELTA_ROUNDS) {
            BQL_LOCK_GUARD();
            mirror_dirty_sync(true);
            for (i = 0; i < m->nregions; i++) {
                add_to_delta(&m->regions[i]);
            }
        }
        ns = protect_round(m, errp);
        m->first_round = false;
        if (ns < 0) {
            return false;
        }
        if (ns <= ROUND_ENOUGH_NS ||
            (ns >= least && ++vain == max_vain)) {
            break;
        }
        least = MIN(least, ns);
    }
    return true;
}

bool mirror_track_preprotect(DumpMirror *m, Error **errp)
{
    int64_t start = get_clock();
    size_t i, c;

    measure_call(m);
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
    measure_size(m);
    if (!protect_rounds(m, MAX_VAIN_ROUNDS, errp)) {
        return false;
    }
    trace_dump_mirror_preprotect(get_clock() - start);
    return true;
}

bool mirror_track_preprotect_delta(DumpMirror *m, Error **errp)
{
    int64_t start = get_clock();
    size_t i;

    m->first_round = true;
    measure_call(m);
    /*
     * The log of a page says that it was written, so what joins the delta goes
     * there and is protected like what was written while protecting.
     */
    for (i = 0; i < m->nregions; i++) {
        log_delta(&m->regions[i]);
    }
    if (!protect_rounds(m, MAX_VAIN_ROUNDS, errp)) {
        return false;
    }
    trace_dump_mirror_preprotect(get_clock() - start);
    return true;
}

/*
 * A guest that writes while T0 is coming leaves more to protect than a pause can
 * bear.  Then it runs on, for longer each time: its mood may change.
 */
bool mirror_track_again(DumpMirror *m, Error **errp)
{
    if (m->t0_tries > 2) {
        g_usleep((10 * SCALE_MS / SCALE_US) << (m->t0_tries - 3));
    }
    return protect_rounds(m, MAX_VAIN_AGAIN, errp);
}

bool mirror_track_capture(DumpMirror *m, bool *again, Error **errp)
{
    Plan plan;
    size_t i;

    for (i = 0; i < m->nregions; i++) {
        if (m->regions[i].delta) {
            add_to_delta(&m->regions[i]);
        }
    }
    /*
     * The phase with the plan: a fault that was read but not yet served would
     * else unprotect a granule behind our back.  Served after this, it copies the
     * granule, which nobody is writing to.
     */
    WITH_QEMU_LOCK_GUARD(&m->phase_lock) {
        plan = make_plan(m);
        *again = plan.ns > T0_ENOUGH_NS && m->t0_tries < T0_TRIES;
        if (!*again && plan.ns <= T0_MAX_NS) {
            m->phase = MIRROR_CAPTURE;
        }
    }
    trace_dump_mirror_protect(plan.calls, plan.gap, plan.ns);
    if (*again) {
        return true;
    }
    if (plan.ns > T0_MAX_NS) {
        error_setg(errp, "dump: the guest writes to so much memory that "
                   "protecting it again would stop it for %" PRId64 " ms; try "
                   "again when it has less to do", plan.ns / SCALE_MS);
        return false;
    }
    for (i = 0; i < m->nregions; i++) {
        if (!protect_logged(m, &m->regions[i], &plan, errp)) {
            return false;
        }
    }
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
            qemu_thread_join(&m->fault_threads[i].thread);
            close(m->fault_threads[i].epoll);
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
