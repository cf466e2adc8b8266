/*
 * Where the guest's kernel is: its image gets a program header of its own, with
 * the virtual address, as in a kernel's own /proc/vmcore.
 *
 * Tools that walk the guest's page tables begin at swapper_pg_dir, which they
 * know by its virtual address.  Not all of them can do without that header, and
 * gdb then reads the kernel's text and data by their symbols.  No memory is in
 * two segments: there are tools that look no further than the last that begins
 * in front of an address.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/cutils.h"
#include "qemu/units.h"
#include "elf.h"
#include "system/dump-mirror.h"
#include "mirror.h"
#include "trace.h"

/* Of Linux on x86-64: __START_KERNEL_map, and the most that is mapped there */
#define KERNEL_MAP      0xffffffff80000000ULL
#define KERNEL_MAP_SIZE (1 * GiB)
#define KERNEL_ALIGN    (2 * MiB)

/* What follows @key, which ends in '=', in VMCOREINFO; or NULL */
static const char *find_value(const char *text, const char *key)
{
    const char *at = text;

    while ((at = strstr(at, key)) && at != text && at[-1] != '\n') {
        at++;
    }
    return at ? at + strlen(key) : NULL;
}

static bool find_address(const char *text, const char *key, uint64_t *address)
{
    const char *value = find_value(text, key), *end;

    return value && qemu_strtou64(value, &end, 16, address) == 0 &&
           (*end == '\n' || !*end);
}

/* What the guest says of itself, so it may be anything.  The caller frees it */
static char *vmcoreinfo(DumpState *s)
{
    const Elf64_Nhdr *note = (const Elf64_Nhdr *)s->guest_note;
    size_t at, size;

    if (!note || s->guest_note_size < sizeof(*note)) {
        return NULL;
    }
    at = sizeof(*note) + ROUND_UP((size_t)le32_to_cpu(note->n_namesz), 4);
    size = le32_to_cpu(note->n_descsz);
    if (at > s->guest_note_size || size > s->guest_note_size - at) {
        return NULL;
    }
    return g_strndup((const char *)s->guest_note + at, size);
}

static void insert_after(MemoryMappingList *list, MemoryMapping *before,
                         hwaddr phys, vaddr virt, ram_addr_t length)
{
    MemoryMapping *m = g_new0(MemoryMapping, 1);

    *m = (MemoryMapping) {
        .phys_addr = phys, .virt_addr = virt, .length = length,
    };
    QTAILQ_INSERT_AFTER(&list->head, before, m, next);
    list->num++;
}

void dump_mirror_map_kernel(DumpState *s)
{
    g_autofree char *text = NULL;
    uint64_t start, end, phys, size;
    MemoryMapping *m;

    if (s->dump_info.d_machine != EM_X86_64 ||
        s->dump_info.d_class != ELFCLASS64 || !(text = vmcoreinfo(s)) ||
        !find_address(text, "SYMBOL(_stext)=", &start) ||
        !find_address(text, "SYMBOL(swapper_pg_dir)=", &end) ||
        /* which dump_info has, then */
        !find_value(text, "NUMBER(phys_base)=")) {
        return;
    }
    start = ROUND_DOWN(start, KERNEL_ALIGN);
    if (start < KERNEL_MAP || end <= start ||
        end - KERNEL_MAP >= KERNEL_MAP_SIZE) {
        return;
    }
    size = ROUND_UP(end - start + 1, KERNEL_ALIGN);
    phys = start - KERNEL_MAP + s->dump_info.phys_base;
    if (phys % KERNEL_ALIGN) {
        return;
    }

    QTAILQ_FOREACH(m, &s->list.head, next) {
        hwaddr last = m->phys_addr + m->length;

        if (phys > m->phys_addr && phys < last && size < last - phys) {
            insert_after(&s->list, m, phys + size, 0, last - phys - size);
            insert_after(&s->list, m, phys, start, size);
            m->length = phys - m->phys_addr;
            trace_dump_mirror_kernel(start, phys, size);
            return;
        }
    }
}
