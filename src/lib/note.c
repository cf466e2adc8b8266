/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading dump files: ELF (32 and 64 bit, both byte orders), kdump-compressed,
 * plain or flattened, and the VTHUNDER note in them.
 *
 * A dump is made of guest memory and may come from anywhere: no number in it
 * is used before it is checked against the size of the file, and nothing is
 * allocated by a number it claims without a limit.
 */
#include <config.h>

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vth-private.h"

#define NOTE_NAME "VTHUNDER"
#define NOTE_TYPE 0x56544844 /* as QEMU writes it: one that no reader of core files knows */
/* QEMU writes one segment per RAM range and a note per vCPU: far below these. */
#define SEGMENTS_MAX (1u << 20)
#define NOTES_BYTES_MAX (UINT64_C (16) << 20) /* a thousand vCPUs take 1 MiB */
#define VMCOREINFO_BYTES_MAX 65536
#define RECORDS_MAX (1u << 16)

static bool
fd_read (void *reader, uint64_t offset, void *buffer, size_t length, GError **error)
{
  int fd = *(int *) reader;
  char *p = buffer;
  while (length > 0)
    {
      ssize_t n = pread (fd, p, length, (off_t) offset);
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        {
          vth_set_error_errno (error, n < 0 ? errno : EIO, "cannot read at %" G_GUINT64_FORMAT, offset);
          return false;
        }
      p += n;
      offset += (uint64_t) n;
      length -= (size_t) n;
    }
  return true;
}

VthSource
vth_source_of_fd (int *fd, uint64_t size_bytes)
{
  return (VthSource){ fd_read, fd, size_bytes };
}

void
vth_check_free (VthCheck *check)
{
  if (check == NULL)
    return;
  g_free (check->name);
  g_free (check->detail);
  g_free (check->remedy);
  g_free (check);
}

VthCheck *
vth_check_new (const char *name, VthCheckStatus status, char *detail_to_take, const char *remedy)
{
  VthCheck *check = g_new0 (VthCheck, 1);
  check->name = g_strdup (name);
  check->status = status;
  check->detail = detail_to_take;
  check->remedy = g_strdup (remedy);
  return check;
}

void
vth_dump_free (VthDump *dump)
{
  if (dump == NULL)
    return;
  g_free (dump->name);
  g_free (dump->path);
  g_free (dump->pool);
  g_free (dump->domain);
  g_free (dump->uuid);
  g_free (dump->schedule);
  g_free (dump->uri);
  g_free (dump->base);
  g_free (dump->note_json);
  g_free (dump->os_release);
  g_free (dump->manifest_error);
  vth_tracking_clear (&dump->tracking);
  g_free (dump);
}

/* --- the note's text --- */

static JsonNode *
member (JsonObject *object, const char *name)
{
  return object != NULL ? json_object_get_member (object, name) : NULL;
}

static JsonObject *
object_member (JsonObject *object, const char *name)
{
  JsonNode *node = member (object, name);
  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static bool
int_member (JsonObject *object, const char *name, uint64_t *value)
{
  JsonNode *node = member (object, name);
  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_INT64
      || json_node_get_int (node) < 0)
    return false;
  *value = (uint64_t) json_node_get_int (node);
  return true;
}

/* The parser recurses: a text nested deeper than any note is refused before it sees it. */
static bool
is_shallow (const char *text, size_t length)
{
  unsigned int depth = 0;
  for (size_t i = 0; i < length; i++)
    if (text[i] == '[' || text[i] == '{')
      {
        if (++depth > 64)
          return false;
      }
  return true;
}

static JsonParser *
parse_note (const char *json, size_t length, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) reason = NULL;

  if (!g_utf8_validate (json, (gssize) length, NULL) || !is_shallow (json, length)
      || !json_parser_load_from_data (parser, json, (gssize) length, &reason) || json_parser_get_root (parser) == NULL
      || !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "the vthunder note is broken: %s",
                   reason != NULL ? reason->message : "no JSON object");
      return NULL;
    }
  return g_steal_pointer (&parser);
}

/* What the caller says of a base was meant; the engine knows whether it came to that. */
static void
apply_tracking (VthDump *dump, JsonObject *caller, JsonObject *mirror)
{
  uint64_t position = 0;

  for (size_t i = 0; i < vth_n_tracking_fields; i++)
    {
      const char *text = vth_json_string (mirror, vth_tracking_fields[i].note_name);
      char **field = vth_tracking_field (&dump->tracking, i);
      if (text != NULL)
        {
          g_free (*field);
          *field = g_strdup (text);
        }
    }
  int_member (mirror, VTH_PAGES_DIRTY_NOTE, &dump->tracking.pages_dirty);
  /* An overlay is none without a base, also where its record lacks the figures. */
  if (dump->tracking.base_generation == NULL && dump->base == NULL)
    {
      if (dump->tracking.full_reason == NULL)
        dump->tracking.full_reason = g_strdup (vth_json_string (caller, "full-reason"));
      return;
    }
  dump->mode = VTH_MODE_INCREMENTAL;
  if (dump->base == NULL)
    dump->base = vth_json_dup_bytes (caller, "base");
  if (int_member (caller, "chain", &position) && position <= G_MAXUINT)
    dump->chain_position = (unsigned int) position;
}

bool
vth_note_apply_json (VthDump *dump, const char *json, size_t length, GError **error)
{
  g_autoptr (JsonParser) parser = parse_note (json, length, error);
  if (parser == NULL)
    return false;

  JsonObject *object = json_node_get_object (json_parser_get_root (parser));
  JsonObject *caller = object_member (object, "caller");
  JsonObject *mirror = object_member (object, "mirror");
  const char *mode = vth_json_string (object, "mode");
  uint64_t t0_ns = 0;

  g_free (dump->note_json);
  dump->note_json = g_strndup (json, length);
  g_free (dump->domain);
  dump->domain = g_strdup (vth_json_string (object, "domain"));
  g_free (dump->uuid);
  dump->uuid = g_strdup (vth_json_string (object, "uuid"));
  g_free (dump->schedule);
  dump->schedule = g_strdup (vth_json_string (caller, "schedule"));
  g_free (dump->uri);
  dump->uri = vth_json_dup_bytes (caller, "uri");
  dump->mode = g_strcmp0 (mode, "mirror") == 0 || g_strcmp0 (mode, "incremental") == 0 ? VTH_MODE_MIRROR : VTH_MODE_STOP;
  dump->paused = dump->mode == VTH_MODE_STOP;
  apply_tracking (dump, caller, mirror);
  for (size_t i = 0; mirror != NULL && i < vth_n_figure_fields; i++)
    if (int_member (mirror, vth_figure_fields[i].note_name, (uint64_t *) ((char *) &dump->figures + vth_figure_fields[i].offset)))
      dump->has_figures = true;
  if (dump->figures.t0_ns != 0)
    dump->time_s = (int64_t) (dump->figures.t0_ns / G_GUINT64_CONSTANT (1000000000));
  else if (int_member (object, "time-ns", &t0_ns))
    dump->time_s = (int64_t) (t0_ns / G_GUINT64_CONSTANT (1000000000));
  /* Only vthunder puts its own file name there: a copy under another name was not written as that.  Whose the file is, the
     register says. */
  g_autofree char *file = vth_json_dup_bytes (caller, "file");
  dump->names_itself = dump->schedule != NULL && dump->uuid != NULL && file != NULL && g_strcmp0 (file, dump->name) == 0;
  return true;
}

static void
set_string (JsonObject *object, const char *name, const char *value)
{
  if (value != NULL)
    json_object_set_string_member (object, name, value);
}

static void
fill_caller (JsonObject *caller, const VthDump *dump, const char *name)
{
  json_object_set_string_member (caller, "tool", "vthunder");
  vth_json_set_bytes (caller, "file", name);
  set_string (caller, "schedule", dump->schedule);
  vth_json_set_bytes (caller, "uri", dump->uri);
  vth_json_set_bytes (caller, "base", dump->base);
  if (dump->base != NULL)
    json_object_set_int_member (caller, "chain", dump->chain_position);
  else
    set_string (caller, "full-reason", dump->tracking.full_reason);
}

static void
set_caller (JsonObject *object, const VthDump *dump, const char *name)
{
  JsonObject *caller = object_member (object, "caller");
  if (caller == NULL)
    {
      caller = json_object_new ();
      json_object_set_object_member (object, "caller", caller);
    }
  fill_caller (caller, dump, name);
}

/* QEMU takes no more than that. */
#define CALLER_BYTES_MAX 2048

char *
vth_note_caller (const VthDump *dump, const char *name)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  JsonObject *caller = json_object_new ();

  json_node_take_object (root, caller);
  fill_caller (caller, dump, name);
  g_autofree char *text = json_to_string (root, FALSE);
  if (strlen (text) <= CALLER_BYTES_MAX)
    return g_steal_pointer (&text);
  json_object_remove_member (caller, "uri");
  json_object_remove_member (caller, "full-reason");
  return json_to_string (root, FALSE);
}

/* The note again, with what the engine cannot know; fits the note or fails. */
char *
vth_note_annotate (const char *json, const VthDump *dump, const char *name, GError **error)
{
  g_autoptr (JsonParser) parser = parse_note (json, strlen (json), error);
  if (parser == NULL)
    return NULL;
  set_caller (json_node_get_object (json_parser_get_root (parser)), dump, name);
  g_autofree char *text = json_to_string (json_parser_get_root (parser), FALSE);
  if (strlen (text) >= VTH_NOTE_BYTES)
    {
      g_set_error_literal (error, VTH_ERROR, VTH_ERROR_FAILED, "the vthunder note has no room left");
      return NULL;
    }
  return g_steal_pointer (&text);
}

/* The text of NAME.vthunder, for dumps whose format or QEMU leaves no note. */
char *
vth_note_record (const VthDump *dump, const char *name)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  json_node_take_object (root, object);
  json_object_set_int_member (object, "version", 1);
  set_string (object, "domain", dump->domain);
  set_string (object, "uuid", dump->uuid);
  set_string (object, "mode", vth_mode_to_string (dump->mode));
  set_string (object, "format", vth_format_to_string (dump->format));
  json_object_set_int_member (object, "time-ns", dump->time_s * INT64_C (1000000000));
  set_caller (object, dump, name);
  if (dump->has_figures)
    {
      JsonObject *mirror = json_object_new ();
      VthTracking tracking = dump->tracking; /* borrowed */
      json_object_set_object_member (object, "mirror", mirror);
      for (size_t i = 0; i < vth_n_tracking_fields; i++)
        set_string (mirror, vth_tracking_fields[i].note_name, *vth_tracking_field (&tracking, i));
      if (tracking.pages_dirty > 0)
        json_object_set_int_member (mirror, VTH_PAGES_DIRTY_NOTE, (gint64) tracking.pages_dirty);
      for (size_t i = 0; i < vth_n_figure_fields; i++)
        json_object_set_int_member (mirror, vth_figure_fields[i].note_name,
                                    (gint64) * (const uint64_t *) ((const char *) &dump->figures + vth_figure_fields[i].offset));
    }
  return json_to_string (root, TRUE);
}

/* --- a file being read --- */

typedef struct {
  const VthSource *source;
  const char *what;
  VthDump *dump;
  VthNoteInfo *info;
  bool big_endian;
  /* Flattened kdump: where its stretches are.  Empty for others. */
  GArray *records;
} Reader;

typedef struct {
  uint64_t logical, physical, length;
} Record;

static void
add_check (Reader *reader, const char *name, VthCheckStatus status, const char *format, ...) G_GNUC_PRINTF (4, 5);

static void
add_check (Reader *reader, const char *name, VthCheckStatus status, const char *format, ...)
{
  va_list args;
  if (reader->info->checks == NULL)
    return;
  va_start (args, format);
  g_ptr_array_add (reader->info->checks, vth_check_new (name, status, g_strdup_vprintf (format, args), NULL));
  va_end (args);
}

static bool
fits (uint64_t offset, uint64_t length, uint64_t size)
{
  return offset <= size && length <= size - offset;
}

static uint64_t
physical_of (const Reader *reader, uint64_t offset, uint64_t length)
{
  if (reader->records == NULL)
    return fits (offset, length, reader->source->size_bytes) ? offset : UINT64_MAX;
  for (unsigned int i = reader->records->len; i-- > 0;)
    {
      const Record *r = &g_array_index (reader->records, Record, i);
      if (offset >= r->logical && fits (offset - r->logical, length, r->length))
        return r->physical + (offset - r->logical);
    }
  return UINT64_MAX;
}

/* How much of a stretch lies in one piece; 0: it is not within the file. */
static uint64_t
length_of_piece (const Reader *reader, uint64_t offset, uint64_t length)
{
  if (reader->records == NULL)
    return fits (offset, length, reader->source->size_bytes) ? length : 0;
  for (unsigned int i = reader->records->len; i-- > 0;)
    {
      const Record *r = &g_array_index (reader->records, Record, i);
      if (offset >= r->logical && offset - r->logical < r->length)
        return MIN (length, r->length - (offset - r->logical));
    }
  return 0;
}

static bool
read_at (const Reader *reader, uint64_t offset, void *buffer, size_t length, GError **error)
{
  uint64_t physical = physical_of (reader, offset, length);
  if (physical == UINT64_MAX)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is damaged: it points past its end, to %" G_GUINT64_FORMAT,
                   reader->what, offset);
      return false;
    }
  return reader->source->read (reader->source->reader, physical, buffer, length, error);
}

static uint32_t
get32 (const Reader *reader, const void *p)
{
  uint32_t v;
  memcpy (&v, p, sizeof v);
  return reader->big_endian ? GUINT32_FROM_BE (v) : GUINT32_FROM_LE (v);
}

static uint16_t
get16 (const Reader *reader, const void *p)
{
  uint16_t v;
  memcpy (&v, p, sizeof v);
  return reader->big_endian ? GUINT16_FROM_BE (v) : GUINT16_FROM_LE (v);
}

static uint64_t
get64 (const Reader *reader, const void *p)
{
  uint64_t v;
  memcpy (&v, p, sizeof v);
  return reader->big_endian ? GUINT64_FROM_BE (v) : GUINT64_FROM_LE (v);
}

/* --- notes --- */

static void
read_vmcoreinfo (Reader *reader, const char *text, size_t length)
{
  static const char key[] = "OSRELEASE=";
  reader->dump->has_vmcoreinfo = true;
  const char *found = g_strstr_len (text, (gssize) length, key);
  if (found == NULL || reader->dump->os_release != NULL)
    return;
  found += sizeof key - 1;
  size_t n = 0;
  while (found + n < text + length && g_ascii_isgraph (found[n]) && n < 128)
    n++;
  reader->dump->os_release = g_strndup (found, n);
}

static void
read_own_note (Reader *reader, const char *desc, uint64_t offset, uint32_t length)
{
  g_autoptr (GError) error = NULL;

  if (reader->info->note_offset != 0 || length == 0 || length > 4 * VTH_NOTE_BYTES)
    {
      add_check (reader, "vthunder-note", VTH_CHECK_FAILED, "there is a second one, or its length is wrong: %u", length);
      return;
    }
  uint64_t physical = physical_of (reader, offset, length);
  if (physical == UINT64_MAX)
    {
      add_check (reader, "vthunder-note", VTH_CHECK_FAILED, "it is not in one piece");
      return;
    }
  g_autofree char *text = g_strndup (desc, length);
  if (!vth_note_apply_json (reader->dump, text, strlen (text), &error))
    {
      add_check (reader, "vthunder-note", VTH_CHECK_FAILED, "%s", error->message);
      return;
    }
  reader->info->note_offset = physical;
  reader->info->note_length = length;
  add_check (reader, "vthunder-note", VTH_CHECK_OK, "version 1, %zu bytes", strlen (text));
}

/* A stretch that may be in several pieces of a flattened file. */
static bool
read_pieces (const Reader *reader, uint64_t offset, char *buffer, uint64_t length)
{
  while (length > 0)
    {
      uint64_t n = length_of_piece (reader, offset, length);
      if (n == 0 || !read_at (reader, offset, buffer, n, NULL))
        return false;
      offset += n;
      buffer += n;
      length -= n;
    }
  return true;
}

/* All of it at once: a file may claim millions of notes of no length, each of which would be read by itself. */
static bool
read_notes (Reader *reader, uint64_t start, uint64_t length)
{
  uint64_t at = 0;
  unsigned int n = 0;

  g_autofree char *notes = length <= NOTES_BYTES_MAX && fits (0, length, reader->source->size_bytes) ? g_malloc0 (length + 1) : NULL;
  if (notes == NULL || !read_pieces (reader, start, notes, length))
    {
      add_check (reader, "notes", VTH_CHECK_FAILED, "the notes are not within the file");
      return false;
    }
  while (length - at >= 12)
    {
      const char *head = notes + at;
      char name[16] = "";
      uint64_t name_size = get32 (reader, head), desc_size = get32 (reader, head + 4);
      uint32_t type = get32 (reader, head + 8);
      uint64_t desc = at + 12 + ((name_size + 3) & ~UINT64_C (3));
      uint64_t next = desc + ((desc_size + 3) & ~UINT64_C (3));
      /* The last descriptor may end without its padding. */
      if (desc > length || desc_size > length - desc)
        {
          add_check (reader, "notes", VTH_CHECK_FAILED, "note %u reaches past the others' end", n + 1);
          return false;
        }
      memcpy (name, head + 12, MIN (name_size, sizeof name - 1));
      if (strcmp (name, "CORE") == 0 && type == NT_PRSTATUS)
        reader->dump->n_cpus++;
      else if (strcmp (name, "VMCOREINFO") == 0 && desc_size <= VMCOREINFO_BYTES_MAX)
        {
          g_autofree char *text = g_strndup (notes + desc, desc_size);
          read_vmcoreinfo (reader, text, strlen (text));
        }
      else if (strcmp (name, NOTE_NAME) == 0 && type == NOTE_TYPE)
        read_own_note (reader, notes + desc, start + desc, (uint32_t) desc_size);
      n++;
      at = MIN (next, length);
    }
  add_check (reader, "notes", VTH_CHECK_OK, "%u notes, %u vCPUs%s", n, reader->dump->n_cpus,
             reader->dump->has_vmcoreinfo ? ", vmcoreinfo" : "");
  return true;
}

/* --- ELF --- */

typedef struct {
  uint32_t type;
  uint64_t address, offset, file_size, memory_size;
} Segment;

static Segment
segment_of (const Reader *reader, const unsigned char *p)
{
  if (reader->dump->elf_class == 64)
    return (Segment){ get32 (reader, p), get64 (reader, p + 24), get64 (reader, p + 8), get64 (reader, p + 32),
                      get64 (reader, p + 40) };
  return (Segment){ get32 (reader, p), get32 (reader, p + 12), get32 (reader, p + 4), get32 (reader, p + 16),
                    get32 (reader, p + 20) };
}

/* The guest's kernel has a segment of its own, which makes no other layout of memory. */
static void
add_segment (GArray *segments, VthSegment segment)
{
  VthSegment *last = segments->len > 0 ? &g_array_index (segments, VthSegment, segments->len - 1) : NULL;

  if (last != NULL && last->address + last->length == segment.address && last->offset + last->length == segment.offset)
    last->length += segment.length;
  else
    g_array_append_val (segments, segment);
}

static bool
read_elf (Reader *reader, GError **error)
{
  unsigned char head[sizeof (Elf64_Ehdr)] = { 0 };
  bool wide;

  if (!read_at (reader, 0, head, sizeof (Elf32_Ehdr), error))
    return false;
  wide = head[EI_CLASS] == ELFCLASS64;
  if ((!wide && head[EI_CLASS] != ELFCLASS32) || (head[EI_DATA] != ELFDATA2LSB && head[EI_DATA] != ELFDATA2MSB)
      || (wide && !read_at (reader, 0, head, sizeof (Elf64_Ehdr), error)))
    {
      if (error != NULL && *error == NULL)
        g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is an ELF file of an unknown class or byte order", reader->what);
      return false;
    }
  reader->big_endian = head[EI_DATA] == ELFDATA2MSB;
  reader->dump->elf_class = wide ? 64 : 32;
  reader->dump->machine = get16 (reader, head + 18);
  if (get16 (reader, head + 16) != ET_CORE)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is an ELF file but no core dump", reader->what);
      return false;
    }
  uint64_t table = wide ? get64 (reader, head + 32) : get32 (reader, head + 28);
  uint64_t sections = wide ? get64 (reader, head + 40) : get32 (reader, head + 32);
  uint32_t entry_size = get16 (reader, head + (wide ? 54 : 42));
  uint32_t n = get16 (reader, head + (wide ? 56 : 44));
  uint32_t expected = wide ? sizeof (Elf64_Phdr) : sizeof (Elf32_Phdr);

  if (n == PN_XNUM)
    {
      /* More segments than fit: the count is sh_info of the first section. */
      unsigned char section[sizeof (Elf64_Shdr)];
      if (sections == 0 || !read_at (reader, sections, section, wide ? sizeof (Elf64_Shdr) : sizeof (Elf32_Shdr), error))
        {
          if (error != NULL && *error == NULL)
            g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is damaged: its number of segments is missing", reader->what);
          return false;
        }
      n = get32 (reader, section + (wide ? 44 : 28));
    }
  if (entry_size != expected || n == 0 || n > SEGMENTS_MAX
      || !fits (table, (uint64_t) n * entry_size, reader->source->size_bytes))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is damaged: its program headers are not within it", reader->what);
      return false;
    }
  add_check (reader, "header", VTH_CHECK_OK, "ELF%u core, %u program headers", reader->dump->elf_class, n);

  bool whole = true, notes = false;
  for (uint32_t i = 0; i < n; i++)
    {
      unsigned char entry[sizeof (Elf64_Phdr)];
      if (!read_at (reader, table + (uint64_t) i * entry_size, entry, entry_size, error))
        return false;
      Segment segment = segment_of (reader, entry);
      if (segment.type == PT_NOTE && !notes)
        {
          notes = true;
          read_notes (reader, segment.offset, segment.file_size);
        }
      if (segment.type != PT_LOAD)
        continue;
      reader->dump->n_segments++;
      reader->dump->memory_bytes += segment.memory_size;
      if (segment.file_size != segment.memory_size && whole)
        {
          add_check (reader, "segments", VTH_CHECK_FAILED, "segment %u holds %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes",
                     i, segment.file_size, segment.memory_size);
          whole = false;
        }
      if (!fits (segment.offset, segment.file_size, reader->source->size_bytes) && whole)
        {
          add_check (reader, "segments", VTH_CHECK_FAILED, "segment %u reaches past the end of the file: it was cut off", i);
          whole = false;
        }
      if (reader->info->segments != NULL)
        {
          VthSegment memory = { segment.address, segment.offset, segment.file_size };
          if (segment.file_size != segment.memory_size || !fits (segment.offset, segment.file_size, reader->source->size_bytes))
            {
              g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is damaged: segment %u is not whole", reader->what, i);
              return false;
            }
          add_segment (reader->info->segments, memory);
        }
    }
  if (whole)
    add_check (reader, "segments", reader->dump->n_segments > 0 ? VTH_CHECK_OK : VTH_CHECK_FAILED,
               "%u segments, %" G_GUINT64_FORMAT " MiB of memory", reader->dump->n_segments, reader->dump->memory_bytes >> 20);
  if (!notes)
    add_check (reader, "notes", VTH_CHECK_FAILED, "there are no notes");
  return true;
}

/* --- kdump --- */

#define FLAT_SIGNATURE "makedumpfile"
#define FLAT_HEADER_BYTES 4096
#define KDUMP_SIGNATURE "KDUMP   "
#define UTSNAME_BYTES (6 * 65)
#define MACHINE_OFFSET (12 + 4 * 65)

/* The stretches of a flattened file.  Inspecting needs those at the front only; verifying walks to the end. */
static bool
read_records (Reader *reader, GError **error)
{
  uint64_t at = FLAT_HEADER_BYTES;
  bool all = reader->info->checks != NULL, ended = false;
  unsigned int limit = all ? G_MAXUINT : 4096;
  unsigned int n = 0;

  reader->records = g_array_new (FALSE, FALSE, sizeof (Record));
  while (!ended && n < limit && fits (at, 16, reader->source->size_bytes))
    {
      uint64_t head[2];
      if (!reader->source->read (reader->source->reader, at, head, sizeof head, error))
        return false;
      int64_t logical = (int64_t) GUINT64_FROM_BE (head[0]), length = (int64_t) GUINT64_FROM_BE (head[1]);
      at += 16;
      ended = logical == -1 && length == -1;
      if (ended)
        break;
      if (logical < 0 || length <= 0 || !fits (at, (uint64_t) length, reader->source->size_bytes))
        break;
      Record record = { (uint64_t) logical, at, (uint64_t) length };
      if (reader->records->len < RECORDS_MAX)
        g_array_append_val (reader->records, record);
      at += (uint64_t) length;
      n++;
    }
  if (all)
    {
      if (ended)
        add_check (reader, "segments", VTH_CHECK_OK, "flattened, %u stretches to the end mark", n);
      else
        add_check (reader, "segments", VTH_CHECK_FAILED, "the end mark is missing after %u stretches: the file was cut off", n);
    }
  return true;
}

static bool
is_block_size (uint32_t v)
{
  return v >= 512 && v <= (1u << 20) && (v & (v - 1)) == 0;
}

/* The header of a 32-bit guest is shorter.  The machine does not tell: QEMU names its own, not the guest's. */
static bool
has_wide_header (const Reader *reader, const unsigned char *head, const char *machine)
{
  const unsigned char *wide = head + 12 + UTSNAME_BYTES + 22, *narrow = head + 12 + UTSNAME_BYTES + 10;
  bool may_be_wide = is_block_size (get32 (reader, wide + 4)) && get32 (reader, wide + 8) != 0;
  bool may_be_narrow = is_block_size (get32 (reader, narrow + 4)) && get32 (reader, narrow + 8) != 0;

  if (may_be_wide != may_be_narrow)
    return may_be_wide;
  return strstr (machine, "64") != NULL || strcmp (machine, "s390x") == 0;
}

static bool
read_kdump (Reader *reader, GError **error)
{
  unsigned char head[464] = { 0 };
  unsigned char sub[64];
  char machine[66] = "";

  if (!read_at (reader, 0, head, sizeof head, error))
    return false;
  if (memcmp (head, KDUMP_SIGNATURE, 8) != 0)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is flattened, but holds no kdump", reader->what);
      return false;
    }
  /* The version is a small number: that tells the byte order. */
  reader->big_endian = get32 (reader, head + 8) > 0xffff;
  memcpy (machine, head + MACHINE_OFFSET, 65);
  bool wide = has_wide_header (reader, head, machine);
  size_t status = 12 + UTSNAME_BYTES + (wide ? 22 : 10);
  uint32_t block = get32 (reader, head + status + 4), sub_blocks = get32 (reader, head + status + 8);
  uint32_t flags = get32 (reader, head + status);

  if (!is_block_size (block) || sub_blocks == 0 || sub_blocks > (1u << 20))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is damaged: it claims blocks of %u bytes", reader->what, block);
      return false;
    }
  reader->dump->format = flags & 32  ? VTH_FORMAT_KDUMP_ZSTD
                         : flags & 4 ? VTH_FORMAT_KDUMP_SNAPPY
                         : flags & 2 ? VTH_FORMAT_KDUMP_LZO
                                     : VTH_FORMAT_KDUMP_ZLIB;
  reader->dump->memory_bytes = (uint64_t) get32 (reader, head + status + 20) * block;
  if (g_ascii_isgraph (machine[0]))
    reader->dump->machine = strcmp (machine, "x86_64") == 0 ? (wide ? EM_X86_64 : EM_386) : strcmp (machine, "aarch64") == 0 ? EM_AARCH64
                            : wide ? 0 : EM_386;
  add_check (reader, "header", VTH_CHECK_OK, "kdump, %s, blocks of %u bytes", reader->records != NULL ? "flattened" : "plain", block);
  if (!read_at (reader, block, sub, sizeof sub, error))
    return false;
  uint64_t info_offset = get64 (reader, sub + (wide ? 32 : 20));
  uint64_t info_size = wide ? get64 (reader, sub + 40) : get32 (reader, sub + 28);
  uint64_t note_offset = get64 (reader, sub + (wide ? 48 : 32));
  uint64_t note_size = wide ? get64 (reader, sub + 56) : get32 (reader, sub + 40);

  if (note_size > 0)
    read_notes (reader, note_offset, note_size);
  else
    add_check (reader, "notes", VTH_CHECK_FAILED, "there are no notes");
  if (info_size > 0 && info_size <= VMCOREINFO_BYTES_MAX && !reader->dump->has_vmcoreinfo)
    {
      g_autofree char *text = g_malloc0 (info_size + 1);
      if (read_at (reader, info_offset, text, info_size, NULL))
        read_vmcoreinfo (reader, text, info_size);
    }
  if (reader->records == NULL)
    {
      uint64_t pages = (uint64_t) get32 (reader, head + status + 12) + sub_blocks + 1;
      bool whole = fits (pages * block, 0, reader->source->size_bytes);
      add_check (reader, "segments", whole ? VTH_CHECK_OK : VTH_CHECK_FAILED, "%s",
                 whole ? "the page bitmaps are within the file" : "the file ends before its page bitmaps: it was cut off");
    }
  return true;
}

/* --- overlays --- */

/* What is in it is in several files: the record beside it tells what a note would. */
static bool
read_overlay (Reader *reader, GError **error)
{
  g_auto (VthOverlay) overlay = { 0 };

  if (!vth_overlay_probe (reader->source, reader->what, &overlay, error))
    return false;
  if (overlay.backing == NULL || !overlay.is_plain)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is no memory dump: it is a qcow2 file, but no overlay over a dump",
                   reader->what);
      return false;
    }
  reader->dump->base = g_path_get_basename (overlay.backing);
  reader->dump->tracking.storage = g_strdup ("overlay");
  /* Nothing but such a dump writes one. */
  reader->dump->mode = VTH_MODE_INCREMENTAL;
  reader->dump->paused = false;
  add_check (reader, "header", VTH_CHECK_OK, "qcow2 overlay over '%s'", overlay.backing);
  add_check (reader, "segments", VTH_CHECK_SKIPPED, "they are spread over the files it builds on: dump-export makes one of them");
  return true;
}

/* --- any --- */

VthDump *
vth_note_read (const VthSource *source, const char *what, VthNoteInfo *info, GError **error)
{
  g_autoptr (VthDump) dump = g_new0 (VthDump, 1);
  unsigned char magic[16] = { 0 };
  Reader reader = { source, what, dump, info, false, NULL };
  bool ok = false;

  info->note_offset = 0;
  info->note_length = 0;
  dump->size_bytes = source->size_bytes;
  dump->mode = VTH_MODE_STOP;
  dump->paused = true;
  dump->name = g_path_get_basename (what);

  if (source->size_bytes >= sizeof magic && !source->read (source->reader, 0, magic, sizeof magic, error))
    return NULL;
  if (memcmp (magic, ELFMAG, SELFMAG) == 0)
    ok = read_elf (&reader, error);
  else if (vth_is_qcow2 (magic))
    ok = read_overlay (&reader, error);
  else if (memcmp (magic, KDUMP_SIGNATURE, 8) == 0)
    ok = read_kdump (&reader, error);
  else if (memcmp (magic, FLAT_SIGNATURE, sizeof FLAT_SIGNATURE) == 0)
    ok = read_records (&reader, error) && read_kdump (&reader, error);
  else if (memcmp (magic, "PAGEDU64", 8) == 0 || memcmp (magic, "PAGEDUMP", 8) == 0)
    {
      dump->format = VTH_FORMAT_WIN_DMP;
      add_check (&reader, "header", VTH_CHECK_OK, "Windows crash dump");
      ok = true;
    }
  else
    g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is no memory dump: it is neither ELF nor kdump", what);
  if (reader.records != NULL)
    g_array_unref (reader.records);
  if (ok && info->segments != NULL && dump->n_segments == 0)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is no ELF dump", what);
      return NULL;
    }
  if (ok && info->note_offset == 0)
    add_check (&reader, "vthunder-note", VTH_CHECK_SKIPPED, "there is none");
  return ok ? g_steal_pointer (&dump) : NULL;
}

VthDump *
vth_note_read_elf (int fd, const char *path, GError **error)
{
  g_autoptr (GArray) segments = g_array_new (FALSE, FALSE, sizeof (VthSegment));
  VthNoteInfo info = { .segments = segments };
  struct stat st;

  if (fstat (fd, &st) < 0)
    {
      vth_set_error_errno (error, errno, "cannot read '%s'", path);
      return NULL;
    }
  VthSource source = vth_source_of_fd (&fd, (uint64_t) st.st_size);
  return vth_note_read (&source, path, &info, error);
}
