/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One dump by libvirt, that can be waited for, timed and cancelled.
 *
 * A domain has one long job at a time, and libvirt aborts whichever it is.  So
 * a dump that is in nobody's way yet must not abort anything: the wait for
 * another's job is here, where it can be given up at once, and not in libvirt,
 * which waits 30 s and hears of nothing.  What begins between our look and
 * libvirt's is waited for there after all.
 *
 *   caller's thread   waits, times, hears of Ctrl-C
 *   "vth-dump"        the call; it is joined
 *   "vth-ask"         asks libvirt for the job, which may not answer for long;
 *                     left behind rather than waited for
 */
#include <config.h>

#include <libvirt/virterror.h>
#include <string.h>

#include "dump-call.h"

#define POLL_MS 100
/* How long an aborted job may take before it is asked again. */
#define ABORT_AGAIN_MS 1000

/* --- asking for the job --- */

typedef enum { ASK_NOTHING, ASK_JOB, ASK_ABORT, ASK_LEAVE } Ask;

typedef struct {
  int references;
  virDomainPtr domain;
  int64_t begun_us, begun_real_us; /* when the call entered libvirt */
  GMutex mutex;
  GCond cond;
  Ask ask;          /* what is being asked, until it is answered */
  bool aborting;    /* the answer is not to be left behind */
  bool answered;
  VthJob *job;      /* the answer */
  bool own;
} Asker;

static void
asker_unref (Asker *asker)
{
  if (!g_atomic_int_dec_and_test (&asker->references))
    return;
  virDomainFree (asker->domain);
  vth_job_free (asker->job);
  g_mutex_clear (&asker->mutex);
  g_cond_clear (&asker->cond);
  g_free (asker);
}

/*
 * Whether the job is our call's: it is a dump, and began after the call did.
 * A job's age is told by the wall clock of its host, which may have been set
 * meanwhile; where that is our host, ours tells the same.
 */
static bool
is_own (const Asker *asker, const VthJob *job)
{
  const int64_t ours_us
      = MAX (g_get_monotonic_time () - asker->begun_us, g_get_real_time () - asker->begun_real_us);

  return job != NULL && job->is_dump && asker->begun_us != 0 && (int64_t) job->elapsed_ms <= ours_us / 1000;
}

static void *
ask_thread (void *data)
{
  Asker *asker = data;

  g_mutex_lock (&asker->mutex);
  while (asker->ask != ASK_LEAVE)
    {
      if (asker->ask == ASK_NOTHING)
        {
          g_cond_wait (&asker->cond, &asker->mutex);
          continue;
        }
      VthJob *job = NULL;
      g_mutex_unlock (&asker->mutex);
      (void) vth_job_get (asker->domain, false, &job, NULL);
      g_mutex_lock (&asker->mutex);
      const bool own = is_own (asker, job);
      if (own && asker->ask == ASK_ABORT)
        {
          asker->aborting = true;
          g_mutex_unlock (&asker->mutex);
          (void) virDomainAbortJob (asker->domain);
          g_mutex_lock (&asker->mutex);
          asker->aborting = false;
        }
      vth_job_free (asker->job);
      asker->job = job;
      asker->own = own;
      asker->answered = true;
      if (asker->ask != ASK_LEAVE)
        asker->ask = ASK_NOTHING;
      g_cond_broadcast (&asker->cond);
    }
  g_mutex_unlock (&asker->mutex);
  asker_unref (asker);
  return NULL;
}

static Asker *
asker_new (virDomainPtr domain)
{
  Asker *asker = g_new0 (Asker, 1);
  asker->references = 2;
  virDomainRef (domain);
  asker->domain = domain;
  g_mutex_init (&asker->mutex);
  g_cond_init (&asker->cond);
  g_thread_unref (g_thread_new ("vth-ask", ask_thread, asker));
  return asker;
}

/* A question is left behind; an abort that libvirt has in hand is not: it might meet the job that comes next. */
static void
asker_free (Asker *asker)
{
  g_mutex_lock (&asker->mutex);
  asker->ask = ASK_LEAVE;
  g_cond_broadcast (&asker->cond);
  while (asker->aborting)
    g_cond_wait (&asker->cond, &asker->mutex);
  g_mutex_unlock (&asker->mutex);
  asker_unref (asker);
}

static void
asker_ask (Asker *asker, Ask ask)
{
  g_mutex_lock (&asker->mutex);
  if (asker->ask == ASK_NOTHING)
    {
      asker->ask = ask;
      g_cond_broadcast (&asker->cond);
    }
  g_mutex_unlock (&asker->mutex);
}

/* False while there is no answer that was not yet given.  *job is NULL if there is none. */
static bool
asker_answer (Asker *asker, int64_t until_us, VthJob **job, bool *own)
{
  g_mutex_lock (&asker->mutex);
  while (!asker->answered && g_cond_wait_until (&asker->cond, &asker->mutex, until_us))
    ;
  const bool answered = asker->answered;
  if (answered)
    {
      *job = g_steal_pointer (&asker->job);
      *own = asker->own;
      asker->answered = false;
    }
  g_mutex_unlock (&asker->mutex);
  return answered;
}

/* --- waiting for our turn --- */

static bool
wait_with (Asker *asker, unsigned int wait_s, void (*waiting) (const char *job, void *user_data), void *user_data,
           GCancellable *cancellable, GError **error)
{
  const char *name = virDomainGetName (asker->domain);
  const int64_t until_us = g_get_monotonic_time () + MAX ((int64_t) wait_s * G_USEC_PER_SEC, G_USEC_PER_SEC);
  g_autofree char *busy = NULL; /* what runs */

  for (;;)
    {
      const int64_t next_us = g_get_monotonic_time () + POLL_MS * 1000;
      VthJob *job = NULL;
      bool own;

      if (g_cancellable_is_cancelled (cancellable))
        {
          g_set_error (error, VTH_ERROR, VTH_ERROR_CANCELLED, "the dump of domain '%s' was cancelled before it began", name);
          return false;
        }
      asker_ask (asker, ASK_JOB);
      if (asker_answer (asker, next_us, &job, &own))
        {
          if (job == NULL)
            return true; /* or libvirt does not tell, and will say why when it is called */
          g_free (busy);
          g_autofree char *what = vth_job_describe (job);
          busy = g_strconcat (what, " runs", NULL);
          vth_job_free (job);
          if (wait_s > 0 && waiting != NULL)
            {
              waiting (what, user_data);
              waiting = NULL;
            }
        }
      if (g_get_monotonic_time () >= until_us || (busy != NULL && wait_s == 0))
        {
          g_set_error (error, VTH_ERROR, VTH_ERROR_LOCKED, "domain '%s' is busy: %s", name,
                       busy != NULL ? busy : "libvirt does not answer with what");
          return false;
        }
      while (g_get_monotonic_time () < next_us && !g_cancellable_is_cancelled (cancellable))
        g_usleep (10000);
    }
}

bool
vth_dump_call_wait (virDomainPtr domain, unsigned int wait_s, void (*waiting) (const char *job, void *user_data),
                    void *user_data, GCancellable *cancellable, GError **error)
{
  Asker *asker = asker_new (domain);
  bool ok = wait_with (asker, wait_s, waiting, user_data, cancellable, error);
  asker_free (asker);
  return ok;
}

/* --- the libvirt call, in a thread of its own --- */

typedef int (*CoreDumpParams) (virDomainPtr domain, virTypedParameterPtr params, int nparams, unsigned int flags);

typedef struct {
  const VthDumpCall *call;
  GMutex mutex;
  GCond cond;
  bool done;
  int result;
  bool unsupported;
  GError *error;
} Run;

static CoreDumpParams
find_core_dump_params (void)
{
  return (CoreDumpParams) (uintptr_t) vth_mirror_symbol ("virDomainCoreDumpParams");
}

bool
vth_dump_call_has_params (void)
{
  return find_core_dump_params () != NULL;
}

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

static bool
needs_params (const VthDumpCall *call)
{
  return call->format == VTH_FORMAT_KDUMP_ZSTD
         || ((call->flags & VIR_DUMP_THUNDER) && (call->track || !vth_tuning_is_empty (call->tuning)));
}

/* What is at its default is left out: a QEMU that does not know it need not mind. */
static int
core_dump_with_params (const VthDumpCall *call)
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

/*
 * Whether no dump like this is possible of this domain, here, whenever it is
 * tried: libvirt or QEMU lack what it takes, or QEMU cannot do it with what the
 * domain has.  Everything else may be a passing or a wrong request, for which
 * no guest is to be stopped.
 *
 * A flag that libvirt does not know gives VIR_ERR_INVALID_ARG as anything wrong
 * does; but that error has the name of the argument beside its (translated)
 * text, and what we put into "flags" is right for any libvirt that knows it.
 */
static bool
is_unsupported (const virError *err)
{
  switch (err != NULL ? err->code : VIR_ERR_OK)
    {
    case VIR_ERR_ARGUMENT_UNSUPPORTED:
    case VIR_ERR_OPERATION_UNSUPPORTED:
    case VIR_ERR_CONFIG_UNSUPPORTED:
    case VIR_ERR_NO_SUPPORT:
      return true;
    case VIR_ERR_INVALID_ARG:
      return g_strcmp0 (err->str2, "flags") == 0;
    default:
      return false;
    }
}

static void *
call_thread (void *data)
{
  Run *run = data;
  const VthDumpCall *call = run->call;
  const char *name = virDomainGetName (call->domain); /* later it would reset the error that is to be told */
  int result = needs_params (call) ? core_dump_with_params (call)
                                   : virDomainCoreDumpWithFormat (call->domain, call->path, vir_format (call->format), call->flags);
  GError *error = NULL;
  bool unsupported = false;

  /* libvirt keeps errors per thread: this is the only one that can read it */
  if (result < 0)
    {
      unsupported = is_unsupported (virGetLastError ());
      vth_error_set_libvirt (&error, "cannot dump domain '%s' to '%s'", name, call->path);
    }
  g_mutex_lock (&run->mutex);
  run->result = result;
  run->unsupported = unsupported;
  run->error = error;
  run->done = true;
  g_cond_broadcast (&run->cond);
  g_mutex_unlock (&run->mutex);
  return NULL;
}

static bool
run_wait (Run *run, int64_t until_us)
{
  g_mutex_lock (&run->mutex);
  while (!run->done && g_cond_wait_until (&run->cond, &run->mutex, until_us))
    ;
  bool done = run->done;
  g_mutex_unlock (&run->mutex);
  return done;
}

typedef enum { END_NORMAL, END_CANCELLED, END_TIMEOUT } End;

/* Waits for the end of the call, and hastens it where it may. */
static End
attend (Run *run, Asker *asker, unsigned int timeout_s, VthProgressFunc progress, void *user_data, GCancellable *cancellable)
{
  const VthDumpCall *call = run->call;
  const bool can_abort = call->flags & VIR_DUMP_THUNDER;
  int64_t abort_us = 0;
  bool told = false;
  End end = END_NORMAL;

  do
    {
      int64_t now_us = g_get_monotonic_time ();
      VthJob *job = NULL;
      bool own = false;

      if (end == END_NORMAL && g_cancellable_is_cancelled (cancellable))
        end = END_CANCELLED;
      if (end == END_NORMAL && timeout_s > 0 && now_us - asker->begun_us > (int64_t) timeout_s * G_USEC_PER_SEC)
        end = END_TIMEOUT;
      if (end != END_NORMAL && !can_abort)
        {
          /* libvirt refuses to abort it; without its thread the guest would stay as it is. */
          if (!told && call->cannot_cancel != NULL)
            call->cannot_cancel (user_data);
          told = true;
          continue;
        }
      if (asker_answer (asker, now_us, &job, &own))
        {
          if (own && end == END_NORMAL && progress != NULL)
            progress (job->done_bytes, job->total_bytes, job->has_figures ? &job->figures : NULL, user_data);
          /* Not ours, or not yet begun: then it is looked at again soon. */
          abort_us = own && end != END_NORMAL ? now_us + ABORT_AGAIN_MS * 1000 : 0;
        }
      vth_job_free (job);
      if (end == END_NORMAL ? progress != NULL : now_us >= abort_us)
        asker_ask (asker, end == END_NORMAL ? ASK_JOB : ASK_ABORT);
    }
  while (!run_wait (run, g_get_monotonic_time () + POLL_MS * 1000));
  return end;
}

static bool
run_with (const VthDumpCall *call, Asker *asker, unsigned int timeout_s, VthProgressFunc progress, void *user_data,
          GCancellable *cancellable, bool *unsupported, GError **error)
{
  Run run = { .call = call };

  g_mutex_init (&run.mutex);
  g_cond_init (&run.cond);
  g_mutex_lock (&asker->mutex);
  asker->begun_us = g_get_monotonic_time ();
  asker->begun_real_us = g_get_real_time ();
  g_mutex_unlock (&asker->mutex);
  GThread *thread = g_thread_new ("vth-dump", call_thread, &run);
  End end = attend (&run, asker, timeout_s, progress, user_data, cancellable);
  g_thread_join (thread);
  g_mutex_clear (&run.mutex);
  g_cond_clear (&run.cond);

  if (run.result == 0)
    return true; /* also when the abort came too late: the dump is whole */
  if (end == END_NORMAL)
    {
      *unsupported = run.unsupported;
      g_propagate_error (error, run.error);
      return false;
    }
  g_clear_error (&run.error);
  if (end == END_CANCELLED)
    g_set_error (error, VTH_ERROR, VTH_ERROR_CANCELLED, "the dump of domain '%s' was cancelled", virDomainGetName (call->domain));
  else
    g_set_error (error, VTH_ERROR, VTH_ERROR_TIMEOUT, "the dump of domain '%s' took longer than %u s and was cancelled",
                 virDomainGetName (call->domain), timeout_s);
  return false;
}

bool
vth_dump_call_run (const VthDumpCall *call, unsigned int timeout_s, VthProgressFunc progress, void *user_data,
                   GCancellable *cancellable, bool *unsupported, GError **error)
{
  const unsigned int wait_s = timeout_s > 0 ? MIN (timeout_s, VTH_DUMP_WAIT_S) : VTH_DUMP_WAIT_S;

  *unsupported = false;
  if (needs_params (call) && !vth_dump_call_has_params ())
    {
      *unsupported = true;
      g_set_error (error, VTH_ERROR, VTH_ERROR_UNSUPPORTED,
                   "cannot dump domain '%s' to '%s': this libvirt knows no strategy, no limits and no zstd of dumps",
                   virDomainGetName (call->domain), call->path);
      return false;
    }
  Asker *asker = asker_new (call->domain);
  bool ok = wait_with (asker, wait_s, call->waiting, user_data, cancellable, error)
            && run_with (call, asker, timeout_s, progress, user_data, cancellable, unsupported, error);
  asker_free (asker);
  return ok;
}
