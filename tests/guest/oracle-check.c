/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oracle-check IMAGE: is this memory image of a test guest the memory of one instant?
 *
 * It finds the guests' pages by what they say of themselves (oracle.h) and checks:
 *   - the order of writes of each vCPU, across vCPUs, by the disk and by the network;
 *   - that no memory comes from after T0 while other memory does not (frames);
 *   - every page that never changes, word by word, and that none is missing;
 *   - that the registers recorded fit the memory recorded;
 *   - the file: one NT_PRSTATUS a vCPU, p_filesz equal to p_memsz, the vthunder note.
 *
 * IMAGE is an ELF or kdump file.  It must not trust anything but the image.  Exit
 * status: 0 consistent, 1 not, 2 the image cannot be judged (no guest in it, no such
 * file, not a dump).
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kdump.h"
#include "oracle.h"

#define NOTE_NAME "VTHUNDER"
#define NOTE_SIZE 8192

typedef struct
{
  uint64_t paddr;
  const unsigned char *data;
  uint64_t size;
} Segment;

typedef struct
{
  uint64_t rip, cs, slot[27];
  bool is64;
} Registers;

typedef struct
{
  const unsigned char *map;
  size_t size;
  GArray *segments;  /* Segment */
  GArray *registers; /* Registers, one a NT_PRSTATUS */
  char *note;

  bool has_notes, is_kdump;
  bool is_x86_64; /* ELF */
} Image;

typedef struct
{
  uint32_t kind, region, npages;
  const struct oracle_page **pages;
  uint32_t found;
} Region;

typedef struct
{
  uint64_t nonce;
  const struct oracle_info *info;
  GPtrArray *regions;
  uint64_t fill_good, fill_bad;
  uint64_t frames, last_frame;
} Boot;

static unsigned violations;
static bool quiet;
/* Of a raw image: where memory begins in the file, and how much of it lies below the hole
 * below 4 GiB (0: all); the rest begins at 4 GiB. */
static gint64 raw_offset, raw_low_memory;

static void G_GNUC_PRINTF (1, 2)
violation (const char *format, ...)
{
  va_list args;

  violations++;
  if (violations > 20)
    return;
  va_start (args, format);
  fputs ("violation: ", stderr);
  vfprintf (stderr, format, args);
  fputc ('\n', stderr);
  va_end (args);
}

static void G_GNUC_PRINTF (1, 2) G_GNUC_NORETURN
unusable (const char *format, ...)
{
  va_list args;

  va_start (args, format);
  fputs ("oracle-check: ", stderr);
  vfprintf (stderr, format, args);
  fputc ('\n', stderr);
  va_end (args);
  exit (2);
}

/* --- The file -------------------------------------------------------------- */

static void
take_note (Image *image, const char *name, uint32_t name_size, uint32_t type, const unsigned char *desc,
           uint32_t desc_size)
{
  /* By machine, not by class: a 32-bit guest with memory below 4 GiB's end is ELF64. */
  bool is64 = image->is_kdump ? desc_size >= 336 : image->is_x86_64;

  if (type == NT_PRSTATUS && name_size == 5 && memcmp (name, "CORE", 5) == 0)
    {
      Registers registers = { .is64 = is64 };
      /* struct elf_prstatus up to pr_reg, on x86-64 and on i386. */
      uint32_t offset = is64 ? 112 : 72, count = is64 ? 27 : 17, width = is64 ? 8 : 4;

      if (desc_size < offset + count * width)
        {
          violation ("NT_PRSTATUS of %u bytes is too short", desc_size);
          return;
        }
      for (uint32_t i = 0; i < count; i++)
        memcpy (&registers.slot[i], desc + offset + i * width, width);
      registers.rip = registers.slot[is64 ? 16 : 12];
      registers.cs = registers.slot[is64 ? 17 : 13];
      g_array_append_val (image->registers, registers);
    }
  else if (name_size == sizeof NOTE_NAME && memcmp (name, NOTE_NAME, sizeof NOTE_NAME) == 0)
    {
      if (type != 0x56544844 || desc_size != NOTE_SIZE || image->note)
        violation ("vthunder note: type %u, %u bytes, %s", type, desc_size,
                   image->note ? "a second one" : "the first");
      g_free (image->note);
      image->note = g_strndup ((const char *) desc, desc_size);
    }
}

static void
read_notes (Image *image, const unsigned char *notes, uint64_t size)
{
  uint64_t offset = 0, end = size;

  while (offset + sizeof (Elf64_Nhdr) <= end)
    {
      const Elf64_Nhdr *header = (const Elf64_Nhdr *) (notes + offset);
      uint64_t name = offset + sizeof *header;
      uint64_t desc = name + (((uint64_t) header->n_namesz + 3) & ~3ull);
      uint64_t next = desc + (((uint64_t) header->n_descsz + 3) & ~3ull);

      if (next > end)
        {
          violation ("a note ends outside of its segment");
          return;
        }
      take_note (image, (const char *) notes + name, header->n_namesz, header->n_type, notes + desc, header->n_descsz);
      offset = next;
    }
}

static void
read_segment (Image *image, uint32_t type, uint64_t offset, uint64_t paddr, uint64_t filesz, uint64_t memsz)
{
  if (type != PT_NOTE && type != PT_LOAD)
    return;
  if (offset > image->size || filesz > image->size - offset)
    {
      violation ("the file ends at %zu, inside of a segment of %" G_GUINT64_FORMAT " bytes at %" G_GUINT64_FORMAT,
                 image->size, filesz, offset);
      return;
    }
  if (type == PT_NOTE)
    {
      read_notes (image, image->map + offset, filesz);
      return;
    }
  if (filesz != memsz)
    violation ("segment at 0x%" PRIx64 ": p_filesz %" PRIu64 " is not p_memsz %" PRIu64, paddr, filesz, memsz);
  g_array_append_val (image->segments, ((Segment){ paddr, image->map + offset, filesz }));
}

#define READ_ELF(bits)                                                                                              \
  do                                                                                                                \
    {                                                                                                               \
      const Elf##bits##_Ehdr *ehdr = (const void *) image->map;                                                     \
      uint32_t count = ehdr->e_phnum;                                                                               \
                                                                                                                    \
      image->is_x86_64 = ehdr->e_machine == EM_X86_64;                                                              \
      if (count == PN_XNUM && ehdr->e_shoff + sizeof (Elf##bits##_Shdr) <= image->size)                             \
        count = ((const Elf##bits##_Shdr *) (image->map + ehdr->e_shoff))->sh_info;                                 \
      if (ehdr->e_phoff + (uint64_t) count * sizeof (Elf##bits##_Phdr) > image->size)                               \
        unusable ("the program headers lie outside of the file");                                                   \
      for (uint32_t i = 0; i < count; i++)                                                                          \
        {                                                                                                           \
          const Elf##bits##_Phdr *p = (const Elf##bits##_Phdr *) (image->map + ehdr->e_phoff) + i;                  \
          read_segment (image, p->p_type, p->p_offset, p->p_paddr, p->p_filesz, p->p_memsz);                        \
        }                                                                                                           \
    }                                                                                                               \
  while (0)

static void
read_raw (Image *image)
{
  uint64_t offset = (uint64_t) raw_offset, size, low;

  if (raw_offset < 0 || offset % 8 != 0 || offset >= image->size)
    unusable ("no memory can begin at %" G_GINT64_FORMAT, raw_offset);
  size = image->size - offset;
  low = raw_low_memory > 0 ? MIN (size, (uint64_t) raw_low_memory) : size;
  g_array_append_val (image->segments, ((Segment){ 0, image->map + offset, low }));
  if (low < size)
    g_array_append_val (image->segments, ((Segment){ (uint64_t) 4 << 30, image->map + offset + low, size - low }));
}

static void
read_kdump (Image *image, const char *path)
{
  Kdump kdump;
  char *error = kdump_read (image->map, image->size, &kdump);

  if (error)
    unusable ("'%s' is a broken kdump file: %s", path, error);
  for (unsigned i = 0; i < kdump.ranges->len; i++)
    {
      const KdumpRange *range = &g_array_index (kdump.ranges, KdumpRange, i);

      g_array_append_val (image->segments, ((Segment){ range->paddr, range->data, range->size }));
    }
  image->is_kdump = true;
  read_notes (image, kdump.notes, kdump.notes_size);
  if (kdump.vmcoreinfo_size
      && !g_strstr_len ((const char *) kdump.notes + kdump.vmcoreinfo, (gssize) kdump.vmcoreinfo_size, "OSRELEASE="))
    violation ("vmcoreinfo is not where the sub header says");
}

static void
image_open (Image *image, const char *path, bool raw)
{
  struct stat st;
  int fd = open (path, O_RDONLY | O_CLOEXEC);

  if (fd < 0 || fstat (fd, &st) < 0)
    unusable ("cannot open '%s': %s", path, g_strerror (errno));
  image->size = (size_t) st.st_size;
  if (image->size < ORACLE_PAGE_SIZE)
    unusable ("'%s' has %zu bytes", path, image->size);
  image->map = mmap (NULL, image->size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (image->map == MAP_FAILED)
    unusable ("cannot map '%s': %s", path, g_strerror (errno));
  close (fd);
  image->segments = g_array_new (FALSE, FALSE, sizeof (Segment));
  image->registers = g_array_new (FALSE, FALSE, sizeof (Registers));

  if (raw)
    read_raw (image);
  else if (kdump_is (image->map, image->size))
    read_kdump (image, path);
  else if (memcmp (image->map, ELFMAG, SELFMAG) != 0)
    unusable ("'%s' is neither an ELF nor a kdump file", path);
  else if (image->map[EI_CLASS] == ELFCLASS64)
    READ_ELF (64);
  else
    READ_ELF (32);
  image->has_notes = !raw;
  if (image->segments->len == 0)
    unusable ("'%s' holds no memory", path);
}

/* --- The pages ------------------------------------------------------------- */

static Boot *
boot_of (GPtrArray *boots, uint64_t nonce)
{
  Boot *boot;

  for (unsigned i = 0; i < boots->len; i++)
    {
      boot = g_ptr_array_index (boots, i);
      if (boot->nonce == nonce)
        return boot;
    }
  boot = g_new0 (Boot, 1);
  boot->nonce = nonce;
  boot->regions = g_ptr_array_new ();
  g_ptr_array_add (boots, boot);
  return boot;
}

static Region *
region_of (Boot *boot, uint32_t kind, uint32_t number, uint32_t npages)
{
  Region *region;

  for (unsigned i = 0; i < boot->regions->len; i++)
    {
      region = g_ptr_array_index (boot->regions, i);
      if (region->kind == kind && region->region == number)
        return region;
    }
  region = g_new0 (Region, 1);
  region->kind = kind;
  region->region = number;
  region->npages = npages;
  region->pages = g_new0 (const struct oracle_page *, npages);
  g_ptr_array_add (boot->regions, region);
  return region;
}

static bool
fill_is_right (const struct oracle_fill *fill)
{
  static uint64_t base[ORACLE_WORDS];
  uint64_t key = oracle_mix (fill->nonce ^ fill->pfn);
  const uint64_t *words = (const uint64_t *) fill;

  if (base[0] == 0)
    for (unsigned i = 0; i < ORACLE_WORDS; i++)
      base[i] = oracle_mix (i + 1);
  for (unsigned i = 3; i < ORACLE_WORDS; i++)
    if (words[i] != (base[i] ^ key))
      return false;
  return true;
}

static void
look_for_frames (GPtrArray *boots, const unsigned char *page)
{
  static const uint64_t magic = ORACLE_FRAME_MAGIC;
  const unsigned char *p = page, *end = page + ORACLE_PAGE_SIZE;
  struct oracle_frame frame;

  /* A frame that crosses into the next page is left out. */
  while ((p = memmem (p, (size_t) (end - p), &magic, sizeof magic)))
    {
      if ((size_t) (end - p) < sizeof frame)
        return;
      memcpy (&frame, p, sizeof frame);
      for (unsigned i = 0; i < boots->len; i++)
        {
          Boot *boot = g_ptr_array_index (boots, i);

          if (boot->nonce == frame.nonce)
            {
              boot->frames++;
              boot->last_frame = MAX (boot->last_frame, frame.number);
            }
        }
      p += sizeof magic;
    }
}

static void
scan (const Image *image, GPtrArray *boots, bool frames)
{
  for (unsigned i = 0; i < image->segments->len; i++)
    {
      const Segment *segment = &g_array_index (image->segments, Segment, i);
      uint64_t skip = -segment->paddr % ORACLE_PAGE_SIZE;

      for (uint64_t at = skip; at + ORACLE_PAGE_SIZE <= segment->size; at += ORACLE_PAGE_SIZE)
        {
          const unsigned char *page = segment->data + at;
          /* magic, nonce and pfn come first in all kinds of pages. */
          const struct oracle_info *info = (const void *) page;
          uint64_t magic = info->magic;

          if (frames)
            {
              look_for_frames (boots, page);
              continue;
            }
          if ((magic != ORACLE_MAGIC && magic != ORACLE_FILL_MAGIC && magic != ORACLE_INFO_MAGIC)
              || info->pfn != (segment->paddr + at) / ORACLE_PAGE_SIZE)
            continue;
          Boot *boot = boot_of (boots, info->nonce);
          if (magic == ORACLE_INFO_MAGIC)
            boot->info = info;
          else if (magic == ORACLE_FILL_MAGIC)
            {
              if (fill_is_right ((const void *) page))
                boot->fill_good++;
              else
                boot->fill_bad++;
            }
          else
            {
              const struct oracle_page *p = (const void *) page;
              Region *region;

              if (p->npages == 0 || p->npages > (1u << 24) || p->index >= p->npages)
                continue;
              region = region_of (boot, p->kind, p->region, p->npages);
              if (p->npages == region->npages && !region->pages[p->index])
                {
                  region->pages[p->index] = p;
                  region->found++;
                }
            }
        }
    }
}

/* --- The verdict ----------------------------------------------------------- */

static const char *
kind_name (uint32_t kind)
{
  static const char *const names[] = { "?", "vcpu", "cross", "disk", "net" };

  return names[kind < G_N_ELEMENTS (names) ? kind : 0];
}

static void
check_order (const Region *region)
{
  uint32_t first = region->pages[0]->counter, last = first;

  for (uint32_t i = 0; i < region->npages; i++)
    {
      const struct oracle_page *page = region->pages[i];
      uint32_t value[2] = { page->counter, page->tail };

      if (region->kind == ORACLE_BLK)
        for (unsigned s = 1; s < ORACLE_PAGE_SIZE / ORACLE_SECTOR; s++)
          if (((const uint32_t *) page)[s * ORACLE_SECTOR / 4] != value[0])
            violation ("%s %u: page %u holds parts of two blocks: %u, and %u at sector %u", kind_name (region->kind),
                       region->region, i, value[0], ((const uint32_t *) page)[s * ORACLE_SECTOR / 4], s);
      for (unsigned v = 0; v < 2; v++)
        {
          if (value[v] > last)
            violation ("%s %u: page %u has %u after %u", kind_name (region->kind), region->region, i, value[v], last);
          else if (first - value[v] > 1)
            violation ("%s %u: page %u has %u, the first has %u", kind_name (region->kind), region->region, i,
                       value[v], first);
          last = value[v];
        }
    }
}

static void
check_region (const Boot *boot, uint32_t kind, uint32_t number, uint32_t npages)
{
  for (unsigned i = 0; i < boot->regions->len; i++)
    {
      const Region *region = g_ptr_array_index (boot->regions, i);

      if (region->kind != kind || region->region != number)
        continue;
      if (region->found != npages || region->npages != npages)
        violation ("%s %u: %u of %u pages are in the image", kind_name (kind), number, region->found, npages);
      else
        check_order (region);
      return;
    }
  violation ("%s %u: none of its %u pages is in the image", kind_name (kind), number, npages);
}

/* A vCPU that is inside of the loop says in registers which page it writes. */
static unsigned
check_registers (const Image *image, const Boot *boot)
{
  const struct oracle_info *info = boot->info;
  unsigned judged = 0;

  for (unsigned cpu = 0; cpu < MIN (image->registers->len, info->cpus); cpu++)
    {
      const Registers *r = &g_array_index (image->registers, Registers, cpu);
      uint64_t index = r->slot[info->loop_index], round = r->slot[info->loop_round];
      const Region *region = NULL;

      if (r->rip < info->loop_start || r->rip >= info->loop_end)
        continue;
      for (unsigned i = 0; i < boot->regions->len; i++)
        {
          const Region *candidate = g_ptr_array_index (boot->regions, i);

          if (candidate->kind == ORACLE_CPU && candidate->region == cpu)
            region = candidate;
        }
      if (!region || region->found != region->npages || index >= region->npages)
        continue;
      judged++;
      /* Between the store and the increment of the index either of two is right. */
      for (uint32_t i = 0; i < region->npages; i++)
        {
          uint32_t value = region->pages[i]->counter;
          bool right = i + 1 < index   ? value == (uint32_t) round
                       : i > index + 1 ? value == (uint32_t) round - 1
                                       : value == (uint32_t) round || value == (uint32_t) round - 1;

          if (!right)
            {
              violation ("registers of vCPU %u: it writes %" PRIu64 " to page %" PRIu64 ", but page %u has %u", cpu,
                         round, index, i, value);
              break;
            }
        }
    }
  return judged;
}

static void
check_note (const Image *image, bool wanted)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  JsonObject *object, *mirror;
  int64_t total, saved, sum;
  const char *strategy;

  if (!image->note)
    {
      if (wanted)
        violation ("there is no vthunder note");
      return;
    }
  if (!json_parser_load_from_data (parser, image->note, -1, &error)
      || !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    {
      violation ("vthunder note: %s", error ? error->message : "not an object");
      return;
    }
  object = json_node_get_object (json_parser_get_root (parser));
  if (json_object_get_int_member_with_default (object, "version", -1) != 1)
    violation ("vthunder note: version is not 1");
  if (!json_object_has_member (object, "mirror"))
    {
      violation ("vthunder note: no figures");
      return;
    }
  mirror = json_object_get_object_member (object, "mirror");
  total = json_object_get_int_member_with_default (mirror, "pages-total", -1);
  sum = json_object_get_int_member_with_default (mirror, "pages-zero", 0)
        + json_object_get_int_member_with_default (mirror, "pages-copied", 0)
        + json_object_get_int_member_with_default (mirror, "pages-fault-copied", 0);
  saved = json_object_get_int_member_with_default (mirror, "pages-dirty", total);
  strategy = json_object_get_string_member_with_default (mirror, "strategy", "protect");
  /* Copied while the guest runs, a page counts as often as it was copied. */
  if (saved <= 0 || saved > total || (g_str_equal (strategy, "precopy") ? sum < saved : sum != saved))
    violation ("vthunder note: %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " pages were to be saved, and %" G_GINT64_FORMAT
               " were",
               saved, total, sum);
  if (json_object_get_int_member_with_default (mirror, "t0-ns", 0) <= 0)
    violation ("vthunder note: no t0-ns");
}

static Boot *
latest_boot (GPtrArray *boots, const char *wanted)
{
  Boot *best = NULL;

  for (unsigned i = 0; i < boots->len; i++)
    {
      Boot *boot = g_ptr_array_index (boots, i);

      if (wanted ? boot->nonce == g_ascii_strtoull (wanted, NULL, 16)
                 : boot->info != NULL && (!best || boot->fill_good > best->fill_good))
        best = boot;
    }
  if (best && !best->info)
    unusable ("the page that describes the guest is missing");
  return best;
}

static uint64_t
progress_of (const Boot *boot)
{
  uint64_t sum = 0;

  for (unsigned i = 0; i < boot->regions->len; i++)
    {
      const Region *region = g_ptr_array_index (boot->regions, i);

      for (uint32_t p = 0; p < region->npages; p++)
        if (region->pages[p])
          sum += region->pages[p]->counter;
    }
  return sum;
}

static const unsigned char *
page_at (const Image *image, uint64_t paddr)
{
  for (unsigned i = 0; i < image->segments->len; i++)
    {
      const Segment *segment = &g_array_index (image->segments, Segment, i);

      if (paddr >= segment->paddr && paddr - segment->paddr + ORACLE_PAGE_SIZE <= segment->size)
        return segment->data + (paddr - segment->paddr);
    }
  return NULL;
}

static uint64_t
memory_of (const Image *image)
{
  uint64_t size = 0;

  for (unsigned i = 0; i < image->segments->len; i++)
    size += g_array_index (image->segments, Segment, i).size;
  return size;
}

/* By page: formats differ in what they take for one segment. */
static int
compare_memory (const Image *image, const char *path, bool raw)
{
  Image other = { 0 };

  image_open (&other, path, raw);
  if (memory_of (image) != memory_of (&other))
    violation ("%" PRIu64 " bytes of memory, '%s' has %" PRIu64, memory_of (image), path, memory_of (&other));
  for (unsigned i = 0; i < image->segments->len; i++)
    {
      const Segment *segment = &g_array_index (image->segments, Segment, i);

      for (uint64_t at = 0; at + ORACLE_PAGE_SIZE <= segment->size; at += ORACLE_PAGE_SIZE)
        {
          const unsigned char *page = page_at (&other, segment->paddr + at);

          if (!page)
            violation ("'%s' has no page at 0x%" PRIx64, path, segment->paddr + at);
          else if (memcmp (segment->data + at, page, ORACLE_PAGE_SIZE) != 0)
            violation ("the page at 0x%" PRIx64 " differs", segment->paddr + at);
        }
    }
  if (image->registers->len != other.registers->len)
    violation ("%u NT_PRSTATUS notes, '%s' has %u", image->registers->len, path, other.registers->len);
  else if (memcmp (image->registers->data, other.registers->data, image->registers->len * sizeof (Registers)) != 0)
    violation ("registers differ");
  if (violations == 0)
    printf ("same: %" PRIu64 " bytes, %u register sets\n", memory_of (image), image->registers->len);
  return violations ? 1 : 0;
}

int
main (int argc, char **argv)
{
  static gboolean raw, want_note, no_registers, quiet_option;
  static char *nonce, *newer_than, *same_memory;
  static int cpus = -1;
  static const GOptionEntry entries[] = {
    { "raw", 0, 0, G_OPTION_ARG_NONE, &raw, "IMAGE is memory from address 0 on, without headers", NULL },
    { "offset", 0, 0, G_OPTION_ARG_INT64, &raw_offset, "… that begins there in the file", "BYTES" },
    { "low-memory", 0, 0, G_OPTION_ARG_INT64, &raw_low_memory, "… of which all beyond this lies at 4 GiB", "BYTES" },
    { "cpus", 0, 0, G_OPTION_ARG_INT, &cpus, "NT_PRSTATUS notes to expect (default: the guest's vCPUs)", "N" },
    { "note", 0, 0, G_OPTION_ARG_NONE, &want_note, "fail without a vthunder note", NULL },
    { "no-registers", 0, 0, G_OPTION_ARG_NONE, &no_registers, "do not judge registers", NULL },
    { "nonce", 0, 0, G_OPTION_ARG_STRING, &nonce, "judge the boot with this nonce", "HEX" },
    { "newer-than", 0, 0, G_OPTION_ARG_FILENAME, &newer_than, "fail unless the guest got on since that image",
      "IMAGE" },
    { "same-memory", 0, 0, G_OPTION_ARG_FILENAME, &same_memory, "only compare the memory with that of another image",
      "IMAGE" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet_option, "print violations only", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("IMAGE - judge a memory image of a test guest");
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) boots = g_ptr_array_new ();
  Image image = { 0 };
  Boot *boot;
  unsigned judged = 0;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    unusable ("%s", error->message);
  if (argc != 2)
    unusable ("name one image");
  quiet = quiet_option;

  image_open (&image, argv[1], raw);
  if (same_memory)
    return compare_memory (&image, same_memory, raw);
  scan (&image, boots, false);
  boot = latest_boot (boots, nonce);
  if (!boot)
    unusable ("no test guest in '%s'", argv[1]);

  for (uint32_t t = 0; t < boot->info->cpus; t++)
    check_region (boot, ORACLE_CPU, t, boot->info->cpu_pages);
  if (boot->info->cross_pages)
    check_region (boot, ORACLE_CROSS, 0, boot->info->cross_pages);
  for (uint32_t r = 0; r < boot->info->blk_regions; r++)
    check_region (boot, ORACLE_BLK, r, boot->info->blk_pages);
  if (boot->info->net_pages)
    {
      check_region (boot, ORACLE_NET, 0, boot->info->net_pages);
      scan (&image, boots, true);
      if (boot->last_frame > boot->info->frames)
        violation ("net: frame %" PRIu64 " is in the image, but %" PRIu64 " was the last sent at T0",
                   boot->last_frame, boot->info->frames);
    }
  if (boot->fill_bad > 0 || boot->fill_good != boot->info->fill_pages)
    violation ("fill: %" PRIu64 " pages are wrong, %" PRIu64 " right, of %u", boot->fill_bad, boot->fill_good,
               boot->info->fill_pages);

  if (image.has_notes)
    {
      unsigned expected = cpus >= 0 ? (unsigned) cpus : boot->info->cpus;

      if (image.registers->len != expected)
        violation ("%u NT_PRSTATUS notes for %u vCPUs", image.registers->len, expected);
      if (!no_registers && boot->info->loop_start < boot->info->loop_end)
        judged = check_registers (&image, boot);
      check_note (&image, want_note);
    }

  if (newer_than)
    {
      Image older = { 0 };
      g_autoptr (GPtrArray) older_boots = g_ptr_array_new ();
      g_autofree char *same = g_strdup_printf ("%" PRIx64, boot->nonce);
      Boot *before;

      image_open (&older, newer_than, raw);
      scan (&older, older_boots, false);
      before = latest_boot (older_boots, same);
      if (!before)
        unusable ("'%s' is of another boot", newer_than);
      if (progress_of (boot) <= progress_of (before))
        violation ("the guest did not get on since '%s'", newer_than);
    }

  if (!quiet)
    {
      const Region *first = boot->regions->len > 0 ? g_ptr_array_index (boot->regions, 0) : NULL;

      printf ("%s: %u violations; %u vCPUs, %u orders, fill %" PRIu64 ", registers judged %u, round %u, "
              "ticks %u, frames %" PRIu64 "/%" PRIu64 ", notes %u%s\n",
              violations ? "INCONSISTENT" : "consistent", violations, boot->info->cpus, boot->regions->len,
              boot->fill_good, judged, first && first->pages[0] ? first->pages[0]->counter : 0, boot->info->ticks,
              boot->frames, boot->info->frames, image.registers->len, image.note ? ", vthunder note" : "");
    }
  return violations ? 1 : 0;
}
