/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whose a file is: the register of what this host wrote.
 *
 * What a file says of itself can be said by anybody, also by a guest that
 * writes to its own disk.  So a file is ours if it has an entry here and still
 * is the file of that entry: the path, the inode with the time it was made, the
 * size, and the time it was last written.  It is not if it was copied, restored,
 * or changed.  The number of the device is none of this: NFS, btrfs and device
 * mapper give others at the next mount.
 *
 * A JSON file per domain, register/UUID.json in the state directory, with a lock
 * beside it.  What is begun is written down before there is a file, so that a
 * dump whose vthunder was killed is known as ours.
 *
 * Knows nothing of retention, and does not look into files but to take in what
 * the state of an older vthunder proves.
 */
#include <config.h>

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "vth-private.h"

#define REGISTER_DIR "register"
#define REGISTER_VERSION 1
/* Of dumps that were begun and never seen: libvirt may still be writing one whose vthunder was killed. */
#define BEGUN_MAX 8
#define CHAIN_MAX 1024

static void
entry_free (VthEntry *entry)
{
  if (entry == NULL)
    return;
  g_free (entry->uuid);
  g_free (entry->schedule);
  g_free (entry->generation);
  vth_identity_clear (&entry->identity);
  entry_free (entry->next);
  g_free (entry);
}

static GPtrArray *
entries_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) entry_free);
}

void
vth_identity_clear (VthIdentity *identity)
{
  g_clear_pointer (&identity->host, g_free);
  g_clear_pointer (&identity->path, g_free);
}

/* Takes what @identity has. */
static VthEntry *
entry_new (const char *uuid, VthIdentity *identity, const VthDump *dump)
{
  VthEntry *entry = g_new0 (VthEntry, 1);

  entry->uuid = g_ascii_strdown (uuid, -1);
  entry->identity = *identity;
  memset (identity, 0, sizeof *identity);
  entry->schedule = g_strdup (dump->schedule);
  entry->generation = g_strdup (dump->tracking.generation);
  entry->time_s = dump->time_s;
  return entry;
}

/* --- the file --- */

/* Paths are bytes, JSON is UTF-8: what is not goes as %XX, as in file names made from templates. */
static char *
escape (const char *path)
{
  return g_uri_escape_string (path, G_URI_RESERVED_CHARS_ALLOWED_IN_PATH " ", TRUE);
}

static VthEntry *
read_entry (const char *uuid, JsonObject *object)
{
  g_autofree char *path = g_uri_unescape_string (json_object_get_string_member_with_default (object, "path", ""), NULL);

  if (path == NULL || *path != '/')
    return NULL;
  VthEntry *entry = g_new0 (VthEntry, 1);
  entry->uuid = g_strdup (uuid);
  entry->identity.path = g_steal_pointer (&path);
  entry->identity.host = g_strdup (json_object_get_string_member_with_default (object, "host", NULL));
  entry->identity.device = (uint64_t) json_object_get_int_member_with_default (object, "device", 0);
  entry->identity.inode = (uint64_t) json_object_get_int_member_with_default (object, "inode", 0);
  entry->identity.size_bytes = (uint64_t) json_object_get_int_member_with_default (object, "size", 0);
  entry->identity.born_ns = json_object_get_int_member_with_default (object, "born-ns", 0);
  entry->identity.written_ns = json_object_get_int_member_with_default (object, "written-ns", 0);
  entry->schedule = g_strdup (json_object_get_string_member_with_default (object, "schedule", NULL));
  entry->generation = g_strdup (json_object_get_string_member_with_default (object, "generation", NULL));
  entry->time_s = json_object_get_int_member_with_default (object, "time", 0);
  entry->begun_s = json_object_get_int_member_with_default (object, "begun", 0);
  return entry;
}

static void
set_string (JsonObject *object, const char *name, const char *value)
{
  if (value != NULL)
    json_object_set_string_member (object, name, value);
}

static void
set_int (JsonObject *object, const char *name, int64_t value)
{
  if (value != 0)
    json_object_set_int_member (object, name, value);
}

static JsonObject *
write_entry (const VthEntry *entry)
{
  JsonObject *object = json_object_new ();
  g_autofree char *path = escape (entry->identity.path);

  set_string (object, "path", path);
  set_string (object, "host", entry->identity.host);
  set_int (object, "device", (int64_t) entry->identity.device);
  set_int (object, "inode", (int64_t) entry->identity.inode);
  set_int (object, "size", (int64_t) entry->identity.size_bytes);
  set_int (object, "born-ns", entry->identity.born_ns);
  set_int (object, "written-ns", entry->identity.written_ns);
  set_string (object, "schedule", entry->schedule);
  set_string (object, "generation", entry->generation);
  set_int (object, "time", entry->time_s);
  set_int (object, "begun", entry->begun_s);
  return object;
}

static char *
path_in (const char *state_dir, const char *uuid, const char *suffix)
{
  g_autofree char *lower = g_ascii_strdown (uuid, -1);
  g_autofree char *name = g_strconcat (lower, suffix, NULL);
  return g_build_filename (state_dir, REGISTER_DIR, name, NULL);
}

/* @exists: an empty register is not the same as none.  Taking a broken one for empty would make all dumps somebody else's. */
static GPtrArray *
load (const char *state_dir, const char *uuid, bool *exists, GError **error)
{
  g_autofree char *path = path_in (state_dir, uuid, ".json");
  g_autofree char *text = NULL;
  g_autoptr (GError) reason = NULL;
  g_autoptr (GPtrArray) entries = entries_new ();
  gsize length = 0;

  *exists = g_file_get_contents (path, &text, &length, &reason);
  if (!*exists && g_error_matches (reason, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    return g_steal_pointer (&entries);
  if (!*exists)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_IO, "cannot read '%s': %s", path, reason->message);
      return NULL;
    }
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonNode *root = json_parser_load_from_data (parser, text, (gssize) length, &reason) ? json_parser_get_root (parser) : NULL;
  JsonObject *object = root != NULL && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  if (object == NULL)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_CONFIG,
                   "the register of dumps '%s' is broken: %s: restore it, or remove it and adopt the dumps with dump-adopt",
                   path, reason != NULL ? reason->message : "no JSON object");
      return NULL;
    }
  if (json_object_get_int_member_with_default (object, "version", 0) > REGISTER_VERSION)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_CONFIG, "the register of dumps '%s' is of a newer vthunder", path);
      return NULL;
    }
  JsonNode *files = json_object_get_member (object, "files");
  JsonArray *array = files != NULL && JSON_NODE_HOLDS_ARRAY (files) ? json_node_get_array (files) : NULL;
  for (unsigned int i = 0; array != NULL && i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);
      VthEntry *entry = JSON_NODE_HOLDS_OBJECT (node) ? read_entry (uuid, json_node_get_object (node)) : NULL;
      if (entry != NULL)
        g_ptr_array_add (entries, entry);
    }
  return g_steal_pointer (&entries);
}

static bool
save (const char *state_dir, const char *uuid, GPtrArray *entries, GError **error)
{
  g_autofree char *path = path_in (state_dir, uuid, ".json");
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();
  JsonArray *array = json_array_new ();

  json_node_take_object (root, object);
  json_object_set_int_member (object, "version", REGISTER_VERSION);
  json_object_set_array_member (object, "files", array);
  for (unsigned int i = 0; i < entries->len; i++)
    json_array_add_object_element (array, write_entry (entries->pdata[i]));
  g_autofree char *text = json_to_string (root, TRUE);
  return vth_file_replace (path, text, -1, 0600, error);
}

/* Held for as long as it takes to read and write the file: waited for. */
static int
lock (const char *state_dir, const char *uuid, GError **error)
{
  g_autofree char *path = path_in (state_dir, uuid, ".lock");
  g_autofree char *dir = g_path_get_dirname (path);

  if (!g_uuid_string_is_valid (uuid))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "'%s' is no UUID of a domain", uuid);
      return -1;
    }
  return vth_mkdir_private (dir, error) ? vth_lock_file (path, true, NULL, error) : -1;
}

/* --- what an older vthunder knew --- */

/* Adds the file @name of @output if it is a dump of the domain as the state describes it.  @generation, @time_s, @size_bytes:
 * NULL and 0 where it says nothing. */
static VthDump *
take_in (GPtrArray *entries, VthOutput *output, const char *uuid, const char *name, const char *generation, int64_t time_s,
         uint64_t size_bytes)
{
  g_auto (VthIdentity) identity = { 0 };
  VthNoteInfo info = { 0 };

  if (!vth_output_identify (output, name, &identity, NULL) || identity.is_foreign
      || (size_bytes != 0 && identity.size_bytes != size_bytes))
    return NULL;
  for (unsigned int i = 0; i < entries->len; i++)
    if (strcmp (((VthEntry *) entries->pdata[i])->identity.path, identity.path) == 0)
      return NULL;
  g_autoptr (VthDump) dump = vth_output_inspect_all (output, name, &info, NULL);
  if (dump == NULL || info.is_foreign || !dump->names_itself || g_ascii_strcasecmp (dump->uuid, uuid) != 0
      || (time_s != 0 && dump->time_s != time_s) || (generation != NULL && g_strcmp0 (dump->tracking.generation, generation) != 0))
    return NULL;
  g_ptr_array_add (entries, entry_new (uuid, &identity, dump));
  static const char *const suffixes[] = { VTH_RECORD_SUFFIX, VTH_MANIFEST_SUFFIX };
  for (unsigned int i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *beside = g_strconcat (name, suffixes[i], NULL);
      g_auto (VthIdentity) its = { 0 };
      if (vth_output_identify (output, beside, &its, NULL) && !its.is_foreign)
        g_ptr_array_add (entries, entry_new (uuid, &its, dump));
    }
  return g_steal_pointer (&dump);
}

/*
 * Where there is no register yet, what the state proves: the last dump, the one
 * that the next is to build on, and what these were written over, which their
 * notes name by generations that nobody else knows.
 */
static void
take_in_path (GPtrArray *entries, const char *uuid, const char *path, int64_t time_s, uint64_t size_bytes)
{
  if (path == NULL || !g_path_is_absolute (path))
    return;
  g_autofree char *dir = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *generation = NULL;
  g_autoptr (VthOutput) output = vth_output_new (NULL, VTH_OUTPUT_DIR, dir, NULL);
  for (unsigned int i = 0; output != NULL && name != NULL && i < CHAIN_MAX; i++)
    {
      g_autoptr (VthDump) dump = take_in (entries, output, uuid, name, generation, time_s, size_bytes);
      g_free (name);
      g_free (generation);
      name = dump != NULL && dump->tracking.base_generation != NULL ? g_strdup (dump->base) : NULL;
      generation = dump != NULL ? g_strdup (dump->tracking.base_generation) : NULL;
      time_s = 0;
      size_bytes = 0;
    }
}

static void
take_in_state (const char *state_dir, const char *uuid, GPtrArray *entries)
{
  g_autoptr (VthState) state = vth_state_load (state_dir, uuid, NULL);

  if (state == NULL)
    return;
  take_in_path (entries, uuid, state->last_path, state->last_dump_s, state->last_size_bytes);
  take_in_path (entries, uuid, state->tracked_path, 0, 0);
}

/* Under the lock, unless it is only looked at. */
static GPtrArray *
load_or_take_in (VthOutput *output, const char *uuid, bool *is_new, GError **error)
{
  const char *state_dir = vth_output_get_state_dir (output);
  bool exists = false;
  GPtrArray *entries = load (state_dir, uuid, &exists, error);

  *is_new = entries != NULL && !exists;
  /* A path of a remote host is no path here. */
  if (*is_new && vth_output_is_local (output))
    take_in_state (state_dir, uuid, entries);
  return entries;
}

/* --- looking --- */

static void
add_domain (GHashTable *table, VthOutput *output, GPtrArray *entries)
{
  const char *host = vth_output_get_host (output);

  while (entries->len > 0)
    {
      VthEntry *entry = g_ptr_array_steal_index_fast (entries, entries->len - 1);
      if (g_strcmp0 (entry->identity.host, host) != 0)
        {
          entry_free (entry);
          continue;
        }
      void *key = NULL, *old = NULL;
      if (g_hash_table_steal_extended (table, entry->identity.path, &key, &old))
        entry->next = old;
      g_hash_table_insert (table, entry->identity.path, entry);
    }
}

static bool
read_domain (GHashTable *table, VthOutput *output, const char *uuid, GError **error)
{
  bool is_new = false;
  g_autoptr (GPtrArray) entries = load_or_take_in (output, uuid, &is_new, error);

  if (entries == NULL)
    return false;
  if (is_new && entries->len > 0)
    {
      /* Once: later the state will name another dump.  Who may not write the register may still look. */
      const char *state_dir = vth_output_get_state_dir (output);
      int fd = lock (state_dir, uuid, NULL);
      g_autofree char *path = path_in (state_dir, uuid, ".json");
      if (fd >= 0 && !g_file_test (path, G_FILE_TEST_EXISTS))
        save (state_dir, uuid, entries, NULL);
      if (fd >= 0)
        close (fd);
    }
  add_domain (table, output, entries);
  return true;
}

/* The domains that @dir has a file of. */
static void
list_uuids (const char *dir, GHashTable *uuids)
{
  g_autoptr (GDir) listing = g_dir_open (dir, 0, NULL);
  const char *name;

  while (listing != NULL && (name = g_dir_read_name (listing)) != NULL)
    {
      g_autofree char *uuid = g_strndup (name, MIN (strlen (name), 36));
      if (g_uuid_string_is_valid (uuid) && strcmp (name + 36, ".json") == 0)
        g_hash_table_add (uuids, g_steal_pointer (&uuid));
    }
}

bool
vth_register_check (const char *state_dir, GError **error)
{
  g_autoptr (GHashTable) uuids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *dir = g_build_filename (state_dir, REGISTER_DIR, NULL);
  GHashTableIter iter;
  void *key;
  bool ok = true, exists;

  list_uuids (dir, uuids);
  g_hash_table_iter_init (&iter, uuids);
  while (ok && g_hash_table_iter_next (&iter, &key, NULL))
    {
      g_autoptr (GPtrArray) entries = load (state_dir, key, &exists, error);
      ok = entries != NULL;
    }
  return ok;
}

GHashTable *
vth_register_read (VthOutput *output, const char *uuid, GError **error)
{
  g_autoptr (GHashTable) table = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) entry_free);
  g_autoptr (GHashTable) uuids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  const char *state_dir = vth_output_get_state_dir (output);
  g_autofree char *dir = state_dir != NULL ? g_build_filename (state_dir, REGISTER_DIR, NULL) : NULL;
  GHashTableIter iter;
  void *key;

  if (dir == NULL)
    return g_steal_pointer (&table);
  if (uuid == NULL)
    {
      list_uuids (dir, uuids);
      list_uuids (state_dir, uuids);
    }
  else if (g_uuid_string_is_valid (uuid))
    g_hash_table_add (uuids, g_ascii_strdown (uuid, -1));
  g_hash_table_iter_init (&iter, uuids);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    if (!read_domain (table, output, key, error))
      return NULL;
  return g_steal_pointer (&table);
}

static bool
is_entry_of (const VthEntry *entry, const VthIdentity *file)
{
  const VthIdentity *known = &entry->identity;

  /* It is known only that it was to come. */
  if (entry->begun_s != 0)
    return file->written_ns / 1000000000 >= entry->begun_s - 1 || file->written_ns == 0;
  return known->inode == file->inode && known->size_bytes == file->size_bytes && known->written_ns == file->written_ns
         && (known->born_ns == file->born_ns || known->born_ns == 0 || file->born_ns == 0);
}

const VthEntry *
vth_register_find (GHashTable *table, const VthIdentity *file)
{
  for (const VthEntry *entry = g_hash_table_lookup (table, file->path); entry != NULL; entry = entry->next)
    if (is_entry_of (entry, file))
      return entry;
  return NULL;
}

/* --- writing --- */

static void
drop_path (GPtrArray *entries, const VthIdentity *identity)
{
  for (unsigned int i = entries->len; i-- > 0;)
    {
      const VthEntry *entry = entries->pdata[i];
      if (strcmp (entry->identity.path, identity->path) == 0 && g_strcmp0 (entry->identity.host, identity->host) == 0)
        g_ptr_array_remove_index (entries, i);
    }
}

/* One that was killed before it wrote its own words into the file leaves those of the engine, which name the domain. */
bool
vth_entry_may_be (const VthEntry *entry, const VthDump *dump)
{
  return dump->uuid != NULL && g_ascii_strcasecmp (dump->uuid, entry->uuid) == 0
         && (dump->names_itself || dump->schedule == NULL);
}

/* What became of a dump that was begun: its file is ours if nobody but us can have written it. */
static bool
complete_begun (VthEntry *entry)
{
  g_autofree char *dir = g_path_get_dirname (entry->identity.path);
  g_autofree char *name = g_path_get_basename (entry->identity.path);
  g_autoptr (VthOutput) output = entry->identity.host == NULL ? vth_output_new (NULL, VTH_OUTPUT_DIR, dir, NULL) : NULL;
  g_auto (VthIdentity) file = { 0 };
  VthNoteInfo info = { 0 };

  if (output == NULL || !vth_output_identify (output, name, &file, NULL) || file.is_foreign || !is_entry_of (entry, &file))
    return false;
  g_autoptr (VthDump) dump = vth_output_inspect_all (output, name, &info, NULL);
  if (dump == NULL || info.is_foreign || !vth_entry_may_be (entry, dump))
    return false;
  vth_identity_clear (&entry->identity);
  entry->identity = file;
  memset (&file, 0, sizeof file);
  entry->begun_s = 0;
  entry->time_s = dump->time_s;
  entry->generation = g_strdup (dump->tracking.generation);
  return true;
}

/* Whether somebody removed the file, and not that its file system is not mounted. */
static bool
is_gone (const VthIdentity *identity)
{
  g_autofree char *dir = g_path_get_dirname (identity->path);
  struct stat st;

  return identity->host == NULL && identity->device != 0 && lstat (identity->path, &st) < 0 && errno == ENOENT
         && stat (dir, &st) == 0 && (uint64_t) st.st_dev == identity->device;
}

static void
clean_up (GPtrArray *entries)
{
  unsigned int n_begun = 0;

  for (unsigned int i = entries->len; i-- > 0;)
    {
      VthEntry *entry = entries->pdata[i];
      if (entry->begun_s != 0 && !complete_begun (entry) && (++n_begun > BEGUN_MAX || g_file_test (entry->identity.path, G_FILE_TEST_EXISTS)))
        g_ptr_array_remove_index (entries, i);
      else if (entry->begun_s == 0 && is_gone (&entry->identity))
        g_ptr_array_remove_index (entries, i);
    }
}

bool
vth_register_begin (VthOutput *output, const VthHost *host, const VthDump *dump, GError **error)
{
  vth_output_set_state_dir (output, vth_host_get_state_dir (host));
  /* What libvirt writes there is never seen. */
  if (vth_output_get_kind (output) == VTH_OUTPUT_DIR && !vth_output_is_local (output))
    return true;
  const char *state_dir = vth_output_get_state_dir (output);
  int fd = lock (state_dir, dump->uuid, error);
  if (fd < 0)
    return false;
  bool is_new = false, ok = false;
  g_autoptr (GPtrArray) entries = load_or_take_in (output, dump->uuid, &is_new, error);
  if (entries != NULL)
    {
      VthIdentity place = { .host = g_strdup (vth_output_get_host (output)), .path = vth_output_place (output, dump->name) };
      clean_up (entries);
      VthEntry *entry = entry_new (dump->uuid, &place, dump);
      entry->begun_s = MAX (g_get_real_time () / G_USEC_PER_SEC, 1);
      g_ptr_array_add (entries, entry);
      ok = save (state_dir, dump->uuid, entries, error);
    }
  close (fd);
  return ok;
}

/* What was there before under the path, or was begun earlier and is still to come, stays. */
void
vth_register_give_up (VthOutput *output, const VthDump *dump)
{
  const char *state_dir = vth_output_get_state_dir (output);
  g_autofree char *place = vth_output_place (output, dump->name);
  int fd = lock (state_dir, dump->uuid, NULL);
  bool exists = false;

  if (fd < 0)
    return;
  g_autoptr (GPtrArray) entries = load (state_dir, dump->uuid, &exists, NULL);
  bool found = false;
  for (unsigned int i = entries != NULL ? entries->len : 0; !found && i-- > 0;)
    {
      const VthEntry *entry = entries->pdata[i];
      found = entry->begun_s != 0 && strcmp (entry->identity.path, place) == 0;
      if (found)
        g_ptr_array_remove_index (entries, i);
    }
  if (entries != NULL && exists)
    save (state_dir, dump->uuid, entries, NULL);
  close (fd);
}

/* False: it is taken in without having been seen to come. */
static bool
was_begun (GPtrArray *entries, const char *path)
{
  for (unsigned int i = 0; i < entries->len; i++)
    {
      const VthEntry *entry = entries->pdata[i];
      if (entry->begun_s != 0 && strcmp (entry->identity.path, path) == 0)
        return true;
    }
  return false;
}

/* @since_ns: what was there before is not ours. */
static bool
add_file (GPtrArray *entries, VthOutput *output, const VthDump *dump, const char *name, int64_t since_ns, GError **error)
{
  g_auto (VthIdentity) identity = { 0 };

  if (!vth_output_identify (output, name, &identity, error))
    return false;
  if (identity.written_ns != 0 && identity.written_ns < since_ns - 1000000000)
    return false;
  if (identity.is_foreign && vth_output_get_kind (output) == VTH_OUTPUT_DIR)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_UNSAFE, "'%s' belongs to somebody else", identity.path);
      return false;
    }
  drop_path (entries, &identity);
  g_ptr_array_add (entries, entry_new (dump->uuid, &identity, dump));
  return true;
}

bool
vth_register_add (VthOutput *output, VthDump *dump, GError **error)
{
  const char *state_dir = vth_output_get_state_dir (output);
  g_autofree char *record = g_strconcat (dump->name, VTH_RECORD_SUFFIX, NULL);
  g_autofree char *manifest = g_strconcat (dump->name, VTH_MANIFEST_SUFFIX, NULL);

  dump->own = false;
  int fd = lock (state_dir, dump->uuid, error);
  if (fd < 0)
    return false;
  bool is_new = false, ok = false;
  g_autoptr (GPtrArray) entries = load_or_take_in (output, dump->uuid, &is_new, error);
  g_autofree char *place = vth_output_place (output, dump->name);
  const bool begun = entries != NULL && was_begun (entries, place);
  if (entries != NULL && add_file (entries, output, dump, dump->name, 0, error))
    {
      /* By the clock that files have their times from, which an NFS server may have: not by ours. */
      const VthEntry *added = entries->pdata[entries->len - 1];
      const int64_t since_ns = begun ? added->identity.written_ns : 0;
      add_file (entries, output, dump, record, since_ns, NULL);
      add_file (entries, output, dump, manifest, since_ns, NULL);
      ok = save (state_dir, dump->uuid, entries, error);
    }
  close (fd);
  dump->own = ok;
  return ok;
}

void
vth_register_drop (VthOutput *output, const char *uuid, const char *const *names)
{
  const char *state_dir = vth_output_get_state_dir (output);
  int fd = lock (state_dir, uuid, NULL);
  bool exists = false;

  if (fd < 0)
    return;
  g_autoptr (GPtrArray) entries = load (state_dir, uuid, &exists, NULL);
  for (; entries != NULL && *names != NULL; names++)
    {
      g_auto (VthIdentity) place = { .host = g_strdup (vth_output_get_host (output)), .path = vth_output_place (output, *names) };
      drop_path (entries, &place);
    }
  /* What stays in it if that fails is an entry without a file. */
  if (entries != NULL && exists)
    save (state_dir, uuid, entries, NULL);
  close (fd);
}
