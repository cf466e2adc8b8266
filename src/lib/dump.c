/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Taking dumps. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <unistd.h>

#include "dump-call.h"

/* Incremental dumps are ELF, whatever the domain's other dumps are. */
VthFormat
vth_dump_format (const VthConfig *config, VthMode mode)
{
  return mode == VTH_MODE_INCREMENTAL ? VTH_FORMAT_ELF : vth_config_get_format (config);
}

/* A stock libvirt lacks it, so it is never linked to. */
typedef int (*CoreDumpUntrack) (virDomainPtr domain, unsigned int flags);

/* --- names --- */

/*
 * A dump must not replace an earlier one: two in one second get different names.
 */
char *
vth_dump_choose_name (VthOutput *output,
                      const VthConfig *config,
                      const VthHost *host,
                      const char *domain,
                      const char *uuid,
                      const char *schedule,
                      int64_t time_s,
                      VthFormat format,
                      GError **error)
{
  const char *template = vth_config_get_file_name (config);
  if (template == NULL)
    template = vth_host_get_file_name (host);
  g_autofree char *name = vth_template_expand (template != NULL ? template : VTH_TEMPLATE_DEFAULT, domain, uuid, schedule,
                                               time_s, format, error);
  if (name == NULL || !vth_output_exists (output, name))
    return g_steal_pointer (&name);

  const char *dot = strrchr (name, '.');
  size_t stem = dot != NULL && dot != name ? (size_t) (dot - name) : strlen (name);
  for (unsigned int i = 2; i < 1000; i++)
    {
      g_autofree char *other = g_strdup_printf ("%.*s-%u%s", (int) stem, name, i, name + stem);
      if (!vth_output_exists (output, other))
        return g_steal_pointer (&other);
    }
  g_set_error (error, VTH_ERROR, VTH_ERROR_FAILED, "'%s' and a thousand names like it exist already", name);
  return NULL;
}

/* --- after the dump --- */

/* Puts what only we know into the file: into its note, else into a record beside it. */
bool
vth_dump_explain (VthOutput *output, VthDump *dump, GError **error)
{
  VthNoteInfo info = { 0 };
  g_autoptr (VthDump) found = vth_output_inspect (output, dump->name, &info, NULL);

  if (found != NULL)
    {
      dump->size_bytes = found->size_bytes;
      dump->allocated_bytes = found->allocated_bytes;
      dump->has_unique = found->has_unique;
      dump->unique_bytes = found->unique_bytes;
      if (dump->base == NULL)
        dump->base = g_strdup (found->base);
    }
  /* Of somebody else's what is in it counts for nothing. */
  if (info.is_foreign)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_UNSAFE, "'%s' belongs to somebody else", dump->name);
      return false;
    }
  /* It went in with the dump: a change now would make the file useless as a base. */
  if (found != NULL && found->names_itself)
    return vth_note_apply_json (dump, found->note_json, strlen (found->note_json), error);
  if (found != NULL && info.note_offset != 0 && info.note_length >= VTH_NOTE_BYTES)
    {
      g_autofree char *text = vth_note_annotate (found->note_json, dump, dump->name, error);
      if (text == NULL)
        return false;
      g_autofree char *padded = g_malloc0 (VTH_NOTE_BYTES);
      memcpy (padded, text, strlen (text));
      if (!vth_output_write_at (output, dump->name, info.note_offset, padded, VTH_NOTE_BYTES, error))
        return false;
      return vth_note_apply_json (dump, text, strlen (text), error);
    }
  g_autofree char *record = vth_note_record (dump, dump->name);
  g_autofree char *record_name = g_strconcat (dump->name, VTH_RECORD_SUFFIX, NULL);
  return vth_output_write_small (output, record_name, record, error);
}

static void
take_figures (virDomainPtr domain, VthDump *dump)
{
  VthJob *job = NULL;
  if (!vth_job_get (domain, true, &job, NULL) || job == NULL)
    return;
  if (job->has_figures && job->is_dump)
    {
      char *own_reason = g_steal_pointer (&dump->tracking.full_reason);
      dump->tracking = job->tracking;
      memset (&job->tracking, 0, sizeof job->tracking);
      if (dump->tracking.full_reason == NULL && dump->tracking.base_generation == NULL)
        dump->tracking.full_reason = g_steal_pointer (&own_reason);
      g_free (own_reason);
      dump->has_figures = true;
      dump->figures = job->figures;
      if (job->figures.t0_ns != 0)
        dump->time_s = (int64_t) (job->figures.t0_ns / G_GUINT64_CONSTANT (1000000000));
    }
  vth_job_free (job);
}

/* --- taking --- */

/*
 * A stock libvirt writes under the name it is given, truncates what is there,
 * follows links, and leaves a torn file if it is killed.  So where we can
 * rename, the dump is written into a directory that nobody else can enter.
 */
#define HIDDEN_FILE "dump"
/* Leaves room in a file name for what is put around it. */
#define HIDDEN_STEM_BYTES 220

/* Removes such a directory, and nothing that somebody else may have put in its place. */
static void
remove_hidden (const char *dir)
{
  int fd = open (dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat st;

  if (fd < 0)
    return;
  if (fstat (fd, &st) == 0 && st.st_uid == geteuid () && (st.st_mode & 077) == 0)
    {
      (void) unlinkat (fd, HIDDEN_FILE, 0);
      (void) g_rmdir (dir);
    }
  close (fd);
}

/* What libvirt made in there is a file, and on the disk. */
static bool
settle (const char *dir, GError **error)
{
  int dir_fd = open (dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd = -1;
  struct stat st;

  bool ok = dir_fd >= 0 && fstatat (dir_fd, HIDDEN_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0;
  if (ok && !S_ISREG (st.st_mode))
    {
      errno = EINVAL;
      ok = false;
    }
  if (ok)
    {
      /* It may be root's, and we are not root. */
      fd = openat (dir_fd, HIDDEN_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
      ok = (fd >= 0 ? fsync (fd) : errno == EACCES ? syncfs (dir_fd) : -1) == 0;
    }
  if (!ok)
    vth_set_error_errno (error, errno, "cannot complete the dump in '%s'", dir);
  if (fd >= 0)
    close (fd);
  if (dir_fd >= 0)
    close (dir_fd);
  return ok;
}

static bool
run_stop (VthDumpCall *call, VthDump *dump, VthOutput *output, const VthDumpRequest *request, VthProgressFunc progress, void *user_data,
          GCancellable *cancellable, GError **error)
{
  const char *dir = vth_output_get_path (output), *state_dir = vth_host_get_state_dir (request->host);
  bool local = vth_output_get_kind (output) == VTH_OUTPUT_DIR && vth_output_is_local (output);
  bool unsupported;
  struct stat st;

  dump->mode = VTH_MODE_STOP;
  dump->paused = true;
  call->flags = VIR_DUMP_MEMORY_ONLY;
  call->cannot_cancel = request->cannot_cancel;
  if (!local || g_access (dir, W_OK) < 0)
    {
      if (local && stat (dir, &st) == 0 && vth_others_may_write (&st))
        {
          g_set_error (error, VTH_ERROR, VTH_ERROR_UNSAFE,
                       "output '%s' is not safe for a dump that stops the guest: others may write to it, and we may not", dir);
          return false;
        }
      call->path = dump->path;
      return vth_dump_call_run (call, request->timeout_s, progress, user_data, cancellable, &unsupported, error);
    }

  g_autofree char *hidden_name = g_strdup_printf (".%.*s.%08x.part", HIDDEN_STEM_BYTES, dump->name, g_random_int ());
  g_autofree char *hidden = g_build_filename (dir, hidden_name, NULL);
  g_autofree char *file = g_build_filename (hidden, HIDDEN_FILE, NULL);
  if (!vth_state_set_hidden (state_dir, dump->uuid, hidden, error))
    return false;
  bool made = g_mkdir (hidden, 0700) == 0, ok = made;
  if (!made)
    vth_set_error_errno (error, errno, "cannot create directory '%s'", hidden);
  call->path = file;
  ok = ok && vth_dump_call_run (call, request->timeout_s, progress, user_data, cancellable, &unsupported, error)
       && settle (hidden, error);
  if (ok && g_rename (file, dump->path) < 0)
    {
      vth_set_error_errno (error, errno, "cannot rename the dump to '%s'", dump->path);
      ok = false;
    }
  if (made)
    remove_hidden (hidden);
  if (ok)
    vth_sync_dir (dump->path);
  vth_state_set_hidden (state_dir, dump->uuid, NULL, NULL);
  return ok;
}

bool
vth_dump_sweep (virDomainPtr domain, VthState *state)
{
  VthJob *job = NULL;

  if (state->hidden == NULL)
    return true;
  /* libvirt completes a dump whose client is gone. */
  bool busy = domain != NULL && vth_job_get (domain, false, &job, NULL) && job != NULL && job->is_dump;
  vth_job_free (job);
  if (busy)
    return false;
  remove_hidden (state->hidden);
  g_clear_pointer (&state->hidden, g_free);
  return true;
}

/* A day is one of the calendar: where the clocks are put forward it has 23 hours. */
static bool
is_as_old (int64_t start_s, int64_t now_s, int64_t age_s)
{
  int64_t between_s = now_s - start_s;

  if (age_s % 86400 == 0)
    {
      g_autoptr (GDateTime) start = g_date_time_new_from_unix_local (start_s);
      g_autoptr (GDateTime) now = g_date_time_new_from_unix_local (now_s);
      if (start != NULL && now != NULL)
        between_s += (g_date_time_get_utc_offset (now) - g_date_time_get_utc_offset (start)) / G_USEC_PER_SEC;
    }
  return between_s >= age_s;
}

/* The dump to build on, its path; NULL with the reason in @dump. */
static char *
choose_base (VthOutput *output, const VthDumpRequest *request, const VthState *state, VthDump *dump)
{
  char **why = &dump->tracking.full_reason;
  unsigned int every = request->full_every;
  g_autofree char *dir = state->tracked_path != NULL ? g_path_get_dirname (state->tracked_path) : NULL;
  g_autofree char *name = state->tracked_path != NULL ? g_path_get_basename (state->tracked_path) : NULL;

  if (every == 0 && request->full_every_s == 0)
    every = VTH_FULL_EVERY_DEFAULT;
  if (request->full)
    *why = g_strdup ("it was asked for");
  else if (name == NULL)
    *why = g_strdup ("there is no earlier dump to build on");
  else if (strcmp (dir, vth_output_get_path (output)) != 0 || g_strcmp0 (state->tracked_pool, dump->pool) != 0)
    *why = g_strdup_printf ("the earlier dump '%s' is in another output", state->tracked_path);
  else if (vth_output_get_kind (output) == VTH_OUTPUT_DIR && !vth_output_is_local (output))
    *why = g_strdup ("a directory of a remote host cannot be looked into");
  else if (!g_utf8_validate (name, -1, NULL))
    *why = g_strdup ("the name of the earlier dump is not UTF-8, so no dump can name it as its base");
  else if (!vth_output_exists (output, name))
    *why = g_strdup_printf ("the earlier dump '%s' is gone", name);
  else if (strcmp (state->tracked_path, dump->path) == 0)
    *why = g_strdup ("it replaces the earlier one");
  else if (every > 0 && state->tracked_position + 1 >= every)
    *why = g_strdup_printf ("every %u dumps one is", every);
  else if (vth_overlay_is_last (output, name, state->tracked_position))
    *why = g_strdup_printf ("%d overlays build on each other already", VTH_OVERLAYS_MAX);
  else if (state->tracked_start_s > dump->time_s + VTH_CLOCK_TOLERANCE_S)
    *why = g_strdup ("the last full one is of a time that is yet to come: the clock was set back");
  else if (request->full_every_s > 0 && is_as_old (state->tracked_start_s, dump->time_s, request->full_every_s))
    {
      g_autofree char *text = vth_duration_to_string (request->full_every_s);
      *why = g_strdup_printf ("the last full one is %s old or more", text);
    }
  else
    {
      dump->base = g_steal_pointer (&name);
      dump->chain_position = state->tracked_position + 1;
      dump->chain_start_s = state->tracked_start_s;
      return g_strdup (state->tracked_path);
    }
  return NULL;
}

static void
forget_base (VthDump *dump, const char *why)
{
  g_clear_pointer (&dump->base, g_free);
  dump->chain_position = 0;
  dump->chain_start_s = 0;
  if (why != NULL)
    {
      g_free (dump->tracking.full_reason);
      dump->tracking.full_reason = g_strdup (why);
    }
}

/* False without an error where the host's libvirt or QEMU cannot do it; then it is to be a full dump. */
static bool
run_tracked (VthDumpCall *call, VthDump *dump, VthOutput *output, const VthDumpRequest *request, VthProgressFunc progress,
             void *user_data, GCancellable *cancellable, GError **error)
{
  bool unsupported;
  g_autoptr (VthState) state = vth_state_load (vth_host_get_state_dir (request->host), dump->uuid, error);
  g_autoptr (GError) reason = NULL;

  if (state == NULL)
    return false;
  if (!vth_dump_call_has_params ())
    {
      forget_base (dump, "this libvirt cannot build dumps on earlier ones");
      return false;
    }
  g_autofree char *base = choose_base (output, request, state, dump);
  g_autofree char *note = vth_note_caller (dump, dump->name);
  call->track = true;
  call->base = base;
  call->note = note;
  bool ok = vth_dump_call_run (call, request->timeout_s, progress, user_data, cancellable, &unsupported, &reason);
  call->track = false;
  call->base = NULL;
  call->note = NULL;
  if (ok)
    return true;
  if (!unsupported)
    g_propagate_error (error, g_steal_pointer (&reason));
  else
    forget_base (dump, reason->message);
  return false;
}

/* libvirt keeps what it knows of a dump until somebody asks: what is found after this one is of this one. */
static void
forget_figures (virDomainPtr domain)
{
  VthJob *job = NULL;
  if (vth_job_get (domain, true, &job, NULL))
    vth_job_free (job);
}

static bool
run_any (virDomainPtr domain, VthDump *dump, VthOutput *output, const VthDumpRequest *request, VthProgressFunc progress,
         void *user_data, GCancellable *cancellable, GError **error)
{
  VthDumpCall call = { .domain = domain, .path = dump->path, .format = dump->format, .tuning = request->tuning,
                       .waiting = request->waiting };
  g_autoptr (GError) reason = NULL;
  bool unsupported = false;

  if (request->mode == VTH_MODE_STOP)
    return run_stop (&call, dump, output, request, progress, user_data, cancellable, error);
  forget_figures (domain);
  call.flags = VIR_DUMP_MEMORY_ONLY | VIR_DUMP_THUNDER;
  const bool possible = vth_mirror_check (domain, &unsupported, &reason);
  if (possible && request->mode == VTH_MODE_INCREMENTAL)
    {
      if (run_tracked (&call, dump, output, request, progress, user_data, cancellable, &reason))
        return true;
      if (reason != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&reason));
          return false;
        }
    }
  if (possible && vth_dump_call_run (&call, request->timeout_s, progress, user_data, cancellable, &unsupported, &reason))
    return true;
  if (!unsupported)
    {
      g_propagate_error (error, g_steal_pointer (&reason));
      return false;
    }
  if (!request->allow_pause)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_PAUSE_REFUSED,
                   "%s: only a dump that stops the guest is possible here, and that is not allowed", reason->message);
      return false;
    }
  return run_stop (&call, dump, output, request, progress, user_data, cancellable, error);
}

/* What is put beside a dump in a directory of a remote host would have to be put there by libvirt, which cannot. */
static bool
check_manifest (VthOutput *output, const VthDumpRequest *request, GError **error)
{
  if (!request->manifest || vth_output_get_kind (output) == VTH_OUTPUT_POOL || vth_output_is_local (output))
    return true;
  g_set_error (error, VTH_ERROR, VTH_ERROR_UNSUPPORTED,
               "cannot write a manifest into directory '%s' of a remote host: use a storage pool", vth_output_get_target (output));
  return false;
}

static void
add_manifest (VthOutput *output, VthDump *dump, GCancellable *cancellable)
{
  g_autofree char *name = g_strconcat (dump->name, VTH_MANIFEST_SUFFIX, NULL);
  g_autoptr (GError) reason = NULL;

  dump->has_manifest = vth_dump_write_manifest_in (output, dump->name, cancellable, &reason);
  if (dump->has_manifest)
    return;
  dump->manifest_error = g_strdup (reason->message);
  /* That of a file which the dump replaced would call it damaged. */
  if (vth_output_exists (output, name))
    vth_output_remove (output, name, NULL);
}

VthDump *
vth_dump_take_locked (virDomainPtr domain, const VthDumpRequest *request, VthProgressFunc progress, void *user_data,
                      GCancellable *cancellable, GError **error)
{
  virConnectPtr conn = virDomainGetConnect (domain);
  const char *name = virDomainGetName (domain);
  char uuid[VIR_UUID_STRING_BUFLEN] = "";
  g_autoptr (VthConfig) own_config = NULL;
  g_autoptr (VthHost) own_host = NULL;
  g_autoptr (VthOutput) output = NULL;
  g_autoptr (VthDump) dump = g_new0 (VthDump, 1);

  if (request->config == NULL && (own_config = vth_config_load (domain, VTH_IMPACT_CURRENT, error)) == NULL)
    return NULL;
  if (request->host == NULL && (own_host = vth_host_load (NULL, error)) == NULL)
    return NULL;
  const VthConfig *config = request->config != NULL ? request->config : own_config;
  const VthHost *host = request->host != NULL ? request->host : own_host;
  VthDumpRequest complete = *request;
  complete.host = host;
  complete.manifest |= vth_config_get_manifest (config);
  if (complete.timeout_s == 0)
    complete.timeout_s = vth_config_get_timeout_s (config);
  if (request->schedule == NULL)
    complete.allow_pause |= vth_config_get_allow_pause (config);
  const VthTuning tuning
      = vth_tuning_merge (request->tuning != NULL ? request->tuning : &(VthTuning){ 0 }, vth_config_get_tuning (config));
  complete.tuning = &tuning;

  virDomainGetUUIDString (domain, uuid);
  dump->domain = g_strdup (name);
  dump->uuid = g_strdup (uuid);
  dump->schedule = g_strdup (complete.schedule != NULL ? complete.schedule : "manual");
  dump->format = complete.use_config_format ? vth_dump_format (config, complete.mode) : complete.format;
  dump->mode = VTH_MODE_MIRROR;
  if (complete.mode == VTH_MODE_INCREMENTAL && dump->format != VTH_FORMAT_ELF)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "an incremental dump is in format elf, it cannot be in %s",
                   vth_format_to_string (dump->format));
      return NULL;
    }
  if (complete.mode != VTH_MODE_STOP && !vth_tuning_check (complete.tuning, dump->format, error))
    return NULL;
  dump->time_s = complete.time_s != 0 ? complete.time_s : g_get_real_time () / G_USEC_PER_SEC;
  char *uri = virConnectGetURI (conn);
  dump->uri = g_strdup (uri);
  free (uri);

  if (complete.path != NULL)
    {
      g_autofree char *dir = g_path_get_dirname (complete.path);
      if (!g_path_is_absolute (complete.path))
        {
          g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "'%s' is relative: give a path from /", complete.path);
          return NULL;
        }
      output = vth_output_new (conn, VTH_OUTPUT_DIR, dir, error);
      dump->name = g_path_get_basename (complete.path);
    }
  else
    output = vth_output_resolve (conn, config, host, error);
  if (output == NULL || !vth_output_check (output, error) || !check_manifest (output, &complete, error))
    return NULL;
  if (dump->name == NULL && complete.name != NULL)
    dump->name = g_path_get_basename (complete.name);
  if (dump->name == NULL)
    dump->name = vth_dump_choose_name (output, config, host, name, uuid, dump->schedule, dump->time_s, dump->format, error);
  if (dump->name == NULL)
    return NULL;
  dump->path = g_build_filename (vth_output_get_path (output), dump->name, NULL);
  if (vth_output_get_kind (output) == VTH_OUTPUT_POOL)
    dump->pool = g_strdup (vth_output_get_target (output));

  if (!vth_output_check_replace (output, dump->name, error) || !vth_register_begin (output, host, dump, error))
    return NULL;
  if (!run_any (domain, dump, output, &complete, progress, user_data, cancellable, error))
    {
      /* With the connection lost libvirt may still complete it. */
      if (virConnectIsAlive (conn) == 1)
        vth_register_give_up (output, dump);
      return NULL;
    }
  if (!dump->paused)
    take_figures (domain, dump);
  if (dump->tracking.base_generation == NULL)
    forget_base (dump, NULL);
  else
    dump->mode = VTH_MODE_INCREMENTAL;
  /* The dump is there and whole, so what cannot be written about it is no failure of it. */
  g_autoptr (GError) unexplained = NULL, unregistered = NULL;
  if (vth_output_get_kind (output) == VTH_OUTPUT_POOL || vth_output_is_local (output))
    if (!vth_dump_explain (output, dump, &unexplained))
      g_debug ("%s: %s", dump->path, unexplained->message);
  if (complete.manifest)
    add_manifest (output, dump, cancellable);
  if (!vth_register_add (output, dump, &unregistered))
    g_debug ("%s: %s", dump->path, unregistered->message);
  if (dump->chain_start_s == 0)
    dump->chain_start_s = dump->time_s;
  return g_steal_pointer (&dump);
}

/* What a killed run left of a dump of the domain; false while libvirt is still at it. */
static bool
clean_up (virDomainPtr domain, const char *state_dir, const char *uuid, GError **error)
{
  g_autofree char *put_away = NULL;
  g_autoptr (VthState) state = vth_state_load_locked (state_dir, uuid, &put_away, NULL);

  if (state != NULL && put_away != NULL)
    {
      state->put_away = g_steal_pointer (&put_away);
      return vth_state_save (state, state_dir, error);
    }
  if (state == NULL || state->hidden == NULL)
    return true;
  if (vth_dump_sweep (domain, state))
    return vth_state_save (state, state_dir, error);
  g_set_error_literal (error, VTH_ERROR, VTH_ERROR_LOCKED, "libvirt is still completing a dump whose vthunder has left");
  return false;
}

VthDump *
vth_dump_take (virDomainPtr domain, const VthDumpRequest *request, VthProgressFunc progress, void *user_data,
               GCancellable *cancellable, GError **error)
{
  char uuid[VIR_UUID_STRING_BUFLEN] = "";
  g_autoptr (VthHost) own_host = NULL;
  VthDumpRequest complete = *request;

  if (request->host == NULL)
    {
      if ((own_host = vth_host_load (NULL, error)) == NULL)
        return NULL;
      complete.host = own_host;
    }
  const char *state_dir = vth_host_get_state_dir (complete.host);
  virDomainGetUUIDString (domain, uuid);
  int lock = vth_state_lock (state_dir, uuid, error);
  if (lock < 0 || !clean_up (domain, state_dir, uuid, error))
    {
      g_prefix_error (error, "cannot dump domain '%s': ", virDomainGetName (domain));
      if (lock >= 0)
        close (lock);
      return NULL;
    }
  GError *reason = NULL;
  VthDump *dump = vth_dump_take_locked (domain, &complete, progress, user_data, cancellable, &reason);
  g_autoptr (VthState) state = vth_state_load (state_dir, uuid, NULL);
  if (state != NULL)
    {
      vth_state_set_result (state, virDomainGetName (domain), dump, reason);
      vth_state_save (state, state_dir, NULL);
    }
  close (lock);
  if (reason != NULL)
    g_propagate_error (error, reason);
  return dump;
}

bool
vth_dump_untrack (virDomainPtr domain, GError **error)
{
  CoreDumpUntrack core_dump_untrack = (CoreDumpUntrack) (uintptr_t) vth_mirror_symbol ("virDomainCoreDumpUntrack");
  const char *name = virDomainGetName (domain); /* later it would reset the error that is to be told */

  if (core_dump_untrack == NULL)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_UNSUPPORTED, "cannot end the tracking of domain '%s': this libvirt does not "
                   "keep track of changes", name);
      return false;
    }
  if (core_dump_untrack (domain, 0) == 0)
    return true;
  if (virGetLastErrorCode () == VIR_ERR_OPERATION_INVALID)
    g_set_error (error, VTH_ERROR, VTH_ERROR_NOT_FOUND, "domain '%s': %s", name, virGetLastErrorMessage ());
  else
    vth_error_set_libvirt (error, "cannot end the tracking of domain '%s'", name);
  return false;
}
