/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dumps that are qcow2 overlays: what their header says, and the chain of files
 * they need.
 *
 * Nothing here reads guest memory out of one; qemu-img does that (export.c).
 * A header may be anybody's: names in it are only ever taken for names of files
 * beside it.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vth-private.h"

#define HEADER_BYTES 104
#define BACKING_BYTES_MAX 1023
/* Far more than VTH_OVERLAYS_MAX: others may have made it, and have the time. */
#define CHAIN_MAX 1024

/* A header may claim anything; no guest is larger than that. */
#define VIRTUAL_BYTES_MAX (UINT64_C (1) << 46)

#define INCOMPATIBLE_DIRTY (UINT64_C (1) << 0)
#define INCOMPATIBLE_COMPRESSION (UINT64_C (1) << 3)
#define INCOMPATIBLE_EXTENDED_L2 (UINT64_C (1) << 4)

static uint32_t
be32 (const unsigned char *p)
{
  uint32_t v;
  memcpy (&v, p, sizeof v);
  return GUINT32_FROM_BE (v);
}

static uint64_t
be64 (const unsigned char *p)
{
  uint64_t v;
  memcpy (&v, p, sizeof v);
  return GUINT64_FROM_BE (v);
}

bool
vth_is_qcow2 (const unsigned char magic[4])
{
  return memcmp (magic, "QFI\xfb", 4) == 0;
}

bool
vth_dump_is_overlay (const VthDump *dump)
{
  return dump != NULL && g_strcmp0 (dump->tracking.storage, "overlay") == 0;
}

void
vth_overlay_clear (VthOverlay *overlay)
{
  g_clear_pointer (&overlay->backing, g_free);
}

bool
vth_overlay_probe (const VthSource *source, const char *what, VthOverlay *overlay, GError **error)
{
  unsigned char head[HEADER_BYTES] = { 0 };
  char name[BACKING_BYTES_MAX + 1] = "";

  if (source->size_bytes < HEADER_BYTES)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is no memory dump: it is too short", what);
      return false;
    }
  if (!source->read (source->reader, 0, head, sizeof head, error))
    return false;
  uint32_t version = be32 (head + 4), length = be32 (head + 16);
  uint64_t offset = be64 (head + 8);
  if (!vth_is_qcow2 (head) || version < 2 || version > 3)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is no qcow2 file", what);
      return false;
    }
  if (length > BACKING_BYTES_MAX || (length > 0 && (offset > source->size_bytes || length > source->size_bytes - offset)))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is damaged: the name of its backing file is not within it", what);
      return false;
    }
  if (length > 0 && offset > 0 && !source->read (source->reader, offset, name, length, error))
    return false;
  uint64_t features = version == 3 ? be64 (head + 72) : 0;
  overlay->backing = length > 0 && offset > 0 && strlen (name) == length ? g_strdup (name) : NULL;
  overlay->virtual_bytes = be64 (head + 24);
  /* An external data file could be any file of the host; a corrupt or encrypted image is none of QEMU's dump. */
  overlay->is_plain = be32 (head + 32) == 0
                      && (features & ~(INCOMPATIBLE_DIRTY | INCOMPATIBLE_COMPRESSION | INCOMPATIBLE_EXTENDED_L2)) == 0;
  return true;
}

char *
vth_overlay_sibling (const char *backing, const char *dir)
{
  const char *name = backing;

  if (*backing == '/')
    {
      g_autofree char *plain = g_canonicalize_filename (backing, NULL);
      g_autofree char *its_dir = g_path_get_dirname (plain);
      return strcmp (its_dir, dir) == 0 ? g_path_get_basename (plain) : NULL;
    }
  if (g_str_has_prefix (name, "./"))
    name += 2;
  else if (strchr (name, ':') != NULL)
    return NULL; /* a protocol of QEMU's: nbd:..., json:{...} */
  if (*name == '\0' || strchr (name, '/') != NULL || strcmp (name, ".") == 0 || strcmp (name, "..") == 0)
    return NULL;
  return g_strdup (name);
}

static void
add_path (GPtrArray *paths, const char *path, const char *dir)
{
  g_ptr_array_add (paths, g_canonicalize_filename (path, dir));
}

/* All texts in it: a file name may be at any depth. */
static void
add_json (GPtrArray *paths, JsonNode *node, const char *dir)
{
  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
    add_path (paths, json_node_get_string (node), dir);
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return;
  JsonObjectIter iter;
  JsonNode *member;
  json_object_iter_init (&iter, json_node_get_object (node));
  while (json_object_iter_next (&iter, NULL, &member))
    add_json (paths, member, dir);
}

GPtrArray *
vth_overlay_paths (const char *backing, const char *dir)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);

  if (g_str_has_prefix (backing, "json:"))
    {
      g_autoptr (JsonParser) parser = json_parser_new ();
      if (g_utf8_validate (backing, -1, NULL) && json_parser_load_from_data (parser, backing + 5, -1, NULL)
          && json_parser_get_root (parser) != NULL)
        add_json (paths, json_parser_get_root (parser), dir);
      return paths;
    }
  add_path (paths, backing, dir);
  if (g_str_has_prefix (backing, "file:"))
    add_path (paths, backing + 5, dir);
  return paths;
}

bool
vth_overlay_is_last (VthOutput *output, const char *name, unsigned int position)
{
  VthNoteInfo info = { 0 };

  if (position < VTH_OVERLAYS_MAX)
    return false;
  g_autoptr (VthDump) dump = vth_output_inspect (output, name, &info, NULL);
  return dump == NULL || vth_dump_is_overlay (dump);
}

/* --- the chain --- */

void
vth_chain_clear (VthChain *chain)
{
  for (unsigned int i = 0; chain->fds != NULL && i < chain->fds->len; i++)
    close (g_array_index (chain->fds, int, i));
  g_clear_pointer (&chain->fds, g_array_unref);
  g_clear_pointer (&chain->names, g_ptr_array_unref);
  g_clear_pointer (&chain->virtual_bytes, g_array_unref);
  g_clear_pointer (&chain->dir, g_free);
}

static int
open_in (int dir_fd, const char *dir, const char *name, struct stat *st, GError **error)
{
  int fd = openat (dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

  if (fd < 0 && errno == ELOOP)
    g_set_error (error, VTH_ERROR, VTH_ERROR_UNSAFE, "'%s/%s' is a symbolic link, which is not followed here", dir, name);
  else if (fd < 0 || fstat (fd, st) < 0)
    vth_set_error_errno (error, errno, "cannot open '%s/%s'", dir, name);
  else if (!S_ISREG (st->st_mode))
    g_set_error (error, VTH_ERROR, VTH_ERROR_UNSAFE, "'%s/%s' is no regular file", dir, name);
  else
    return fd;
  if (fd >= 0)
    close (fd);
  return -1;
}

/* The name of the next file; NULL without an error at the end of the chain. */
static char *
next_of (VthChain *chain, const char *dir, const char *name, int fd, const struct stat *st, GError **error)
{
  VthSource source = vth_source_of_fd (&fd, (uint64_t) st->st_size);
  g_auto (VthOverlay) overlay = { 0 };
  unsigned char magic[4] = { 0 };

  if (st->st_size >= 4 && !source.read (source.reader, 0, magic, sizeof magic, error))
    return NULL;
  if (!vth_is_qcow2 (magic))
    return NULL;
  if (!vth_overlay_probe (&source, name, &overlay, error))
    return NULL;
  if (!overlay.is_plain || overlay.backing == NULL)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s/%s' is a qcow2 file, but no overlay that a dump wrote", dir, name);
      return NULL;
    }
  if (overlay.virtual_bytes == 0 || overlay.virtual_bytes > VIRTUAL_BYTES_MAX)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s/%s' is damaged: it claims %" G_GUINT64_FORMAT " bytes", dir, name,
                   overlay.virtual_bytes);
      return NULL;
    }
  g_array_append_val (chain->virtual_bytes, overlay.virtual_bytes);
  char *next = vth_overlay_sibling (overlay.backing, dir);
  if (next == NULL)
    g_set_error (error, VTH_ERROR, VTH_ERROR_UNSAFE,
                 "'%s/%s' builds on '%s', which is not in the same directory: move them together", dir, name, overlay.backing);
  return next;
}

bool
vth_chain_open (const char *path, VthChain *chain, GError **error)
{
  g_autofree char *real = realpath (path, NULL); /* of the file that was named, a link is the user's own */
  if (real == NULL)
    {
      vth_set_error_errno (error, errno, "cannot open '%s'", path);
      return false;
    }
  g_autofree char *dir = g_path_get_dirname (real);
  g_autofree char *name = g_path_get_basename (real);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GError *reason = NULL;
  int dir_fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  chain->fds = g_array_new (FALSE, FALSE, sizeof (int));
  chain->names = g_ptr_array_new_with_free_func (g_free);
  chain->virtual_bytes = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  chain->dir = g_strdup (dir);
  if (dir_fd < 0)
    vth_set_error_errno (&reason, errno, "cannot open '%s'", dir);
  while (reason == NULL && name != NULL)
    {
      struct stat st;
      if (!g_hash_table_add (seen, g_strdup (name)))
        {
          g_set_error (&reason, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is damaged: the files it builds on have no end", real);
          break;
        }
      if (chain->fds->len >= CHAIN_MAX)
        {
          g_set_error (&reason, VTH_ERROR, VTH_ERROR_UNSUPPORTED, "'%s' builds on more than %d files, too many to be read", real,
                       CHAIN_MAX - 1);
          break;
        }
      int fd = open_in (dir_fd, dir, name, &st, &reason);
      if (fd < 0)
        {
          if (chain->fds->len > 0)
            g_prefix_error (&reason, "'%s' builds on a file that cannot be used: ", real);
          break;
        }
      g_array_append_val (chain->fds, fd);
      g_ptr_array_add (chain->names, g_strdup (name));
      char *next = next_of (chain, dir, name, fd, &st, &reason);
      g_free (name);
      name = next;
    }
  if (dir_fd >= 0)
    close (dir_fd);
  if (reason == NULL)
    return true;
  vth_chain_clear (chain);
  g_propagate_error (error, reason);
  return false;
}
