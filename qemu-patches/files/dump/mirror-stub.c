/*
 * Where there is no userfaultfd
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-dump.h"
#include "system/dump-mirror.h"

bool dump_mirror_in_progress(void)
{
    return false;
}

bool dump_mirror_allows_writer(const char *what, Error **errp)
{
    return true;
}

DumpMirror *dump_mirror_new(const DumpMirrorOptions *opts, Error **errp)
{
    error_setg(errp, "mode=mirror needs Linux");
    return NULL;
}

void dump_mirror_free(DumpMirror *m)
{
}

bool dump_mirror_check_output(DumpMirror *m, const char *protocol, int fd,
                              Error **errp)
{
    g_assert_not_reached();
}

void dump_mirror_attach(DumpState *s, DumpMirror *m)
{
    g_assert_not_reached();
}

void dump_mirror_map_kernel(DumpState *s)
{
    g_assert_not_reached();
}

void dump_mirror_layout(DumpState *s, Error **errp)
{
    g_assert_not_reached();
}

void dump_mirror_run(DumpState *s, Error **errp)
{
    g_assert_not_reached();
}

int dump_mirror_write(DumpState *s, const void *buf, size_t size)
{
    g_assert_not_reached();
}

int dump_mirror_write_at(DumpState *s, uint64_t offset, const void *buf,
                         size_t size)
{
    g_assert_not_reached();
}

DumpMirrorInfo *dump_mirror_query(void)
{
    return NULL;
}

void dump_dirty_log_lost(const char *why)
{
}

void dump_dirty_log_incomplete(const char *what)
{
}

void dump_dirty_log_discarded(RAMBlock *rb, uint64_t start, uint64_t length)
{
}

void qmp_dump_untrack(Error **errp)
{
    error_setg(errp, "the guest's writes are not tracked");
}

void qmp_dump_cancel(Error **errp)
{
    error_setg(errp, "no dump with mode=mirror is running");
}
