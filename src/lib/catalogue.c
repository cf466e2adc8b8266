/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What dumps a place holds, and whose they are.
 *
 * Whose comes before what: of each file first the register is asked, by what
 * stat() tells, and only what is ours, or at least root's or the caller's, is
 * read at all.
 */
#include <config.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "vth-private.h"

static bool
is_beside (const char *name)
{
  return g_str_has_suffix (name, VTH_RECORD_SUFFIX) || g_str_has_suffix (name, VTH_MANIFEST_SUFFIX);
}

/* Other files are none of our business; that ours cannot be read is. */
static bool
is_no_dump (const GError *reason)
{
  return g_error_matches (reason, VTH_ERROR, VTH_ERROR_FORMAT) || g_error_matches (reason, VTH_ERROR, VTH_ERROR_NOT_FOUND);
}

/* Whether it is ours by @entry, which is of that very file. */
static bool
agrees (const VthEntry *entry, const VthDump *dump, const VthNoteInfo *info)
{
  /* The record beside it is somebody else's: what is said of the file is not what we said. */
  if (info->is_foreign)
    return false;
  if (entry->begun_s != 0)
    return vth_entry_may_be (entry, dump);
  return entry->generation == NULL || dump->tracking.generation == NULL
         || strcmp (entry->generation, dump->tracking.generation) == 0;
}

/* What nothing could be written into or beside, and what is only describing anyway. */
static void
apply_entry (VthDump *dump, const VthEntry *entry)
{
  dump->own = true;
  g_free (dump->uuid);
  dump->uuid = g_strdup (entry->uuid);
  if (entry->schedule != NULL)
    {
      g_free (dump->schedule);
      dump->schedule = g_strdup (entry->schedule);
    }
  if (!dump->names_itself && entry->time_s != 0)
    dump->time_s = entry->time_s;
}

/* A file as a dump of ours; NULL without error if it is none. */
static VthDump *
own_dump (VthOutput *output, GHashTable *entries, const char *name, GError **error)
{
  g_auto (VthIdentity) identity = { 0 };
  g_autoptr (GError) reason = NULL;
  VthNoteInfo info = { 0 };
  g_autofree char *place = vth_output_place (output, name);

  if (is_beside (name) || !g_hash_table_contains (entries, place) || !vth_output_identify (output, name, &identity, NULL))
    return NULL;
  const VthEntry *entry = vth_register_find (entries, &identity);
  if (entry == NULL)
    return NULL;
  g_autoptr (VthDump) dump = vth_output_inspect_all (output, name, &info, &reason);
  if (dump == NULL)
    {
      if (!is_no_dump (reason))
        g_propagate_error (error, g_steal_pointer (&reason));
      return NULL;
    }
  if (!agrees (entry, dump, &info))
    return NULL;
  apply_entry (dump, entry);
  return g_steal_pointer (&dump);
}

/* What the register says of a file of ours that is not to be read any more, nor to vanish: it was given to somebody else. */
static VthDump *
given_away (VthOutput *output, const VthEntry *entry, const char *name, const VthIdentity *identity)
{
  if (entry == NULL || entry->begun_s != 0)
    return NULL;
  VthDump *dump = g_new0 (VthDump, 1);
  dump->name = g_strdup (name);
  dump->path = g_build_filename (vth_output_get_path (output), name, NULL);
  dump->pool = vth_output_get_kind (output) == VTH_OUTPUT_POOL ? g_strdup (vth_output_get_target (output)) : NULL;
  dump->uuid = g_strdup (entry->uuid);
  dump->schedule = g_strdup (entry->schedule != NULL ? entry->schedule : "manual");
  dump->time_s = entry->time_s;
  dump->size_bytes = identity->size_bytes;
  dump->format = (VthFormat) -1; /* not known */
  dump->changed = true;
  return dump;
}

/* The same of a file that says it is one, and that this host did not write, or not as it is. */
static VthDump *
foreign_dump (VthOutput *output, GHashTable *entries, const char *name, GError **error)
{
  g_auto (VthIdentity) identity = { 0 };
  g_autoptr (GError) reason = NULL;
  VthNoteInfo info = { 0 };

  if (is_beside (name) || !vth_output_identify (output, name, &identity, NULL))
    return NULL;
  const VthEntry *entry = g_hash_table_lookup (entries, identity.path);
  if (identity.is_foreign)
    return given_away (output, entry, name, &identity);
  /* Also if that cannot be told: a guest writes its disk as it likes. */
  if (!vth_output_check_unused (output, name, "read", NULL))
    return NULL;
  g_autoptr (VthDump) dump = vth_output_inspect_all (output, name, &info, &reason);
  if (dump == NULL && !is_no_dump (reason))
    g_propagate_error (error, g_steal_pointer (&reason));
  if (dump != NULL && info.is_foreign)
    return given_away (output, entry, name, &identity);
  if (dump == NULL || !dump->names_itself)
    return NULL;
  dump->changed = entry != NULL && entry->begun_s == 0;
  return g_steal_pointer (&dump);
}

VthDump *
vth_dump_of_file (VthOutput *output, const char *uuid, const char *name, GError **error)
{
  g_autoptr (GHashTable) entries = vth_register_read (output, uuid, error);

  return entries != NULL ? own_dump (output, entries, name, error) : NULL;
}

bool
vth_output_owns (VthOutput *output, const char *uuid, const char *name)
{
  g_autoptr (GHashTable) entries = vth_register_read (output, uuid, NULL);
  g_auto (VthIdentity) identity = { 0 };
  const VthEntry *entry = entries != NULL && vth_output_identify (output, name, &identity, NULL)
                              ? vth_register_find (entries, &identity)
                              : NULL;

  return entry != NULL && entry->begun_s == 0;
}

/* --- one --- */

static void
ask_register (VthOutput *output, VthDump *dump, const VthNoteInfo *info)
{
  g_auto (VthIdentity) identity = { 0 };
  g_autoptr (GHashTable) entries = vth_register_read (output, dump->uuid, NULL);
  const VthEntry *entry = entries != NULL && vth_output_identify (output, dump->name, &identity, NULL)
                              ? vth_register_find (entries, &identity)
                              : NULL;

  if (entry != NULL && agrees (entry, dump, info))
    apply_entry (dump, entry);
}

VthDump *
vth_dump_inspect (const char *path, GError **error)
{
  VthNoteInfo info = { 0 };
  g_autofree char *record = g_strconcat (path, VTH_RECORD_SUFFIX, NULL);
  g_autofree char *manifest = g_strconcat (path, VTH_MANIFEST_SUFFIX, NULL);
  g_autofree char *dir = g_path_get_dirname (path);
  g_autofree char *from_root = g_canonicalize_filename (dir, NULL);
  VthDump *dump = vth_file_inspect (path, 0, &info, error);

  if (dump == NULL)
    return NULL;
  struct stat st;
  size_t length = 0;
  g_autofree char *text = info.note_offset == 0 ? vth_file_read_small (record, 0, &st, &length, NULL) : NULL;
  if (text != NULL)
    {
      vth_note_apply_json (dump, text, strlen (text), NULL);
      info.is_foreign = info.is_foreign || !vth_is_trusted (st.st_uid);
    }
  dump->has_manifest = g_file_test (manifest, G_FILE_TEST_IS_REGULAR);
  g_autoptr (VthOutput) output = vth_output_new (NULL, VTH_OUTPUT_DIR, from_root, NULL);
  if (output != NULL)
    ask_register (output, dump, &info);
  return dump;
}

VthDump *
vth_dump_inspect_in (VthOutput *output, const char *name, GError **error)
{
  VthNoteInfo info = { 0 };
  g_autofree char *manifest = g_strconcat (name, VTH_MANIFEST_SUFFIX, NULL);
  VthDump *dump = vth_output_inspect_all (output, name, &info, error);

  if (dump == NULL)
    return NULL;
  dump->has_manifest = vth_output_exists (output, manifest);
  ask_register (output, dump, &info);
  return dump;
}

/* --- all --- */

static int
oldest_first (const void *a, const void *b)
{
  const VthDump *x = *(VthDump *const *) a, *y = *(VthDump *const *) b;

  return vth_dump_order (&(VthRetentionItem){ .time_s = x->time_s, .time_ns = x->figures.t0_ns, .name = x->name },
                         &(VthRetentionItem){ .time_s = y->time_s, .time_ns = y->figures.t0_ns, .name = y->name });
}

static GPtrArray *
list (VthOutput *output, virDomainPtr domain, bool foreign, GError **error)
{
  char uuid[VIR_UUID_STRING_BUFLEN] = "";
  if (domain != NULL)
    virDomainGetUUIDString (domain, uuid);
  g_autoptr (GPtrArray) files = vth_output_files (output, error);
  g_autoptr (GHashTable) entries = files != NULL ? vth_register_read (output, domain != NULL ? uuid : NULL, error) : NULL;
  g_autoptr (GPtrArray) dumps = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_dump_free);
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GError) unread = NULL;

  if (entries == NULL)
    return NULL;
  for (unsigned int i = 0; i < files->len; i++)
    g_hash_table_add (names, ((VthFile *) files->pdata[i])->name);
  for (unsigned int i = 0; i < files->len; i++)
    {
      const VthFile *file = files->pdata[i];
      GError **reason = unread == NULL ? &unread : NULL;
      g_autoptr (VthDump) dump = own_dump (output, entries, file->name, reason);
      if (dump == NULL && foreign)
        dump = foreign_dump (output, entries, file->name, unread == NULL ? &unread : NULL);
      if (dump == NULL || (domain != NULL && g_ascii_strcasecmp (dump->uuid, uuid) != 0))
        continue;
      if (dump->domain == NULL && domain != NULL)
        dump->domain = g_strdup (virDomainGetName (domain));
      if (dump->allocated_bytes == 0)
        dump->allocated_bytes = file->allocated_bytes;
      g_autofree char *manifest = g_strconcat (file->name, VTH_MANIFEST_SUFFIX, NULL);
      dump->has_manifest = g_hash_table_contains (names, manifest);
      g_ptr_array_add (dumps, g_steal_pointer (&dump));
    }
  /* Other people's files are no matter; but "no dumps" must not mean "none that could be read". */
  if (dumps->len == 0 && unread != NULL)
    {
      g_propagate_prefixed_error (error, g_steal_pointer (&unread), "cannot list the dumps in '%s': ", vth_output_get_target (output));
      return NULL;
    }
  g_ptr_array_sort (dumps, oldest_first);
  return g_steal_pointer (&dumps);
}

GPtrArray *
vth_dump_list (VthOutput *output, virDomainPtr domain, GError **error)
{
  return list (output, domain, false, error);
}

GPtrArray *
vth_dump_list_all (VthOutput *output, virDomainPtr domain, GError **error)
{
  return list (output, domain, true, error);
}

/* --- taking in --- */

bool
vth_dump_adopt (VthOutput *output, const char *name, GError **error)
{
  g_auto (VthIdentity) identity = { 0 };
  VthNoteInfo info = { 0 };

  if (is_beside (name))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "'%s' is no dump: it is adopted with the one it belongs to", name);
      return false;
    }
  if (!vth_output_identify (output, name, &identity, error) || !vth_output_check_unused (output, name, "adopted", error))
    return false;
  if (identity.is_foreign && vth_output_get_kind (output) == VTH_OUTPUT_DIR)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_UNSAFE, "'%s' is not adopted: it belongs to somebody else, who may change it: chown it",
                   identity.path);
      return false;
    }
  g_autoptr (VthDump) dump = vth_output_inspect_all (output, name, &info, error);
  if (dump == NULL)
    return false;
  if (!dump->names_itself || info.is_foreign || !g_uuid_string_is_valid (dump->uuid))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT,
                   "'%s' is not adopted: neither it nor a record beside it says which domain and schedule it is of, and that it had "
                   "this name", name);
      return false;
    }
  return vth_register_add (output, dump, error);
}

/* --- replacing --- */

const char *
vth_backing_find (GHashTable *backing, const char *name)
{
  GHashTableIter iter;
  void *file, *needed;

  g_hash_table_iter_init (&iter, backing);
  while (g_hash_table_iter_next (&iter, &file, &needed))
    if (strcmp (needed, name) == 0)
      return file;
  return NULL;
}

bool
vth_output_check_replace (VthOutput *output, const char *name, GError **error)
{
  if (!vth_output_exists (output, name))
    return true;
  if (!vth_output_check_unused (output, name, "replaced", error))
    return false;
  g_autoptr (GHashTable) backing = vth_output_backing (output, error);
  const char *by = backing != NULL ? vth_backing_find (backing, name) : NULL;
  if (backing == NULL)
    g_prefix_error (error, "'%s' is not replaced: ", name);
  else if (by != NULL)
    g_set_error (error, VTH_ERROR, VTH_ERROR_LOCKED, "'%s' is not replaced: '%s' builds on it: choose another name", name, by);
  return backing != NULL && by == NULL;
}
