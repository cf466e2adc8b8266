/*
 * Memory and threads that a dump takes, and can do without.
 *
 * GLib and qemu_thread_create() end QEMU where there is none left, and the guest
 * with it.  Whatever grows with the guest, its processors or the dump's threads
 * is taken here, and fails the dump only, which says what it was and how much.
 * The rest is some ten bytes or kilobytes at a time: a process that does not get
 * those dies by the next thing that QEMU does anyway, dump or not.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/memalign.h"
#include "qapi/error.h"
#include "mirror.h"
#include <sys/mman.h>

static void no_memory(size_t n, size_t size, const char *what, Error **errp)
{
    error_setg(errp, "dump: cannot allocate %zu bytes for %s", n * size, what);
}

void *mirror_alloc(size_t n, size_t size, const char *what, Error **errp)
{
    /* not NULL, whose caller would take for a failure */
    void *p = g_try_malloc0_n(MAX(n, 1), size);

    if (!p) {
        no_memory(n, size, what, errp);
    }
    return p;
}

unsigned long *mirror_bitmap(size_t bits, const char *what, Error **errp)
{
    return mirror_new(unsigned long, BITS_TO_LONGS(bits), what, errp);
}

void *mirror_alloc_pages(size_t size, const char *what, Error **errp)
{
    void *p = qemu_try_memalign(qemu_real_host_page_size(), size);

    if (!p) {
        no_memory(1, size, what, errp);
    }
    return p;
}

bool mirror_grow(void **array, size_t *max, size_t n, size_t size,
                 const char *what, Error **errp)
{
    const size_t more = MAX(MAX(*max * 2, 64), n);
    void *p;

    if (n <= *max) {
        return true;
    }
    p = g_try_realloc_n(*array, more, size);
    if (!p) {
        no_memory(more, size, what, errp);
        return false;
    }
    *array = p;
    *max = more;
    return true;
}

/* Mapped, not allocated: what malloc() has is given back to itself only */
bool mirror_has_room(size_t size, const char *what, Error **errp)
{
    void *p = mmap(NULL, MAX(size, 1), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        no_memory(1, size, what, errp);
        return false;
    }
    munmap(p, MAX(size, 1));
    return true;
}

bool mirror_thread_create(QemuThread *thread, const char *name,
                          void *(*run)(void *), void *opaque, Error **errp)
{
    int ret = qemu_thread_try_create(thread, name, run, opaque,
                                     QEMU_THREAD_JOINABLE);

    if (ret) {
        error_setg_errno(errp, ret, "dump: cannot start thread '%s'", name);
    }
    return ret == 0;
}
