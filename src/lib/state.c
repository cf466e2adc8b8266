/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this host remembers of a domain between runs: a small JSON file per
 * domain, and a lock file beside it.
 *
 * One file per domain lets dumps of different domains end at the same time
 * without waiting for each other.  The lock is flock(2): the kernel drops it
 * when its holder dies, so there is no stale one, and the file stays.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "vth-private.h"

#define STATE_VERSION 1
#define STATE_LIMIT_BYTES (4 << 20)

static void
schedule_state_free (VthScheduleState *state)
{
  g_free (state->schedule);
  g_free (state->cron);
  g_free (state);
}

VthState *
vth_state_new (const char *uuid)
{
  VthState *state = g_new0 (VthState, 1);
  state->uuid = g_strdup (uuid);
  state->schedules = g_ptr_array_new_with_free_func ((GDestroyNotify) schedule_state_free);
  return state;
}

void
vth_state_free (VthState *state)
{
  if (state == NULL)
    return;
  g_free (state->uuid);
  g_free (state->domain);
  g_free (state->last_path);
  g_free (state->last_error);
  g_free (state->running_schedule);
  g_free (state->running_name);
  g_free (state->put_away);
  g_free (state->tracked_path);
  g_free (state->tracked_pool);
  g_free (state->hidden);
  g_ptr_array_unref (state->schedules);
  g_free (state);
}

static void
set_tracked (VthState *state, const VthDump *dump)
{
  g_free (state->tracked_path);
  state->tracked_path = g_strdup (dump->path);
  g_free (state->tracked_pool);
  state->tracked_pool = g_strdup (dump->pool);
  state->tracked_position = dump->chain_position;
  state->tracked_start_s = dump->chain_start_s;
}

void
vth_state_set_result (VthState *state, const char *domain, const VthDump *dump, const GError *error)
{
  g_free (state->domain);
  state->domain = g_strdup (domain);
  state->last_failed = dump == NULL;
  g_free (state->last_error);
  state->last_error = error != NULL ? g_strdup (error->message) : NULL;
  if (dump == NULL)
    return;
  state->last_dump_s = dump->time_s;
  g_free (state->last_path);
  state->last_path = g_strdup (dump->path);
  state->last_paused = dump->paused;
  state->last_size_bytes = dump->size_bytes;
  state->last_pause_ns = dump->figures.pause_ns;
  state->last_stall_max_ns = dump->figures.stall_max_ns;
  state->last_total_ns = dump->figures.total_ns;
  /* One that is not tracked says nothing about those before: whether they can be built on still, libvirt knows. */
  if (dump->tracking.generation != NULL && dump->path != NULL)
    set_tracked (state, dump);
}

VthScheduleState *
vth_state_schedule (VthState *state, const char *schedule, bool create)
{
  for (unsigned int i = 0; i < state->schedules->len; i++)
    {
      VthScheduleState *s = state->schedules->pdata[i];
      if (strcmp (s->schedule, schedule) == 0)
        return s;
    }
  if (!create)
    return NULL;
  VthScheduleState *made = g_new0 (VthScheduleState, 1);
  made->schedule = g_strdup (schedule);
  g_ptr_array_add (state->schedules, made);
  return made;
}

bool
vth_state_is_ahead (const VthState *state, int64_t now_s)
{
  for (unsigned int i = 0; i < state->schedules->len; i++)
    if (((const VthScheduleState *) state->schedules->pdata[i])->seen_s > now_s + VTH_CLOCK_TOLERANCE_S)
      return true;
  return false;
}

void
vth_state_remove_schedule (VthState *state, const char *schedule)
{
  VthScheduleState *s = vth_state_schedule (state, schedule, false);
  if (s != NULL)
    g_ptr_array_remove (state->schedules, s);
}

static char *
path_in (const char *dir, const char *uuid, const char *suffix)
{
  g_autofree char *name = g_strconcat (uuid, suffix, NULL);
  return g_build_filename (dir, name, NULL);
}

/* Members that are absent or of another type count as empty. */
static int64_t
get_int (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64
             ? json_node_get_int (node)
             : 0;
}

/* @raw: all of the file was escaped before it was parsed. */
static char *
get_string (JsonObject *object, const char *name, bool raw)
{
  const char *text = raw ? vth_json_string (object, name) : NULL;
  return text != NULL ? vth_bytes_unescape (text) : vth_json_dup_bytes (object, name);
}

static JsonObject *
get_object (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static void
read_object (VthState *state, JsonObject *object, bool raw)
{
  state->domain = get_string (object, "domain", raw);
  state->last_dump_s = get_int (object, "last-dump");
  state->last_failed = get_int (object, "last-failed") != 0;
  state->last_path = get_string (object, "last-path", raw);
  state->last_error = get_string (object, "last-error", raw);
  state->last_paused = get_int (object, "last-paused") != 0;
  state->last_size_bytes = (uint64_t) get_int (object, "last-size");
  state->last_pause_ns = (uint64_t) get_int (object, "last-pause-ns");
  state->last_stall_max_ns = (uint64_t) get_int (object, "last-stall-max-ns");
  state->last_total_ns = (uint64_t) get_int (object, "last-total-ns");

  state->hidden = get_string (object, "hidden", raw);
  state->put_away = get_string (object, "put-away", raw);
  JsonObject *running = get_object (object, "running");
  if (running != NULL)
    {
      state->running_schedule = get_string (running, "schedule", raw);
      state->running_name = get_string (running, "name", raw);
      state->running_due_s = get_int (running, "due");
      state->running_start_s = get_int (running, "start");
    }
  JsonObject *tracked = get_object (object, "tracked");
  if (tracked != NULL)
    {
      int64_t position = get_int (tracked, "position");
      state->tracked_path = get_string (tracked, "path", raw);
      state->tracked_pool = get_string (tracked, "pool", raw);
      state->tracked_position = position > 0 && position <= G_MAXINT ? (unsigned int) position : 0;
      state->tracked_start_s = get_int (tracked, "start");
    }
  JsonObject *schedules = get_object (object, "schedules");
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;
  if (schedules == NULL)
    return;
  json_object_iter_init (&iter, schedules);
  while (json_object_iter_next (&iter, &name, &node))
    if (JSON_NODE_HOLDS_OBJECT (node))
      {
        VthScheduleState *s = vth_state_schedule (state, name, true);
        JsonObject *values = json_node_get_object (node);
        s->cron = get_string (values, "cron", raw);
        s->seen_s = get_int (values, "seen");
        s->last_due_s = get_int (values, "last-due");
      }
}

/* VTH_ERROR_FORMAT: there is one, and nobody will ever make sense of it. */
static VthState *
read_file (const char *path, const char *uuid, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) reason = NULL;
  g_autoptr (VthState) state = vth_state_new (uuid);
  gsize length = 0;

  if (!g_file_get_contents (path, &text, &length, &reason))
    {
      if (g_error_matches (reason, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return g_steal_pointer (&state);
      g_set_error (error, VTH_ERROR, VTH_ERROR_IO, "cannot read '%s': %s", path, reason->message);
      return NULL;
    }
  /* Before paths were escaped they were written as they are, and no parser takes that. */
  bool raw = length <= STATE_LIMIT_BYTES && strlen (text) == length && !g_utf8_validate (text, -1, NULL);
  if (raw)
    {
      g_autofree char *bytes = g_steal_pointer (&text);
      text = vth_bytes_escape (bytes);
      length = strlen (text);
    }
  g_autoptr (JsonParser) parser = json_parser_new ();
  if (length > STATE_LIMIT_BYTES || !json_parser_load_from_data (parser, text, (gssize) length, &reason)
      || json_parser_get_root (parser) == NULL || !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "state file '%s' is broken: %s", path,
                   reason != NULL ? reason->message : "no JSON object");
      return NULL;
    }
  JsonObject *object = json_node_get_object (json_parser_get_root (parser));
  if (get_int (object, "version") > STATE_VERSION)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_CONFIG, "state file '%s' is of a newer vthunder", path);
      return NULL;
    }
  read_object (state, object, raw);
  return g_steal_pointer (&state);
}

VthState *
vth_state_load (const char *state_dir, const char *uuid, GError **error)
{
  g_autofree char *path = path_in (state_dir, uuid, VTH_STATE_SUFFIX);

  return read_file (path, uuid, error);
}

/*
 * What a broken file knew is lost: since when schedules are seen to, and what
 * the next dump could build on.  So nothing is caught up with and the next dump
 * is a full one; that is less than no dump at all from then on.
 */
VthState *
vth_state_load_locked (const char *state_dir, const char *uuid, char **put_away, GError **error)
{
  g_autofree char *path = path_in (state_dir, uuid, VTH_STATE_SUFFIX);
  g_autofree char *aside = path_in (state_dir, uuid, VTH_STATE_BROKEN_SUFFIX);
  g_autoptr (GError) reason = NULL;
  VthState *state = read_file (path, uuid, &reason);

  if (state != NULL)
    return state;
  if (!g_error_matches (reason, VTH_ERROR, VTH_ERROR_FORMAT))
    {
      g_propagate_error (error, g_steal_pointer (&reason));
      return NULL;
    }
  if (g_rename (path, aside) < 0)
    {
      vth_set_error_errno (error, errno, "%s, and cannot be renamed to '%s'", reason->message, aside);
      return NULL;
    }
  *put_away = g_strdup_printf ("%s: it is put away as '%s', schedules begin anew and the next dump is a full one", reason->message,
                               aside);
  return vth_state_new (uuid);
}

static void
add_int (JsonObject *object, const char *name, int64_t value)
{
  if (value != 0)
    json_object_set_int_member (object, name, value);
}

static JsonObject *
add_object (JsonObject *object, const char *name)
{
  JsonObject *child = json_object_new ();
  json_object_set_object_member (object, name, child);
  return child;
}

bool
vth_state_save (const VthState *state, const char *state_dir, GError **error)
{
  g_autofree char *path = path_in (state_dir, state->uuid, VTH_STATE_SUFFIX);
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  json_node_take_object (root, object);
  add_int (object, "version", STATE_VERSION);
  vth_json_set_bytes (object, "domain", state->domain);
  add_int (object, "last-dump", state->last_dump_s);
  add_int (object, "last-failed", state->last_failed);
  vth_json_set_bytes (object, "last-path", state->last_path);
  vth_json_set_bytes (object, "last-error", state->last_error);
  add_int (object, "last-paused", state->last_paused);
  add_int (object, "last-size", (int64_t) state->last_size_bytes);
  add_int (object, "last-pause-ns", (int64_t) state->last_pause_ns);
  add_int (object, "last-stall-max-ns", (int64_t) state->last_stall_max_ns);
  add_int (object, "last-total-ns", (int64_t) state->last_total_ns);
  vth_json_set_bytes (object, "hidden", state->hidden);
  vth_json_set_bytes (object, "put-away", state->put_away);
  if (state->running_start_s != 0)
    {
      JsonObject *running = add_object (object, "running");
      vth_json_set_bytes (running, "schedule", state->running_schedule);
      vth_json_set_bytes (running, "name", state->running_name);
      add_int (running, "due", state->running_due_s);
      add_int (running, "start", state->running_start_s);
    }
  if (state->tracked_path != NULL)
    {
      JsonObject *tracked = add_object (object, "tracked");
      vth_json_set_bytes (tracked, "path", state->tracked_path);
      vth_json_set_bytes (tracked, "pool", state->tracked_pool);
      add_int (tracked, "position", state->tracked_position);
      add_int (tracked, "start", state->tracked_start_s);
    }
  JsonObject *schedules = add_object (object, "schedules");
  for (unsigned int i = 0; i < state->schedules->len; i++)
    {
      const VthScheduleState *s = state->schedules->pdata[i];
      JsonObject *values = add_object (schedules, s->schedule);
      vth_json_set_bytes (values, "cron", s->cron);
      add_int (values, "seen", s->seen_s);
      add_int (values, "last-due", s->last_due_s);
    }

  g_autofree char *text = json_to_string (root, TRUE);
  return vth_mkdir_private (state_dir, error) && vth_file_replace (path, text, -1, 0600, error);
}

bool
vth_state_set_hidden (const char *state_dir, const char *uuid, const char *hidden, GError **error)
{
  g_autoptr (VthState) state = vth_state_load (state_dir, uuid, error);

  if (state == NULL)
    return false;
  g_free (state->hidden);
  state->hidden = g_strdup (hidden);
  return vth_state_save (state, state_dir, error);
}

int
vth_lock_file (const char *path, bool wait, bool *taken, GError **error)
{
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), locked;
  if (taken != NULL)
    *taken = false;
  if (fd < 0)
    {
      vth_set_error_errno (error, errno, "cannot open lock file '%s'", path);
      return -1;
    }
  while ((locked = flock (fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB)) < 0 && errno == EINTR)
    ;
  if (locked < 0)
    {
      int errsv = errno;
      close (fd);
      if (taken != NULL && errsv == EWOULDBLOCK)
        *taken = true;
      else
        vth_set_error_errno (error, errsv, "cannot lock '%s'", path);
      return -1;
    }
  return fd;
}

int
vth_state_lock (const char *state_dir, const char *uuid, GError **error)
{
  g_autofree char *path = path_in (state_dir, uuid, ".lock");
  bool taken = false;

  if (!vth_mkdir_private (state_dir, error))
    return -1;
  int fd = vth_lock_file (path, false, &taken, error);
  if (taken)
    g_set_error_literal (error, VTH_ERROR, VTH_ERROR_LOCKED, "another vthunder is taking a dump of this domain");
  return fd;
}

int
vth_state_slot (const char *state_dir, unsigned int n, GError **error)
{
  if (!vth_mkdir_private (state_dir, error))
    return -1;
  for (unsigned int i = 0; i < n; i++)
    {
      g_autofree char *name = g_strdup_printf ("slot-%u", i);
      g_autofree char *path = path_in (state_dir, name, ".lock");
      bool taken = false;
      int fd = vth_lock_file (path, false, &taken, error);
      if (fd >= 0 || !taken)
        return fd;
    }
  return -1;
}
