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

static char *
get_string (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_dup_string (node)
             : NULL;
}

static JsonObject *
get_object (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static void
read_object (VthState *state, JsonObject *object)
{
  state->domain = get_string (object, "domain");
  state->last_dump_s = get_int (object, "last-dump");
  state->last_failed = get_int (object, "last-failed") != 0;
  state->last_path = get_string (object, "last-path");
  state->last_error = get_string (object, "last-error");
  state->last_paused = get_int (object, "last-paused") != 0;
  state->last_size_bytes = (uint64_t) get_int (object, "last-size");
  state->last_pause_ns = (uint64_t) get_int (object, "last-pause-ns");
  state->last_stall_max_ns = (uint64_t) get_int (object, "last-stall-max-ns");
  state->last_total_ns = (uint64_t) get_int (object, "last-total-ns");

  state->hidden = get_string (object, "hidden");
  JsonObject *running = get_object (object, "running");
  if (running != NULL)
    {
      state->running_schedule = get_string (running, "schedule");
      state->running_name = get_string (running, "name");
      state->running_due_s = get_int (running, "due");
      state->running_start_s = get_int (running, "start");
    }
  JsonObject *tracked = get_object (object, "tracked");
  if (tracked != NULL)
    {
      int64_t position = get_int (tracked, "position");
      state->tracked_path = get_string (tracked, "path");
      state->tracked_pool = get_string (tracked, "pool");
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
        s->cron = get_string (values, "cron");
        s->seen_s = get_int (values, "seen");
        s->last_due_s = get_int (values, "last-due");
      }
}

/*
 * A missing file is an empty state.  A broken one is an error: taking it for
 * empty would forget what is due.
 */
VthState *
vth_state_load (const char *state_dir, const char *uuid, GError **error)
{
  g_autofree char *path = path_in (state_dir, uuid, ".json");
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
  g_autoptr (JsonParser) parser = json_parser_new ();
  if (length > STATE_LIMIT_BYTES || !json_parser_load_from_data (parser, text, (gssize) length, &reason)
      || json_parser_get_root (parser) == NULL || !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_CONFIG, "state file '%s' is broken: %s: remove it to start anew", path,
                   reason != NULL ? reason->message : "no JSON object");
      return NULL;
    }
  JsonObject *object = json_node_get_object (json_parser_get_root (parser));
  if (get_int (object, "version") > STATE_VERSION)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_CONFIG, "state file '%s' is of a newer vthunder", path);
      return NULL;
    }
  read_object (state, object);
  return g_steal_pointer (&state);
}

static void
add_string (JsonBuilder *builder, const char *name, const char *value)
{
  if (value == NULL)
    return;
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static void
add_int (JsonBuilder *builder, const char *name, int64_t value)
{
  if (value == 0)
    return;
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

bool
vth_state_save (const VthState *state, const char *state_dir, GError **error)
{
  g_autofree char *path = path_in (state_dir, state->uuid, ".json");
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  add_int (builder, "version", STATE_VERSION);
  add_string (builder, "domain", state->domain);
  add_int (builder, "last-dump", state->last_dump_s);
  add_int (builder, "last-failed", state->last_failed);
  add_string (builder, "last-path", state->last_path);
  add_string (builder, "last-error", state->last_error);
  add_int (builder, "last-paused", state->last_paused);
  add_int (builder, "last-size", (int64_t) state->last_size_bytes);
  add_int (builder, "last-pause-ns", (int64_t) state->last_pause_ns);
  add_int (builder, "last-stall-max-ns", (int64_t) state->last_stall_max_ns);
  add_int (builder, "last-total-ns", (int64_t) state->last_total_ns);
  add_string (builder, "hidden", state->hidden);
  if (state->running_start_s != 0)
    {
      json_builder_set_member_name (builder, "running");
      json_builder_begin_object (builder);
      add_string (builder, "schedule", state->running_schedule);
      add_string (builder, "name", state->running_name);
      add_int (builder, "due", state->running_due_s);
      add_int (builder, "start", state->running_start_s);
      json_builder_end_object (builder);
    }
  if (state->tracked_path != NULL)
    {
      json_builder_set_member_name (builder, "tracked");
      json_builder_begin_object (builder);
      add_string (builder, "path", state->tracked_path);
      add_string (builder, "pool", state->tracked_pool);
      add_int (builder, "position", state->tracked_position);
      add_int (builder, "start", state->tracked_start_s);
      json_builder_end_object (builder);
    }
  json_builder_set_member_name (builder, "schedules");
  json_builder_begin_object (builder);
  for (unsigned int i = 0; i < state->schedules->len; i++)
    {
      const VthScheduleState *s = state->schedules->pdata[i];
      json_builder_set_member_name (builder, s->schedule);
      json_builder_begin_object (builder);
      add_string (builder, "cron", s->cron);
      add_int (builder, "seen", s->seen_s);
      add_int (builder, "last-due", s->last_due_s);
      json_builder_end_object (builder);
    }
  json_builder_end_object (builder);
  json_builder_end_object (builder);

  g_autoptr (JsonNode) root = json_builder_get_root (builder);
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
