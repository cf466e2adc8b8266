/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Taking dumps, and listing those that vthunder took. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <unistd.h>

#include "vth-private.h"

#define POLL_MS 100
/* How long an aborted job may take before it is asked again. */
#define ABORT_AGAIN_MS 1000

static unsigned int
vir_format (VthFormat format)
{
  switch (format)
    {
    case VTH_FORMAT_KDUMP_ZLIB:
      return VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_ZLIB;
    case VTH_FORMAT_KDUMP_LZO:
      return VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_LZO;
    case VTH_FORMAT_KDUMP_SNAPPY:
      return VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_SNAPPY;
    case VTH_FORMAT_WIN_DMP:
      return VIR_DOMAIN_CORE_DUMP_FORMAT_WIN_DMP;
    case VTH_FORMAT_KDUMP_ZSTD: /* has no number, see needs_params () */
    case VTH_FORMAT_ELF:
    default:
      return VIR_DOMAIN_CORE_DUMP_FORMAT_RAW;
    }
}

/* Incremental dumps are ELF, whatever the domain's other dumps are. */
VthFormat
vth_dump_format (const VthConfig *config, VthMode mode)
{
  return mode == VTH_MODE_INCREMENTAL ? VTH_FORMAT_ELF : vth_config_get_format (config);
}

/* --- the libvirt call, in a thread of its own --- */

typedef int (*CoreDumpParams) (virDomainPtr domain, virTypedParameterPtr params, int nparams, unsigned int flags);
typedef int (*CoreDumpUntrack) (virDomainPtr domain, unsigned int flags);

typedef struct {
  virDomainPtr domain;
  const char *path;
  VthFormat format;
  unsigned int flags;
  const VthTuning *tuning; /* of a dump that does not stop the guest */
  bool track;       /* with virDomainCoreDumpParams, and: */
  const char *base; /* path, or NULL */
  const char *note; /* JSON object */
  void (*cannot_cancel) (void *user_data); /* of a dump that stops the guest */
  GMutex mutex;
  GCond cond;
  VthJob *job; /* as last seen, until it is reported */
  bool done;
  int result;
  int code; /* libvirt's */
  GError *error;
} Call;

static CoreDumpParams
find_core_dump_params (void)
{
  return (CoreDumpParams) (uintptr_t) vth_mirror_symbol ("virDomainCoreDumpParams");
}

static bool
needs_params (const Call *call)
{
  return call->format == VTH_FORMAT_KDUMP_ZSTD
         || ((call->flags & VIR_DUMP_THUNDER) && (call->track || !vth_tuning_is_empty (call->tuning)));
}

/* What is at its default is left out: a QEMU that does not know it need not mind. */
static int
core_dump_with_params (const Call *call)
{
  const VthTuning *tuning = call->tuning;
  const bool mirror = call->flags & VIR_DUMP_THUNDER; /* all but the format is of these only */
  virTypedParameterPtr params = NULL;
  int n = 0, room = 0, result = -1;

  if (virTypedParamsAddString (&params, &n, &room, "file", call->path) == 0
      && (call->format == VTH_FORMAT_ELF
          || virTypedParamsAddString (&params, &n, &room, "format", vth_format_to_string (call->format)) == 0)
      && (!mirror || tuning->strategy <= VTH_STRATEGY_AUTO
          || virTypedParamsAddString (&params, &n, &room, "strategy", vth_strategy_to_string (tuning->strategy)) == 0)
      && (!mirror || tuning->limit_bytes == 0
          || virTypedParamsAddULLong (&params, &n, &room, "mirror_limit", tuning->limit_bytes) == 0)
      && (!mirror || tuning->bandwidth_bytes_s == 0
          || virTypedParamsAddULLong (&params, &n, &room, "bandwidth", tuning->bandwidth_bytes_s) == 0)
      && (!mirror || tuning->threads == 0
          || virTypedParamsAddUInt (&params, &n, &room, "threads", tuning->threads) == 0)
      && (!call->track
          || (virTypedParamsAddBoolean (&params, &n, &room, "track", 1) == 0
              && virTypedParamsAddString (&params, &n, &room, "note", call->note) == 0
              && (call->base == NULL || virTypedParamsAddString (&params, &n, &room, "base", call->base) == 0))))
    result = find_core_dump_params () (call->domain, params, n, call->flags);
  virTypedParamsFree (params, n);
  return result;
}

static void *
call_thread (void *data)
{
  Call *call = data;
  const char *name = virDomainGetName (call->domain); /* later it would reset the error that is to be told */
  int result = needs_params (call) ? core_dump_with_params (call)
                                   : virDomainCoreDumpWithFormat (call->domain, call->path, vir_format (call->format), call->flags);
  GError *error = NULL;
  int code = 0;

  /* libvirt keeps errors per thread: this is the only one that can read it */
  if (result < 0)
    {
      code = virGetLastErrorCode ();
      vth_error_set_libvirt (&error, "cannot dump domain '%s' to '%s'", name, call->path);
    }
  g_mutex_lock (&call->mutex);
  call->result = result;
  call->code = code;
  call->error = error;
  call->done = true;
  g_cond_broadcast (&call->cond);
  g_mutex_unlock (&call->mutex);
  return NULL;
}

static bool
call_wait (Call *call, int64_t until_us)
{
  g_mutex_lock (&call->mutex);
  while (!call->done && g_cond_wait_until (&call->cond, &call->mutex, until_us))
    ;
  bool done = call->done;
  g_mutex_unlock (&call->mutex);
  return done;
}

/* libvirt asks QEMU, which may not answer for a while: who waits for the end must be free to hear of Ctrl-C. */
static gpointer
watch_thread (gpointer data)
{
  Call *call = data;

  do
    {
      VthJob *job = NULL;
      (void) vth_job_get (call->domain, false, &job, NULL);
      g_mutex_lock (&call->mutex);
      vth_job_free (call->job);
      call->job = job;
      g_mutex_unlock (&call->mutex);
    }
  while (!call_wait (call, g_get_monotonic_time () + POLL_MS * 1000));
  return NULL;
}

static void
report_progress (Call *call, VthProgressFunc progress, void *user_data)
{
  g_mutex_lock (&call->mutex);
  VthJob *job = g_steal_pointer (&call->job);
  g_mutex_unlock (&call->mutex);
  if (job != NULL && job->is_dump)
    progress (job->done_bytes, job->total_bytes, job->has_figures ? &job->figures : NULL, user_data);
  vth_job_free (job);
}

typedef enum { END_NORMAL, END_CANCELLED, END_TIMEOUT } End;

/* Runs one dump to its end.  False with @code 0 when it was stopped by us. */
static bool
call_run (Call *call, unsigned int timeout_s, VthProgressFunc progress, void *user_data, GCancellable *cancellable, GError **error)
{
  int64_t start_us = g_get_monotonic_time (), aborted_us = 0;
  bool can_abort = call->flags & VIR_DUMP_THUNDER, told = false;
  End end = END_NORMAL;

  if (g_cancellable_is_cancelled (cancellable))
    {
      call->code = 0;
      g_set_error (error, VTH_ERROR, VTH_ERROR_CANCELLED, "the dump of domain '%s' was cancelled before it began",
                   virDomainGetName (call->domain));
      return false;
    }
  if (needs_params (call) && find_core_dump_params () == NULL)
    {
      call->code = VIR_ERR_NO_SUPPORT;
      g_set_error (error, VTH_ERROR, VTH_ERROR_UNSUPPORTED,
                   "cannot dump domain '%s' to '%s': this libvirt knows no strategy, no limits and no zstd of dumps",
                   virDomainGetName (call->domain), call->path);
      return false;
    }

  g_mutex_init (&call->mutex);
  g_cond_init (&call->cond);
  GThread *thread = g_thread_new ("vth-dump", call_thread, call);
  GThread *watch = progress != NULL ? g_thread_new ("vth-progress", watch_thread, call) : NULL;
  while (!call_wait (call, g_get_monotonic_time () + POLL_MS * 1000))
    {
      int64_t now_us = g_get_monotonic_time ();
      if (end == END_NORMAL && g_cancellable_is_cancelled (cancellable))
        end = END_CANCELLED;
      if (end == END_NORMAL && timeout_s > 0 && now_us - start_us > (int64_t) timeout_s * G_USEC_PER_SEC)
        end = END_TIMEOUT;
      if (end == END_NORMAL)
        {
          if (watch != NULL)
            report_progress (call, progress, user_data);
        }
      else if (!can_abort)
        {
          /* libvirt refuses to abort it; without its thread the guest would stay as it is. */
          if (!told && call->cannot_cancel != NULL)
            call->cannot_cancel (user_data);
          told = true;
        }
      else if (now_us - aborted_us > ABORT_AGAIN_MS * 1000)
        {
          /* May come before the job has begun or after it ended: then asked again, or not needed. */
          (void) virDomainAbortJob (call->domain);
          aborted_us = now_us;
        }
    }
  g_thread_join (thread);
  if (watch != NULL)
    g_thread_join (watch);
  g_clear_pointer (&call->job, vth_job_free);
  g_mutex_clear (&call->mutex);
  g_cond_clear (&call->cond);

  if (call->result == 0)
    return true; /* also when the abort came too late: the dump is whole */
  if (end == END_NORMAL)
    {
      g_propagate_error (error, g_steal_pointer (&call->error));
      return false;
    }
  g_clear_error (&call->error);
  call->code = 0;
  if (end == END_CANCELLED)
    g_set_error (error, VTH_ERROR, VTH_ERROR_CANCELLED, "the dump of domain '%s' was cancelled", virDomainGetName (call->domain));
  else
    g_set_error (error, VTH_ERROR, VTH_ERROR_TIMEOUT, "the dump of domain '%s' took longer than %u s and was cancelled",
                 virDomainGetName (call->domain), timeout_s);
  return false;
}

/* What a libvirt or QEMU without mirror dumps answers: an unknown flag, or a missing capability. */
static bool
is_unsupported (int code)
{
  return code == VIR_ERR_INVALID_ARG || code == VIR_ERR_ARGUMENT_UNSUPPORTED || code == VIR_ERR_OPERATION_UNSUPPORTED
         || code == VIR_ERR_CONFIG_UNSUPPORTED || code == VIR_ERR_NO_SUPPORT;
}

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
  if (found != NULL && found->own)
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
  if (!vth_output_write_small (output, record_name, record, error))
    return false;
  dump->own = true;
  return true;
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
run_stop (Call *call, VthDump *dump, VthOutput *output, const VthDumpRequest *request, VthProgressFunc progress, void *user_data,
          GCancellable *cancellable, GError **error)
{
  const char *dir = vth_output_get_path (output), *state_dir = vth_host_get_state_dir (request->host);
  bool local = vth_output_get_kind (output) == VTH_OUTPUT_DIR && vth_output_is_local (output);
  struct stat st;

  dump->mode = VTH_MODE_STOP;
  dump->paused = true;
  call->flags = VIR_DUMP_MEMORY_ONLY;
  call->cannot_cancel = request->cannot_cancel;
  call->done = false;
  g_clear_error (&call->error);
  if (!local || g_access (dir, W_OK) < 0)
    {
      if (local && stat (dir, &st) == 0 && vth_others_may_write (&st))
        {
          g_set_error (error, VTH_ERROR, VTH_ERROR_UNSAFE,
                       "output '%s' is not safe for a dump that stops the guest: others may write to it, and we may not", dir);
          return false;
        }
      call->path = dump->path;
      return call_run (call, request->timeout_s, progress, user_data, cancellable, error);
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
  ok = ok && call_run (call, request->timeout_s, progress, user_data, cancellable, error) && settle (hidden, error);
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
  else if (!vth_output_exists (output, name))
    *why = g_strdup_printf ("the earlier dump '%s' is gone", name);
  else if (strcmp (state->tracked_path, dump->path) == 0)
    *why = g_strdup ("it replaces the earlier one");
  else if (every > 0 && state->tracked_position + 1 >= every)
    *why = g_strdup_printf ("every %u dumps one is", every);
  else if (vth_overlay_is_last (output, name, state->tracked_position))
    *why = g_strdup_printf ("%d overlays build on each other already", VTH_OVERLAYS_MAX);
  else if (request->full_every_s > 0 && dump->time_s - state->tracked_start_s >= request->full_every_s)
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
run_tracked (Call *call, VthDump *dump, VthOutput *output, const VthDumpRequest *request, VthProgressFunc progress,
             void *user_data, GCancellable *cancellable, GError **error)
{
  g_autoptr (VthState) state = vth_state_load (vth_host_get_state_dir (request->host), dump->uuid, error);
  g_autoptr (GError) reason = NULL;

  if (state == NULL)
    return false;
  if (find_core_dump_params () == NULL)
    {
      forget_base (dump, "this libvirt cannot build dumps on earlier ones");
      return false;
    }
  g_autofree char *base = choose_base (output, request, state, dump);
  g_autofree char *note = vth_note_caller (dump, dump->name);
  call->track = true;
  call->base = base;
  call->note = note;
  bool ok = call_run (call, request->timeout_s, progress, user_data, cancellable, &reason);
  call->track = false;
  call->base = NULL;
  call->note = NULL;
  if (ok)
    return true;
  if (!is_unsupported (call->code))
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
  Call call = { .domain = domain, .path = dump->path, .format = dump->format, .tuning = request->tuning };
  g_autoptr (GError) reason = NULL;

  if (request->mode == VTH_MODE_STOP)
    return run_stop (&call, dump, output, request, progress, user_data, cancellable, error);
  forget_figures (domain);
  call.flags = VIR_DUMP_MEMORY_ONLY | VIR_DUMP_THUNDER;
  const bool possible = vth_mirror_check (domain, &call.code, &reason);
  if (possible && request->mode == VTH_MODE_INCREMENTAL)
    {
      if (run_tracked (&call, dump, output, request, progress, user_data, cancellable, &reason))
        return true;
      if (reason != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&reason));
          return false;
        }
      call.done = false;
      g_clear_error (&call.error);
    }
  if (possible && call_run (&call, request->timeout_s, progress, user_data, cancellable, &reason))
    return true;
  if (!is_unsupported (call.code))
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

  if (!vth_output_check_replace (output, dump->name, error)
      || !run_any (domain, dump, output, &complete, progress, user_data, cancellable, error))
    return NULL;
  if (!dump->paused)
    take_figures (domain, dump);
  if (dump->tracking.base_generation == NULL)
    forget_base (dump, NULL);
  else
    dump->mode = VTH_MODE_INCREMENTAL;
  /* The dump is there and whole, so what cannot be written about it is no failure of it; it will not be listed as ours. */
  g_autoptr (GError) unexplained = NULL;
  if (vth_output_get_kind (output) == VTH_OUTPUT_POOL || vth_output_is_local (output))
    if (!vth_dump_explain (output, dump, &unexplained))
      g_debug ("%s: %s", dump->path, unexplained->message);
  if (complete.manifest)
    add_manifest (output, dump, cancellable);
  if (dump->chain_start_s == 0)
    dump->chain_start_s = dump->time_s;
  return g_steal_pointer (&dump);
}

/* What a killed run left of a dump of the domain; false while libvirt is still at it. */
static bool
clean_up (virDomainPtr domain, const char *state_dir, const char *uuid, GError **error)
{
  g_autoptr (VthState) state = vth_state_load (state_dir, uuid, NULL);

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

/* --- listing --- */

/* One dump of ours in an output; NULL without error if the file is not one. */
VthDump *
vth_dump_of_file (VthOutput *output, const char *name, GError **error)
{
  VthNoteInfo info = { 0 };
  g_autoptr (GError) reason = NULL;

  if (g_str_has_suffix (name, VTH_RECORD_SUFFIX) || g_str_has_suffix (name, VTH_MANIFEST_SUFFIX))
    return NULL;
  g_autoptr (VthDump) dump = vth_output_inspect_all (output, name, &info, &reason);
  if (dump == NULL)
    {
      /* Other files are none of our business; that ours cannot be read is. */
      if (!g_error_matches (reason, VTH_ERROR, VTH_ERROR_FORMAT) && !g_error_matches (reason, VTH_ERROR, VTH_ERROR_NOT_FOUND))
        g_propagate_error (error, g_steal_pointer (&reason));
      return NULL;
    }
  return dump->own ? g_steal_pointer (&dump) : NULL;
}

static int
oldest_first (const void *a, const void *b)
{
  const VthDump *x = *(VthDump *const *) a, *y = *(VthDump *const *) b;

  return vth_dump_order (&(VthRetentionItem){ .time_s = x->time_s, .time_ns = x->figures.t0_ns, .name = x->name },
                         &(VthRetentionItem){ .time_s = y->time_s, .time_ns = y->figures.t0_ns, .name = y->name });
}

GPtrArray *
vth_dump_list (VthOutput *output, virDomainPtr domain, GError **error)
{
  g_autoptr (GPtrArray) files = vth_output_files (output, error);
  g_autoptr (GPtrArray) dumps = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_dump_free);
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GError) unread = NULL;
  char uuid[VIR_UUID_STRING_BUFLEN] = "";

  if (files == NULL)
    return NULL;
  if (domain != NULL)
    virDomainGetUUIDString (domain, uuid);
  for (unsigned int i = 0; i < files->len; i++)
    g_hash_table_add (names, ((VthFile *) files->pdata[i])->name);
  for (unsigned int i = 0; i < files->len; i++)
    {
      const VthFile *file = files->pdata[i];
      g_autoptr (VthDump) dump = vth_dump_of_file (output, file->name, unread == NULL ? &unread : NULL);
      if (dump == NULL || (domain != NULL && g_ascii_strcasecmp (dump->uuid, uuid) != 0))
        continue;
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
