/*
 * Dumping guest memory without stopping the guest: parts shared by the
 * files of the mirror engine.  Nothing outside dump/ includes this.
 *
 *   dump.c ---- layout, headers, notes (shared with mode=stop)
 *     |
 *   mirror.c ------------- life of a dump: checks, T0, end
 *     |-- mirror-track.c   write protection and the threads that serve faults
 *     |-- mirror-ksm.c     keeping KSM from what is protected
 *     |-- mirror-copier.c  the threads that save what the guest leaves alone
 *     |-- mirror-pool.c    the bounded memory that T0 copies live in
 *     |-- mirror-alloc.c   other memory, and threads: what may be missing
 *     |-- mirror-kdump.c   the kdump formats: compression, and their files
 *     |-- mirror-writer.c  the output file and the threads that fill it
 *     |-- mirror-dirty.c   what the guest has written to since an earlier dump
 *     |-- mirror-base.c    the earlier dump that one builds on
 *     |-- mirror-remap.c   scattered pages for an output that shares blocks
 *     |-- mirror-overlay.c an output that is a qcow2 image on top of that
 *     |-- mirror-precopy.c copying before T0, while the guest runs
 *     |-- mirror-kernel.c  where the guest's kernel is, for the headers
 *     '-- mirror-note.c    figures, and the note in the file
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef DUMP_MIRROR_H
#define DUMP_MIRROR_H

#include "qemu/lockable.h"
#include "qemu/thread.h"
#include "qemu/bitmap.h"
#include "qemu/ratelimit.h"
#include "qemu/units.h"
#include "qapi/qapi-types-dump.h"
#include "exec/cpu-common.h"
#include "exec/memory.h"
#include "system/dump.h"

/* Unit of copying, of pool memory and of file writes */
#define MIRROR_CHUNK_BITS  21
#define MIRROR_CHUNK       (1ULL << MIRROR_CHUNK_BITS)

/*
 * Most that one fault sees to.  Serving it costs two context switches, much more
 * than copying this, and guests often write to neighbouring pages.
 */
#define MIRROR_WINDOW      (64 * KiB)

/* Unit of zero detection and of the page counters */
#define MIRROR_PAGE_BITS   12
#define MIRROR_PAGE        (1ULL << MIRROR_PAGE_BITS)
#define MIRROR_CHUNK_PAGES (MIRROR_CHUNK / MIRROR_PAGE)

/* Smallest useful pool: two chunks on their way to the file, two for faults */
#define MIRROR_LIMIT_MIN   (8 * MiB)

#define MIRROR_THREADS_MAX 64

#define MIRROR_HISTOGRAM_BUCKETS 24

/*
 * What became of a granule, a page of RAM, since T0.  PROTECTED is the only state that may be
 * left, and exactly one thread leaves it: whoever wins the compare-and-swap
 * owns the T0 content, and nobody unprotects before somebody owns it.
 */
enum {
    GRANULE_PROTECTED, /* guest RAM still has the T0 content; 0 */
    GRANULE_FAULTED,   /* T0 content is, or is about to be, in the mirror */
    GRANULE_SAVED,     /* a copier has the T0 content */
};

/* Who will copy a chunk, and when */
enum {
    CHUNK_WAITS,             /* its turn comes with the cursor */
    CHUNK_HOT,               /* queued: the guest has written to it */
    CHUNK_TAKEN,
};

/* The part of one RAMBlock that the image covers */
typedef struct MirrorRegion {
    RAMBlock *rb;
    uint8_t *host;           /* page aligned */
    size_t size;
    unsigned long *unmerged; /* by chunk: kept from KSM; NULL: need not be */
    unsigned long *delta;    /* by page of @rb: what to save, or NULL: all */
    int shared_fd;           /* fd to ask for holes, or -1 */
    uint64_t fd_offset;      /* of @host in @shared_fd */
    unsigned granule_bits;   /* of its pages; @host and @size are multiples */
    size_t ngranules;
    size_t nchunks;
    size_t first_chunk;      /* number of this region's chunk 0 */
    uint8_t *state;          /* by granule, atomic */
    uint32_t *copy;          /* by granule: mirror_pool_index(), atomic */
    unsigned long *log;      /* by granule: written while pre-protecting */
    uint8_t *taken;          /* by chunk, under DumpMirror.queue_lock */
} MirrorRegion;

/* A run of guest memory and where it goes in the file */
typedef struct MirrorExtent {
    uint8_t *host;
    uint64_t size;
    hwaddr paddr;
    uint64_t file_offset;    /* kdump: bytes of memory in front of it */
} MirrorExtent;

typedef struct MirrorKdump MirrorKdump;

/* Where a file has what: equal if one can be built on the other */
typedef struct MirrorLayout {
    MirrorExtent *extents;
    size_t nextents;
    uint64_t head_size;      /* in front of guest memory */
    uint64_t file_size;      /* up to the end of guest memory */
} MirrorLayout;

/*
 * mirror-alloc.c: all that grows with the guest or with its processors, and the
 * threads.  What they return NULL or false for has failed, and @errp says how much
 * of @what it was.
 */

/* Zeroed, and for g_free() */
void *mirror_alloc(size_t n, size_t size, const char *what, Error **errp);
#define mirror_new(type, n, what, errp) \
    ((type *)mirror_alloc(n, sizeof(type), what, errp))
unsigned long *mirror_bitmap(size_t bits, const char *what, Error **errp);
/* At a page, not zeroed, and for qemu_vfree() */
void *mirror_alloc_pages(size_t size, const char *what, Error **errp);
/* Make room for @n of @size bytes in @array, which has room for @max */
bool mirror_grow(void **array, size_t *max, size_t n, size_t size,
                 const char *what, Error **errp);
/*
 * Whether so much could be allocated now: before a call into the rest of QEMU that
 * allocates and can't fail
 */
bool mirror_has_room(size_t size, const char *what, Error **errp);
/* Joinable */
bool mirror_thread_create(QemuThread *thread, const char *name,
                          void *(*run)(void *), void *opaque, Error **errp);

/* mirror-pool.c: all memory that grows with what the guest does */

typedef struct MirrorOpenSlot {
    int slot;                /* or -1 */
    size_t used;             /* bytes cut from it */
} MirrorOpenSlot;

typedef struct MirrorPool {
    void *map;               /* what was mapped; @base is aligned in it */
    size_t map_size;
    uint8_t *base;
    size_t nslots;
    size_t chunks, chunks_max;      /* slots that copiers hold, may hold */
    size_t granules, granules_max;  /* the same for faults */
    QemuMutex lock;
    QemuCond cond;
    uint32_t *warm;          /* stack of free slots that were used before */
    size_t nwarm;
    size_t reserve;          /* of those, slots that copiers leave to faults */
    size_t used;             /* those below it were used; from it on all are free */
    int64_t warm_ns;         /* what the first use of a slot takes, lately */
    int64_t put_ns;          /* time between two chunks that come back, lately */
    int64_t last_put_ns;
    bool held;
    size_t held_chunks;      /* that copiers held when it began */
    unsigned waiting;        /* in mirror_pool_wait() */
    QemuCond wanted;         /* somebody begins to wait there */
    uint16_t *refs;          /* by slot: pieces in use */
    MirrorOpenSlot granule;  /* that granules are being cut from */
    MirrorOpenSlot part;     /* that pieces of less than a chunk are */
    bool abort;
} MirrorPool;

bool mirror_pool_init(MirrorPool *p, uint64_t limit, Error **errp);
/*
 * Before T0: so that the first faults need not wait for the kernel's memory.
 * @pages are to be protected, or some more.
 */
void mirror_pool_warm(MirrorPool *p, size_t pages);
void mirror_pool_destroy(MirrorPool *p);
/* At most a chunk.  Waits until a slot is free; NULL once the pool was aborted */
void *mirror_pool_get_chunk(MirrorPool *p, size_t size);
void mirror_pool_put_chunk(MirrorPool *p, void *buf);
/* Memory for @n granules or fewer, then in @n.  Doesn't wait: NULL at the limit */
void *mirror_pool_try_granules(MirrorPool *p, size_t size, size_t *n);
/* One of them */
void mirror_pool_put_granule(MirrorPool *p, void *buf);
/* A name of a granule's memory, never 0, and the other way round */
uint32_t mirror_pool_index(MirrorPool *p, const void *buf);
void *mirror_pool_at(MirrorPool *p, uint32_t index);
/* While it is held, nothing comes back; it ends by itself when the pool fills */
void mirror_pool_hold(MirrorPool *p, bool hold);
bool mirror_pool_is_held(MirrorPool *p);
/* Waits for a change, at most @ms; false once aborted */
bool mirror_pool_wait(MirrorPool *p, int ms);
/* Sleeps; false at once if a fault waits for memory, or once aborted */
bool mirror_pool_idle(MirrorPool *p, int ms);
/* A change that those who wait should look at */
void mirror_pool_kick(MirrorPool *p);
void mirror_pool_abort(MirrorPool *p);
uint64_t mirror_pool_peak(MirrorPool *p);

typedef struct MirrorOverlay MirrorOverlay;
typedef struct MirrorRemap MirrorRemap;

/* Memory, and its place in the file */
typedef struct MirrorRun {
    void *buf;               /* only read when it is written to the file */
    uint64_t offset;
    uint64_t size;
} MirrorRun;

/* mirror-writer.c */

typedef struct MirrorJob {
    uint8_t *buf;            /* from the pool; NULL: written where it is */
    uint8_t *host;           /* of the chunk's first page */
    uint16_t at[MIRROR_CHUNK_PAGES];           /* where in @buf each page is */
    DECLARE_BITMAP(data, MIRROR_CHUNK_PAGES);  /* pages that are not zero */
    uint64_t offset;         /* kdump: where to write @buf */
    size_t size;             /* of @buf */
    const MirrorRegion *region;
    QSIMPLEQ_ENTRY(MirrorJob) next;
} MirrorJob;

typedef QSIMPLEQ_HEAD(, MirrorJob) MirrorJobs;

/* The guest's memory is never written to: this is not for jobs without @buf */
static inline uint8_t *mirror_job_page(MirrorJob *job, size_t page)
{
    assert(job->buf);
    return job->buf + ((size_t)job->at[page] << MIRROR_PAGE_BITS);
}

static inline const uint8_t *mirror_job_data(const MirrorJob *job, size_t page)
{
    return (job->buf ?: job->host) + ((size_t)job->at[page] << MIRROR_PAGE_BITS);
}

/* With the memory it has of the mirror */
void mirror_job_free(DumpMirror *m, MirrorJob *job);

bool mirror_writer_open(DumpMirror *m, Error **errp);
/* The output, if QEMU made it */
void mirror_writer_remove(DumpMirror *m);
/* With as many threads as there can be; false: with none */
bool mirror_writer_start(DumpMirror *m, Error **errp);
void mirror_writer_push(DumpMirror *m, MirrorJob *job);
/* All of @jobs, which are @n and have memory of the mirror; @jobs is empty then */
void mirror_writer_push_all(DumpMirror *m, MirrorJobs *jobs, unsigned n);
/*
 * Until then nothing is written as long as the mirror has room, so that the guest
 * is free of protection sooner.
 */
void mirror_writer_hold(DumpMirror *m);
void mirror_writer_go(DumpMirror *m);
/* Waits until all that was pushed is written, or dropped after a failure */
void mirror_writer_drain(DumpMirror *m);
/* And ends the threads */
void mirror_writer_join(DumpMirror *m);
/* One page of guest memory, to every place it has in the file */
bool mirror_writer_page(DumpMirror *m, uint8_t *host, const uint8_t *data);
/* The file must not look like the dump that it builds on */
bool mirror_writer_no_head(DumpMirror *m);
void mirror_writer_close(DumpMirror *m);
/* In whole blocks from aligned memory, until mirror_writer_buffered() */
bool mirror_write_at(DumpMirror *m, const void *buf, size_t size,
                     uint64_t offset);
/* Anything, but not often: direct I/O is off meanwhile */
bool mirror_write_unaligned(DumpMirror *m, const void *buf, size_t size,
                            uint64_t offset);
/* No more direct I/O: the rest is small */
void mirror_writer_buffered(DumpMirror *m);
/* All but the header, durably */
bool mirror_writer_finish(DumpMirror *m, Error **errp);
/* The header makes the file a dump: last, once everything else is durable */
bool mirror_writer_head(DumpMirror *m, Error **errp);

/* mirror-track.c */

/* Open and check userfaultfd; @fd is an open /dev/userfaultfd or -1 */
bool mirror_track_open(DumpMirror *m, int fd, Error **errp);
/* Nothing is protected by this, but it tells whether it can be */
bool mirror_track_register(DumpMirror *m, Error **errp);
/* Start the fault threads */
bool mirror_track_start(DumpMirror *m, Error **errp);
/* Protect everything while the guest runs; writes are let through and logged */
bool mirror_track_preprotect(DumpMirror *m, Error **errp);
/*
 * vCPUs and devices are quiet: from here on every write is a fault to copy.  Or
 * @again: that would take too long, and nothing was done.
 */
bool mirror_track_capture(DumpMirror *m, bool *again, Error **errp);
/* The guest runs again: protect what it has written, for the next try */
bool mirror_track_again(DumpMirror *m, Error **errp);
bool mirror_track_unprotect(DumpMirror *m, uint8_t *host, size_t size);
/*
 * Free the guest from all protection.  Any thread, any number of times.  Takes
 * a while for a large guest, which runs meanwhile if faults are served.
 */
void mirror_track_release(DumpMirror *m);
void mirror_track_stop(DumpMirror *m);

/*
 * Protect the pages of every region's delta, and what joins it, as above.
 * Nothing else of the guest's memory is touched.
 */
bool mirror_track_preprotect_delta(DumpMirror *m, Error **errp);

/* mirror-ksm.c */

/* Of the host; UINT64_MAX: not known */
typedef struct MirrorKsmState {
    uint64_t run, scans, pages;
} MirrorKsmState;

/* Once regions are known */
bool mirror_ksm_begin(DumpMirror *m, Error **errp);
/*
 * Keep KSM from [@host, @host + @size), and in a delta, which is scattered, from
 * all of @n chunks that it has some of
 */
bool mirror_ksm_keep_off(MirrorRegion *r, uint8_t *host, size_t size, size_t n,
                         Error **errp);
void mirror_ksm_let_go(MirrorRegion *r);
/* After the last page was captured: whether KSM has left them alone */
bool mirror_ksm_was_off(DumpMirror *m, Error **errp);

/* mirror-dirty.c: all with the BQL */

/* Turn the dirty log on, for as long as somebody needs it */
bool mirror_dirty_start(Error **errp);
void mirror_dirty_stop(void);
/* Look at the log, and empty it; @running: vCPUs are, else it is only looked at */
void mirror_dirty_sync(bool running);
/*
 * Bitmaps by page of @rb: what was seen written since the generation, and what
 * since the caller cleared it.  NULL: not known, all of it may be.
 */
const unsigned long *mirror_dirty_since(RAMBlock *rb);
unsigned long *mirror_dirty_fresh(RAMBlock *rb);
/* Why the log can't be relied on, or NULL.  The caller frees it */
char *mirror_dirty_incomplete(void);
/* Changes when the log has missed something */
unsigned mirror_dirty_resets(void);

/* Why nothing can be built on @generation, or NULL.  The caller frees it */
char *mirror_dirty_why_not(const char *generation);
/* How the file of the latest generation is laid out */
const MirrorLayout *mirror_dirty_layout(void);
/* So that mirror_dirty_take() needs no memory */
bool mirror_dirty_prepare_take(Error **errp);
/* T0: what is written from now on counts for the next generation */
GPtrArray *mirror_dirty_take(void);
/* There will be no such generation after all */
void mirror_dirty_put_back(GPtrArray *taken);
void mirror_dirty_commit(const char *generation, const MirrorLayout *layout);

/* mirror-base.c */

/*
 * Make the output share its blocks with the dump it builds on.  False, with the
 * reason in @why, if the dump must be a full one.  The delta has some @pages.
 * In the dump thread.
 */
bool mirror_base_prepare(DumpMirror *m, uint64_t pages, char **why);
bool mirror_layout_equal(const MirrorLayout *a, const MirrorLayout *b);
void mirror_layout_copy(MirrorLayout *to, const MirrorLayout *from);
void mirror_layout_clear(MirrorLayout *l);
MirrorLayout mirror_layout(DumpMirror *m);

bool mirror_base_is_qcow2(DumpMirror *m);
/* In how many pieces of the disk the base lies, 0 if the file system keeps that */
uint32_t mirror_base_pieces(DumpMirror *m);

/* mirror-overlay.c: not for the main thread; on failure errno says why */

bool mirror_overlay_open(DumpMirror *m, Error **errp);
void mirror_overlay_close(DumpMirror *m);
bool mirror_overlay_write(MirrorOverlay *o, const MirrorRun *runs, size_t n);
bool mirror_overlay_flush(MirrorOverlay *o);
/* The first @size bytes of the base, which a dump always has all of */
bool mirror_overlay_read_base(MirrorOverlay *o, void *buf, uint64_t size);

/* mirror-remap.c: on failure errno says why */

/*
 * Before T0 and before anything is written, for so many @pages, or some more.
 * The output gets the base's blocks with the first pages that get their place.
 * Returns false where it is not possible: then it has to get them now, and pages
 * are written to their places, which is slower.
 */
bool mirror_remap_open(DumpMirror *m, uint64_t pages);
/* Any thread */
bool mirror_remap_write(DumpMirror *m, const MirrorRun *runs, size_t n);
/* Now and then, by a thread that holds no memory of the mirror */
bool mirror_remap_some(DumpMirror *m);
/*
 * All is written and the writers are gone.  By a thread that does not yield to
 * the guest: the file system holds its locks meanwhile.
 */
bool mirror_remap_finish(DumpMirror *m, Error **errp);
void mirror_remap_free(DumpMirror *m);

/* mirror-precopy.c */

/* Copy while the guest runs, until little is left.  In the dump thread */
bool mirror_precopy(DumpMirror *m, Error **errp);
/*
 * Copy a delta to the mirror, unless it is too large or written to all the time;
 * what is left to protect becomes the delta then.  Returns its pages.
 */
size_t mirror_precopy_delta(DumpMirror *m);
/*
 * After T0: what was copied then and is right is for the writers.  Before capture,
 * so that its memory comes back if the mirror fills.
 */
void mirror_precopy_write_delta(DumpMirror *m);
/* What was copied is no use */
void mirror_precopy_forget_delta(DumpMirror *m);
/* T0: copy what is left */
bool mirror_precopy_capture(DumpMirror *m, Error **errp);
/* Write what was copied at T0 */
bool mirror_precopy_finish(DumpMirror *m, Error **errp);

/* mirror-copier.c */

/* Let a chunk be copied soon, or, if somebody waits for that, next */
void mirror_hot_chunk(DumpMirror *m, MirrorRegion *r, size_t chunk,
                      bool urgent);
/* Before anything is protected: all that mirror_copy_all() needs */
bool mirror_copier_prepare(DumpMirror *m, Error **errp);
void mirror_copier_free(DumpMirror *m);
/*
 * Returns when no page is protected any more, or after a failure.  With as many
 * threads as there can be, or in this one.
 */
void mirror_copy_all(DumpMirror *m);
/* Copy from the start again, what the delta now has */
void mirror_rewind(DumpMirror *m);
void mirror_count_pages(DumpMirror *m);

/* mirror-kdump.c */

/* A thread that compresses */
typedef struct MirrorKdumpWorker MirrorKdumpWorker;

DumpGuestMemoryFormat mirror_format(DumpMirror *m);
MirrorKdump *mirror_kdump_new(void);
void mirror_kdump_free(MirrorKdump *k);
/* Refuse what the format can't hold, once memory is known */
bool mirror_kdump_layout(DumpMirror *m, Error **errp);
/* At T0: headers and registers */
bool mirror_kdump_begin(DumpMirror *m, Error **errp);
/* After T0, before the first worker */
bool mirror_kdump_open(DumpMirror *m, Error **errp);
MirrorKdumpWorker *mirror_kdump_worker_new(DumpMirror *m, Error **errp);
void mirror_kdump_worker_free(MirrorKdumpWorker *w);
/* In its thread, before the first chunk and after the last */
void mirror_kdump_worker_begin(MirrorKdumpWorker *w);
void mirror_kdump_worker_end(MirrorKdumpWorker *w);
/*
 * Compress the wanted pages of [@host, @end) from @src, which is @host itself
 * or a copy, and note in @job which are not zero.  Returns how many.
 */
size_t mirror_kdump_save(MirrorKdumpWorker *w, MirrorJob *job,
                         const unsigned long *wanted, uint8_t *host,
                         uint8_t *end, const uint8_t *src);
/* All pages of [@first, @last), in one chunk, are saved */
void mirror_kdump_describe(MirrorKdumpWorker *w, const MirrorJob *job,
                           uint8_t *first, uint8_t *last);
/* As mirror_writer_finish() and mirror_writer_head() */
bool mirror_kdump_finish(DumpMirror *m, Error **errp);
bool mirror_kdump_head(DumpMirror *m, Error **errp);

/* mirror-note.c */

/* Longest note of a caller, in bytes */
#define MIRROR_CALLER_NOTE_MAX 2048

DumpMirrorInfo *mirror_info(DumpMirror *m);
/* Bytes of the note with its header */
size_t mirror_note_size(void);
/* The text of the note in @head, which the caller frees, or NULL */
char *mirror_note_find(DumpMirror *m, const char *head, size_t size);
/* Append it to the file's head, once all figures are known */
void mirror_note_append(DumpMirror *m);

/* Threads of one file: mirror-track.c and mirror-copier.c */
typedef struct MirrorFaultThread MirrorFaultThread;
typedef struct MirrorCopier MirrorCopier;

typedef enum MirrorPhase {
    MIRROR_PREPARE,          /* faults are let through and logged */
    MIRROR_CAPTURE,          /* faults are copied before they are let through */
} MirrorPhase;

typedef struct MirrorStalls {
    uint64_t count;
    uint64_t max_ns;
    uint64_t histogram[MIRROR_HISTOGRAM_BUCKETS];
} MirrorStalls;

struct DumpMirror {
    DumpState *s;
    char *caller_note;
    char *path;              /* to remove after a failure, or NULL */
    dev_t device;            /* of the file that had that name */
    ino_t inode;
    GByteArray *head;        /* ELF header up to the notes */
    GByteArray *tail;        /* section data */
    GByteArray *sink;        /* which of the two fd_write_vmcore() feeds */

    MirrorRegion *regions;
    size_t nregions;
    MirrorExtent *extents;
    size_t nextents;
    uint64_t head_size, file_size;
    size_t nchunks;
    uint64_t npages;         /* that the image has, aliases once */

    MirrorPool pool;
    uint64_t limit;
    unsigned threads;        /* copiers that the caller wants, or 0 */
    MirrorKdump *kdump;      /* NULL: the format is ELF */

    /* tracking */
    int uffd;
    bool populate_private;   /* the kernel can't protect missing pages */
    bool populate_files;     /* nor those of files */
    int64_t call_ns, mib_ns; /* cost of protecting: a call's, and its size's */
    bool first_round;        /* of those that protect a delta */
    unsigned protect_calls;  /* within the pause */
    unsigned t0_tries;
    MirrorKsmState ksm;      /* when the dump began */
    bool ksm_is_off;         /* though it may have memory of the guest */
    bool ksm_left;           /* nothing was done about it */
    int stop_event;
    MirrorFaultThread *fault_threads;
    unsigned nfault_threads;
    bool stopping;           /* atomic: they are to end */
    QemuMutex phase_lock;    /* phase against faults that are served under it */
    MirrorPhase phase;
    QemuMutex release_lock;  /* @released, and @uffd against its end */
    bool released;           /* atomic */
    MirrorStalls stalls;     /* under phase_lock while running */

    /* which pages, and what the file has of them already */
    bool track;              /* the next dump wants to build on this one */
    bool dirty_log;          /* we need the log, and have turned it on */
    unsigned resets;         /* mirror_dirty_resets() that the dump began with */
    DumpMirrorBase *base;    /* what to build on, or NULL */
    int base_fd;             /* or -1 */
    bool delta;              /* only what was written since the base */
    bool overwrite;          /* the file has older content: no holes, no gaps */
    bool again;              /* what is copied now was copied, and counted, before */
    bool early;              /* what is copied now waits there for T0, uncounted */
    MirrorJobs early_jobs;
    bool not_delta;          /* found at T0: it must be a full dump */
    char *full_reason;
    char *generation;
    GPtrArray *taken;        /* what the base still lacks if this dump fails */
    uint64_t pages_dirty;
    DumpMirrorStorage storage;
    MirrorOverlay *overlay;  /* the output is a qcow2 image, or NULL */
    MirrorRemap *remap;      /* pages get their places at the end, or NULL */
    DumpMirrorStrategy strategy;
    uint8_t *t0_copies;      /* precopy: pages saved at T0, and their hosts */
    uint8_t **t0_hosts;
    size_t nt0;

    /* copiers */
    QemuMutex queue_lock;
    size_t *hot;             /* chunks the guest has written to, in order */
    size_t hot_head, hot_tail;
    size_t urgent[8];        /* chunks that a fault thread waits for */
    unsigned nurgent;
    size_t cursor;
    MirrorCopier *copiers;
    unsigned ncopiers;

    /* writers */
    QemuMutex job_lock;
    QemuCond job_cond;
    MirrorJobs jobs;
    unsigned jobs_open;      /* pushed and not yet written */
    bool jobs_closed;
    QemuThread *writers;
    unsigned nwriters;
    RateLimit pace;          /* of what is written */
    QemuMutex direct_lock;   /* for changes of @direct and its flag */
    bool direct;             /* atomic: O_DIRECT is on, or will be again */
    int fd_flags;            /* of the output as it was passed, or -1 */

    /* first failure wins */
    QemuMutex error_lock;
    Error *err;
    bool failed;             /* atomic */
    bool whole;              /* for dump-cancel, under its lock */

    /* T0, run by the main loop */
    QemuSemaphore t0_done;
    bool t0_again;           /* there was too much to protect: not yet */
    MemoryListener listener;
    bool watching;
    bool map_changed;
    bool relaid;             /* the file was laid out again at T0 */

    /* figures; counters are atomic */
    int64_t start_ns, t0_ns, t0_wall_ns, pause_ns, capture_ns, total_ns;
    uint64_t pages_zero, pages_copied, pages_fault_copied, bytes_written;
};

static inline bool mirror_failed(DumpMirror *m)
{
    return qatomic_read(&m->failed);
}

/*
 * Records the first failure and makes all threads end soon.  From then on
 * fault threads let every write through.
 */
void mirror_fail(DumpMirror *m, Error *err);

/* The number of @file behind the first @name.  False if it has none */
bool mirror_read_number(const char *file, const char *name, uint64_t *value);
/* Bytes that the host could still use */
uint64_t mirror_memory_available(void);

/* Ask the scheduler to prefer the guest to the calling thread */
void mirror_thread_yield_to_guest(void);
/* The guest waits for the calling thread: let it run at once */
void mirror_thread_serve_guest(void);

static inline uint8_t *mirror_chunk_start(const MirrorRegion *r, size_t chunk)
{
    uintptr_t a = ROUND_DOWN((uintptr_t)r->host, MIRROR_CHUNK);

    return MAX((uint8_t *)a + chunk * MIRROR_CHUNK, r->host);
}

static inline uint8_t *mirror_chunk_end(const MirrorRegion *r, size_t chunk)
{
    uintptr_t a = ROUND_DOWN((uintptr_t)r->host, MIRROR_CHUNK);

    return MIN((uint8_t *)a + (chunk + 1) * MIRROR_CHUNK, r->host + r->size);
}

static inline size_t mirror_chunk_of(const MirrorRegion *r, const void *host)
{
    return ((uintptr_t)host >> MIRROR_CHUNK_BITS) -
           ((uintptr_t)r->host >> MIRROR_CHUNK_BITS);
}

/* Index of a page in bitmaps by page of the RAM block, and their length */
static inline size_t mirror_page_of(const MirrorRegion *r, const uint8_t *host)
{
    const uint8_t *block = qemu_ram_get_host_addr(r->rb);

    return (host - block) >> MIRROR_PAGE_BITS;
}

static inline size_t mirror_block_pages(const MirrorRegion *r)
{
    return qemu_ram_get_max_length(r->rb) >> MIRROR_PAGE_BITS;
}

static inline size_t mirror_granule_of(const MirrorRegion *r,
                                       const uint8_t *host)
{
    return (host - r->host) >> r->granule_bits;
}

static inline size_t mirror_granule_size(const MirrorRegion *r)
{
    return (size_t)1 << r->granule_bits;
}

static inline uint8_t *mirror_granule_start(const MirrorRegion *r, size_t g)
{
    return r->host + (g << r->granule_bits);
}

#endif
