/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads kdump files, plain or flattened, whatever their pages are compressed with.
 * Written from the format's description, not from QEMU's writer: it judges that.
 */
#ifndef VTH_TESTS_KDUMP_H
#define VTH_TESTS_KDUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

typedef struct
{
  uint64_t paddr;
  const unsigned char *data;
  uint64_t size;
} KdumpRange;

typedef struct
{
  GArray *ranges;             /* KdumpRange, ascending: pages that follow each other are one */
  const unsigned char *notes; /* ELF notes */
  uint64_t notes_size;
  uint64_t vmcoreinfo, vmcoreinfo_size; /* where the sub header says they are, relative to notes; size 0: none */
  uint32_t flags;             /* the header's: what pages may be compressed with */
  uint64_t pages, zero_pages; /* zero: those that share the first such page's data */
  bool flat;
} Kdump;

bool kdump_is (const unsigned char *file, size_t size);

/* NULL, or what is wrong with the file.  What it returns is never freed. */
char *kdump_read (const unsigned char *file, size_t size, Kdump *kdump);

#endif
