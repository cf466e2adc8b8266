/*
 * Dumping guest memory without stopping the guest: what dump.c and the rest
 * of QEMU see of it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SYSTEM_DUMP_MIRROR_H
#define SYSTEM_DUMP_MIRROR_H

#include "system/dump.h"

/* Arguments of dump-guest-memory that only mode=mirror has */
typedef struct DumpMirrorOptions {
    bool paging;
    bool wait;               /* the caller wants no background dump */
    DumpGuestMemoryFormat format;
    bool has_limit;
    uint64_t limit;          /* bytes */
    bool has_threads;
    uint32_t threads;
    uint64_t bandwidth;      /* bytes a second, 0: no limit */
    const char *uffd;        /* name of a passed fd, or NULL */
    const char *note;        /* JSON object, or NULL */
    DumpMirrorStrategy strategy;
    bool track;
    DumpMirrorBase *base;    /* or NULL */
} DumpMirrorOptions;

/*
 * True from the start of a mirror dump to its end.  Meanwhile no RAM may come,
 * go or be discarded.
 */
bool dump_mirror_in_progress(void);
/*
 * The same for @what (a kind of device or backend) that would write to memory past
 * QEMU's page tables, so past write protection: false, with the reason, meanwhile.
 */
bool dump_mirror_allows_writer(const char *what, Error **errp);

/*
 * Refuse what can't be dumped, or get ready without touching guest or output.
 * With the BQL.
 */
DumpMirror *dump_mirror_new(const DumpMirrorOptions *opts, Error **errp);
/* Removes the output if QEMU created it and the dump has not succeeded */
void dump_mirror_free(DumpMirror *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DumpMirror, dump_mirror_free)

/*
 * The output, which @protocol names, is open.  It is read and written at many
 * places at once.
 */
bool dump_mirror_check_output(DumpMirror *m, const char *protocol, int fd,
                              Error **errp);
/* Hand it over */
void dump_mirror_attach(DumpState *s, DumpMirror *m);

/* Give the guest's kernel a program header, with its virtual address */
void dump_mirror_map_kernel(DumpState *s);
/* Arrange the file, once memory and notes are known */
void dump_mirror_layout(DumpState *s, Error **errp);
/* The dump itself.  Without the BQL, not in the main thread */
void dump_mirror_run(DumpState *s, Error **errp);
/* Stands in for writes to the file: headers and notes are kept back */
int dump_mirror_write(DumpState *s, const void *buf, size_t size);
/* The same for the headers of a kdump */
int dump_mirror_write_at(DumpState *s, uint64_t offset, const void *buf,
                         size_t size);
/* Figures of the running or the last mirror dump, NULL before T0 */
DumpMirrorInfo *dump_mirror_query(void);

/*
 * Somebody else has emptied the log of written pages, or it has missed some:
 * the next dump will be a full one.  With the BQL.
 */
void dump_dirty_log_lost(const char *why);
/*
 * The log does not see all writes from now on, since @what: nothing is tracked
 * any more.  It may be over before the next dump looks.  With the BQL.
 */
void dump_dirty_log_incomplete(const char *what);
/* Memory was changed without a write: count it as one */
void dump_dirty_log_discarded(RAMBlock *rb, uint64_t start, uint64_t length);

/* dump.c: the blocker of the dump that runs, or NULL */
const Error *dump_own_migration_blocker(void);
/* dump.c: look at the guest anew, which is not running */
void dump_relayout(DumpState *s, Error **errp);
/* dump.c: headers, program headers and notes; section data */
void dump_begin(DumpState *s, Error **errp);
void dump_end(DumpState *s, Error **errp);
/* dump.c: headers and notes of a kdump */
void dump_begin_kdump(DumpState *s, Error **errp);

#endif
