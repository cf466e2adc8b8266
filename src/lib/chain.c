/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether the files of an overlay are whole, and those that it was written
 * over.
 *
 * QEMU reads zeros where a file has ended, and takes any file for the base that
 * has its name: without a look at each, memory that never was would be shown.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vth-private.h"

/* Of what is in front of the memory; a thousand vCPUs take 1 MiB. */
#define HEAD_BYTES (4 << 20)
#define RESTORE "restore it from a copy, else it and what builds on it are lost"

/* Where the head of an overlay is among those of all. */
typedef struct {
  uint64_t start, length;
} Layer;

static const char *
name_of (const VthChain *chain, unsigned int i)
{
  return chain->names->pdata[i];
}

static bool
refuse (const VthChain *chain, unsigned int i, const char *why, GError **error)
{
  g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s/%s' is damaged: %s: " RESTORE, chain->dir, name_of (chain, i), why);
  return false;
}

/* --- each overlay by itself --- */

typedef struct {
  GString *json, *message;
} CheckOutput;

/* Complaints come first, a line for each cluster; the object with the figures stands at the end, its braces on lines of their own. */
static void
take_check_line (const char *line, void *data)
{
  CheckOutput *output = data;

  if (output->json->len > 0 || strcmp (line, "{") == 0)
    g_string_append_printf (output->json, "%s\n", line);
  else if (output->message->len == 0)
    g_string_assign (output->message, line);
}

static int64_t
figure (JsonObject *object, const char *name)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, name) : NULL;
  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_int (node) : 0;
}

/*
 * What qemu-img check does not see: in front of the table that leads to all
 * others (the overlay seems to be empty then), or within the last cluster. That
 * may be in pieces only where the table is all there is in it.
 */
static bool
was_cut_off (int fd, uint64_t end_bytes)
{
  unsigned char head[48];
  uint32_t entries;
  uint64_t offset;
  struct stat st;

  if (fstat (fd, &st) < 0 || pread (fd, head, sizeof head, 0) != (ssize_t) sizeof head)
    return true;
  memcpy (&entries, head + 36, sizeof entries);
  memcpy (&offset, head + 40, sizeof offset);
  const uint64_t size = (uint64_t) st.st_size, length = (uint64_t) GUINT32_FROM_BE (entries) * 8;
  offset = GUINT64_FROM_BE (offset);
  if (offset > size || length > size - offset)
    return true;
  const unsigned int cluster_bits = head[23]; /* 9 to 21, as qemu-img checked */
  return size < end_bytes && (offset + length - 1) >> cluster_bits != (end_bytes - 1) >> cluster_bits;
}

static bool
check_overlay (const VthChain *chain, unsigned int i, GCancellable *cancellable, GError **error)
{
  g_autofree char *file = vth_qemu_img_overlay (0);
  const char *arguments[] = { "check", "--output=json", file, NULL };
  g_autoptr (GString) json = g_string_new (NULL);
  g_autoptr (GString) message = g_string_new (NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  CheckOutput output = { json, message };
  int status = 0;

  if (!vth_qemu_img (arguments, &g_array_index (chain->fds, int, i), 1, name_of (chain, i), take_check_line, &output, cancellable,
                     &status, error))
    return false;
  JsonNode *root = json_parser_load_from_data (parser, json->str, (gssize) json->len, NULL) ? json_parser_get_root (parser) : NULL;
  JsonObject *figures = root != NULL && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  int64_t errors = figure (figures, "corruptions") + figure (figures, "check-errors"), leaks = figure (figures, "leaks");
  g_autofree char *why = NULL;
  if (errors > 0)
    why = g_strdup_printf ("qemu-img check finds %" G_GINT64_FORMAT " errors in it, such as '%s'", errors, message->str);
  else if (leaks > 0)
    why = g_strdup_printf ("qemu-img check finds %" G_GINT64_FORMAT " clusters in it that nothing leads to, pages are missing", leaks);
  else if (status != 0 || figures == NULL)
    why = g_strdup_printf ("qemu-img check says '%s'", message->len > 0 ? message->str : "nothing");
  else if (was_cut_off (g_array_index (chain->fds, int, i), (uint64_t) figure (figures, "image-end-offset")))
    why = g_strdup ("it was cut off");
  return why == NULL || refuse (chain, i, why, error);
}

/* --- their heads --- */

/* Of all overlays, each without what it builds on, one behind the other in a file in memory; -1 on failure. */
static int
read_heads (const VthChain *chain, Layer *layers, unsigned int n, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) arguments = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));
  g_autoptr (GString) message = g_string_new (NULL);
  static const char *const options[] = { "convert", "-n", "--target-is-zero", "-O", "raw" };
  int to = memfd_create ("vthunder-heads", MFD_CLOEXEC), status = 0;
  uint64_t end = 0;

  for (unsigned int i = 0; i < G_N_ELEMENTS (options); i++)
    g_ptr_array_add (arguments, g_strdup (options[i]));
  for (unsigned int i = 0; i < n; i++)
    {
      const uint64_t sector = 512;
      layers[i].start = end;
      layers[i].length = MIN (g_array_index (chain->virtual_bytes, uint64_t, i), (uint64_t) HEAD_BYTES) / sector * sector;
      end += layers[i].length;
      g_ptr_array_add (arguments, vth_qemu_img_head (i, layers[i].length));
      g_array_append_val (fds, g_array_index (chain->fds, int, i));
    }
  g_ptr_array_add (arguments, g_strdup_printf ("/dev/fd/%u", VTH_QEMU_IMG_FD + n));
  g_ptr_array_add (arguments, NULL);
  g_array_append_val (fds, to);
  if (to < 0 || ftruncate (to, (off_t) end) < 0)
    vth_set_error_errno (error, errno, "cannot take memory for the heads of '%s'", name_of (chain, 0));
  else if (vth_qemu_img ((const char *const *) arguments->pdata, (const int *) (void *) fds->data, fds->len, name_of (chain, 0),
                         vth_qemu_img_take_message, message, cancellable, &status, error))
    {
      if (status == 0)
        return to;
      g_set_error (error, VTH_ERROR, VTH_ERROR_IO, "cannot read '%s' and what it builds on: %s", name_of (chain, 0),
                   message->len > 0 ? message->str : "qemu-img failed");
    }
  if (to >= 0)
    close (to);
  return -1;
}

typedef struct {
  int fd;
  const Layer *layer;
} Head;

static bool
head_read (void *reader, uint64_t offset, void *buffer, size_t length, GError **error)
{
  const Head *head = reader;

  if (offset <= head->layer->length && length <= head->layer->length - offset
      && pread (head->fd, buffer, length, (off_t) (head->layer->start + offset)) == (ssize_t) length)
    return true;
  vth_set_error_errno (error, EIO, "cannot read at %" G_GUINT64_FORMAT, offset);
  return false;
}

/* What an overlay's own note says; NULL if it has none. */
static VthDump *
note_of_head (const VthChain *chain, unsigned int i, int heads, const Layer *layer)
{
  Head head = { heads, layer };
  VthSource source = { head_read, &head, g_array_index (chain->virtual_bytes, uint64_t, i) };
  VthNoteInfo info = { 0 };
  g_autoptr (VthDump) dump = vth_note_read (&source, name_of (chain, i), &info, NULL);

  return dump != NULL && info.note_offset != 0 ? g_steal_pointer (&dump) : NULL;
}

/* Whether the record beside it says that it was written as a dump. */
static bool
has_record (const VthChain *chain, unsigned int i)
{
  g_autofree char *name = g_strconcat (name_of (chain, i), VTH_RECORD_SUFFIX, NULL);
  g_autofree char *path = g_build_filename (chain->dir, name, NULL);
  g_autoptr (VthDump) dump = g_new0 (VthDump, 1);
  struct stat st;
  size_t length = 0;
  g_autofree char *text = vth_file_read_small (path, O_NOFOLLOW, &st, &length, NULL);

  if (text == NULL)
    return false;
  dump->name = g_strdup (name_of (chain, i));
  return vth_note_apply_json (dump, text, length, NULL) && dump->names_itself && dump->tracking.generation != NULL;
}

/* @below: the generation of what @i builds on; on success that of @i. */
static bool
check_link (const VthChain *chain, unsigned int i, int heads, const Layer *layer, char **below, GError **error)
{
  g_autoptr (VthDump) own = note_of_head (chain, i, heads, layer);

  if (own == NULL)
    return !has_record (chain, i) || refuse (chain, i, "its head is missing", error);
  if (own->tracking.base_generation != NULL && g_strcmp0 (own->tracking.base_generation, *below) != 0)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT,
                   "'%s/%s' was not written over this '%s', which is %s%s and not %s: put the file back that had this name",
                   chain->dir, name_of (chain, i), name_of (chain, i + 1), *below != NULL ? "dump " : "no tracked dump",
                   *below != NULL ? *below : "", own->tracking.base_generation);
      return false;
    }
  g_free (*below);
  *below = g_strdup (own->tracking.generation);
  return true;
}

/* The full dump; on success its generation, or NULL. */
static bool
check_bottom (const VthChain *chain, unsigned int i, char **generation, GError **error)
{
  g_autofree char *path = g_build_filename (chain->dir, name_of (chain, i), NULL);
  g_autoptr (VthDump) dump = vth_note_read_elf (g_array_index (chain->fds, int, i), path, error);

  if (dump == NULL)
    {
      if (i > 0)
        g_prefix_error (error, "'%s' builds on a file that cannot be used: ", name_of (chain, i - 1));
      return false;
    }
  *generation = g_strdup (dump->tracking.generation);
  return true;
}

bool
vth_chain_check (const VthChain *chain, GCancellable *cancellable, GError **error)
{
  const unsigned int n = chain->fds->len - 1;
  g_autofree Layer *layers = g_new0 (Layer, n);
  g_autofree char *generation = NULL;
  bool ok = true;

  for (unsigned int i = 0; i < n; i++)
    if (!check_overlay (chain, i, cancellable, error))
      return false;
  if (!check_bottom (chain, n, &generation, error))
    return false;
  if (n == 0)
    return true;
  int heads = read_heads (chain, layers, n, cancellable, error);
  if (heads < 0)
    return false;
  for (unsigned int i = n; ok && i-- > 0;)
    ok = check_link (chain, i, heads, &layers[i], &generation, error);
  close (heads);
  return ok;
}
