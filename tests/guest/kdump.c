/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See kdump.h.  Little endian only, as the guests are. */
#define _GNU_SOURCE
#include "kdump.h"

#include <inttypes.h>
#include <lzo/lzo1x.h>
#include <snappy-c.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>
#include <zstd.h>

#define FLAT_SIGNATURE "makedumpfile"
#define FLAT_HEAD 4096
#define SIGNATURE "KDUMP   "
#define UTSNAME (6 * 65)

enum
{
  ZLIB = 0x1,
  LZO = 0x2,
  SNAPPY = 0x4,
  ZSTD = 0x20
};

typedef struct
{
  uint64_t offset;
  uint32_t size, flags;
  uint64_t page_flags;
} Descriptor;

static uint32_t
get32 (const unsigned char *p)
{
  uint32_t v;

  memcpy (&v, p, sizeof v);
  return GUINT32_FROM_LE (v);
}

static uint64_t
get64 (const unsigned char *p)
{
  uint64_t v;

  memcpy (&v, p, sizeof v);
  return GUINT64_FROM_LE (v);
}

static void *
allocate (uint64_t size)
{
  void *p = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  return p == MAP_FAILED ? NULL : p;
}

bool
kdump_is (const unsigned char *file, size_t size)
{
  return size >= FLAT_HEAD
         && (memcmp (file, SIGNATURE, 8) == 0 || memcmp (file, FLAT_SIGNATURE, sizeof FLAT_SIGNATURE) == 0);
}

/* Records in any order, each an offset, a size (both big endian) and so many bytes; -1 and -1 is the end. */
static char *
unflatten (const unsigned char **file, size_t *size)
{
  unsigned char *plain = NULL;
  uint64_t plain_size = 0;

  if (GUINT64_FROM_BE (get64 (*file + 16)) != 1 || GUINT64_FROM_BE (get64 (*file + 24)) != 1)
    return g_strdup ("not version 1 of the flattened format");
  /* The first time round finds the size. */
  for (int pass = 0; pass < 2; pass++)
    {
      size_t at = FLAT_HEAD;

      for (;;)
        {
          if (at + 16 > *size)
            return g_strdup_printf ("flattened: the end mark is missing after %zu bytes", at);
          uint64_t offset = GUINT64_FROM_BE (get64 (*file + at)), length = GUINT64_FROM_BE (get64 (*file + at + 8));

          at += 16;
          if (offset == UINT64_MAX && length == UINT64_MAX)
            break;
          if (length == 0 || length > *size - at || offset > UINT64_MAX / 2)
            return g_strdup_printf ("flattened: a record at %zu has %" PRIu64 " bytes for %" PRIu64, at, length, offset);
          if (plain)
            memcpy (plain + offset, *file + at, length);
          plain_size = MAX (plain_size, offset + length);
          at += length;
        }
      if (at != *size)
        return g_strdup_printf ("flattened: %zu bytes behind the end mark", *size - at);
      if (!plain && !(plain = allocate (plain_size)))
        return g_strdup_printf ("cannot allocate %" PRIu64 " bytes", plain_size);
    }
  *file = plain;
  *size = plain_size;
  return NULL;
}

static bool
decompress (const Descriptor *d, const unsigned char *in, unsigned char *out, uint32_t block)
{
  uLongf zlib_size = block;
  lzo_uint lzo_size = block;
  size_t snappy_size = block;

  switch (d->flags)
    {
    case 0:
      memcpy (out, in, block);
      return d->size == block;
    case ZLIB:
      return uncompress (out, &zlib_size, in, d->size) == Z_OK && zlib_size == block;
    case LZO:
      return lzo1x_decompress_safe (in, d->size, out, &lzo_size, NULL) == LZO_E_OK && lzo_size == block;
    case SNAPPY:
      return snappy_uncompress ((const char *) in, d->size, (char *) out, &snappy_size) == SNAPPY_OK
             && snappy_size == block;
    case ZSTD:
      return ZSTD_decompress (out, block, in, d->size) == block;
    default:
      return false;
    }
}

static bool
is_set (const unsigned char *bitmap, uint64_t pfn)
{
  return bitmap[pfn / 8] & (1u << pfn % 8);
}

static char *
read_pages (Kdump *kdump, const unsigned char *file, size_t size, uint32_t block, uint64_t bitmaps, uint64_t bitmap_size,
            uint64_t max_pfn)
{
  const unsigned char *have = file + bitmaps, *dumped = have + bitmap_size;
  const unsigned char *table = dumped + bitmap_size;
  uint64_t zero_at = 0;

  if (memcmp (have, dumped, bitmap_size) != 0)
    return g_strdup ("the two bitmaps differ");
  for (uint64_t pfn = max_pfn; pfn < bitmap_size * 8; pfn++)
    if (is_set (dumped, pfn))
      return g_strdup_printf ("page 0x%" PRIx64 " lies behind the last, 0x%" PRIx64, pfn, max_pfn);

  for (uint64_t pfn = 0, end; pfn < max_pfn; pfn = end)
    {
      unsigned char *data;

      end = pfn + 1;
      if (!is_set (dumped, pfn))
        continue;
      while (end < max_pfn && is_set (dumped, end))
        end++;
      data = allocate ((end - pfn) * block);
      if (!data)
        return g_strdup ("cannot allocate memory for the pages");
      g_array_append_val (kdump->ranges, ((KdumpRange){ pfn * block, data, (end - pfn) * block }));
      for (; pfn < end; pfn++, data += block, table += sizeof (Descriptor), kdump->pages++)
        {
          Descriptor d;

          if ((size_t) (file + size - table) < sizeof d)
            return g_strdup_printf ("the file ends before the descriptor of page 0x%" PRIx64, pfn);
          memcpy (&d, table, sizeof d);
          if (d.size == 0 || d.size > block || d.offset > size || d.size > size - d.offset)
            return g_strdup_printf ("page 0x%" PRIx64 ": %u bytes at %" PRIu64 " are not in the file", pfn, d.size,
                                    d.offset);
          if (d.flags & ~kdump->flags)
            return g_strdup_printf ("page 0x%" PRIx64 " has flags 0x%x, the header 0x%x", pfn, d.flags, kdump->flags);
          if (zero_at && d.offset == zero_at)
            {
              kdump->zero_pages++;
              continue;
            }
          if (!decompress (&d, file + d.offset, data, block))
            return g_strdup_printf ("page 0x%" PRIx64 ": %u bytes at %" PRIu64 ", flags 0x%x, do not decompress", pfn,
                                    d.size, d.offset, d.flags);
          if (d.flags == 0 && data[0] == 0 && memcmp (data, data + 1, block - 1) == 0)
            {
              zero_at = d.offset;
              kdump->zero_pages++;
            }
        }
    }
  return NULL;
}

char *
kdump_read (const unsigned char *file, size_t size, Kdump *kdump)
{
  *kdump = (Kdump){ .ranges = g_array_new (FALSE, FALSE, sizeof (KdumpRange)) };
  if (memcmp (file, FLAT_SIGNATURE, sizeof FLAT_SIGNATURE) == 0)
    {
      char *error = unflatten (&file, &size);

      if (error)
        return error;
      kdump->flat = true;
    }
  if (size < 8192 || memcmp (file, SIGNATURE, 8) != 0 || get32 (file + 8) != 6)
    return g_strdup ("no kdump header of version 6");
  if (lzo_init () != LZO_E_OK)
    return g_strdup ("lzo_init() fails");

  /* The time stamp has another size in 32 bits.  What follows it tells which. */
  const unsigned char *head = file + 12 + UTSNAME + 22;
  bool wide = get32 (head + 4) == 4096;

  if (!wide)
    head = file + 12 + UTSNAME + 10;
  uint32_t block = get32 (head + 4), sub_blocks = get32 (head + 8), bitmap_blocks = get32 (head + 12);

  kdump->flags = get32 (head);
  if (block != 4096 || sub_blocks == 0)
    return g_strdup_printf ("blocks of %u bytes", block);

  const unsigned char *sub = file + block;
  uint64_t vmcoreinfo = get64 (sub + (wide ? 32 : 20)), notes = get64 (sub + (wide ? 48 : 32));
  uint64_t max_pfn = get64 (sub + (wide ? 96 : 72));
  uint64_t bitmaps = (1 + (uint64_t) sub_blocks) * block, bitmap_size = (uint64_t) bitmap_blocks / 2 * block;

  kdump->vmcoreinfo_size = wide ? get64 (sub + 40) : get32 (sub + 28);
  kdump->notes_size = wide ? get64 (sub + 56) : get32 (sub + 40);
  if (notes > bitmaps || kdump->notes_size > bitmaps - notes)
    return g_strdup ("the notes are not between sub header and bitmaps");
  if (kdump->vmcoreinfo_size
      && (vmcoreinfo < notes || vmcoreinfo + kdump->vmcoreinfo_size > notes + kdump->notes_size))
    return g_strdup ("vmcoreinfo is not in the notes");
  kdump->notes = file + notes;
  kdump->vmcoreinfo = vmcoreinfo - notes;
  if (bitmaps + 2 * bitmap_size > size || max_pfn > bitmap_size * 8)
    return g_strdup ("the bitmaps are not in the file");
  return read_pages (kdump, file, size, block, bitmaps, bitmap_size, max_pfn);
}
