/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One dump by libvirt beside other people's jobs.
 *
 * This program is the libvirt: a domain with one job at a time, a dump that
 * waits inside for its turn, and an abort that hits whatever runs.
 */
#include <config.h>

#include <libvirt/virterror.h>
#include <string.h>

#include "dump-call.h"

#define DOMAIN ((virDomainPtr) &fake) /* nothing looks into it */

static struct {
  GMutex mutex;
  GCond cond;
  int operation;        /* of the job that runs; 0: none */
  int64_t began_us;
  int meanwhile;        /* begins once our look has found nothing */
  int64_t meanwhile_age_us;
  bool hangs;           /* does not say what runs */
  bool slow;            /* a dump lasts until it is aborted */
  bool aborted;
  unsigned int calls, refs;
  GString *aborts;      /* operations that were aborted */
  virError error;       /* of a dump, if code is set */
} fake;

static const virError *
last_error (bool set, const virError *error)
{
  static __thread virError last;
  if (set)
    last = *error;
  return &last;
}

virErrorPtr
virGetLastError (void)
{
  return (virErrorPtr) last_error (false, NULL);
}

int
virGetLastErrorCode (void)
{
  return last_error (false, NULL)->code;
}

const char *
virDomainGetName (virDomainPtr domain)
{
  return "web1";
}

int
virDomainRef (virDomainPtr domain)
{
  g_atomic_int_inc (&fake.refs);
  return 0;
}

int
virDomainFree (virDomainPtr domain)
{
  g_assert_true (g_atomic_int_add (&fake.refs, -1) > 0);
  return 0;
}

static void
begin (int operation, int64_t age_us)
{
  fake.operation = operation;
  fake.began_us = g_get_monotonic_time () - age_us;
  g_cond_broadcast (&fake.cond);
}

int
virDomainGetJobStats (virDomainPtr domain, int *type, virTypedParameterPtr *params, int *n, unsigned int flags)
{
  int room = 0;
  *params = NULL;
  *n = 0;
  g_mutex_lock (&fake.mutex);
  while (fake.hangs)
    g_cond_wait (&fake.cond, &fake.mutex);
  *type = fake.operation != 0 ? VIR_DOMAIN_JOB_UNBOUNDED : VIR_DOMAIN_JOB_NONE;
  if (fake.operation != 0)
    {
      virTypedParamsAddInt (params, n, &room, VIR_DOMAIN_JOB_OPERATION, fake.operation);
      virTypedParamsAddULLong (params, n, &room, VIR_DOMAIN_JOB_TIME_ELAPSED,
                               (unsigned long long) (g_get_monotonic_time () - fake.began_us) / 1000);
      virTypedParamsAddULLong (params, n, &room, VIR_DOMAIN_JOB_DATA_TOTAL, 1000);
    }
  else if (fake.meanwhile != 0)
    {
      begin (fake.meanwhile, fake.meanwhile_age_us);
      fake.meanwhile = 0;
    }
  g_mutex_unlock (&fake.mutex);
  return 0;
}

int
virDomainAbortJob (virDomainPtr domain)
{
  g_mutex_lock (&fake.mutex);
  g_string_append_printf (fake.aborts, "%d ", fake.operation);
  fake.operation = 0;
  fake.aborted = true;
  g_cond_broadcast (&fake.cond);
  g_mutex_unlock (&fake.mutex);
  return 0;
}

int
virDomainCoreDumpWithFormat (virDomainPtr domain, const char *to, unsigned int format, unsigned int flags)
{
  int result = 0;
  g_mutex_lock (&fake.mutex);
  fake.calls++;
  while (fake.operation != 0)
    g_cond_wait (&fake.cond, &fake.mutex);
  fake.aborted = false;
  begin (VIR_DOMAIN_JOB_OPERATION_DUMP, 0);
  while (fake.slow && !fake.aborted)
    g_cond_wait (&fake.cond, &fake.mutex);
  if (fake.aborted)
    last_error (true, &(virError){ .code = VIR_ERR_OPERATION_ABORTED, .message = (char *) "canceled" });
  else if (fake.error.code != 0)
    last_error (true, &fake.error);
  result = fake.aborted || fake.error.code != 0 ? -1 : 0;
  fake.operation = 0;
  g_cond_broadcast (&fake.cond);
  g_mutex_unlock (&fake.mutex);
  return result;
}

/* --- what the tests share --- */

typedef struct {
  GCancellable *cancellable;
  unsigned int n_progress, n_waiting;
  char *waits_for;
  int64_t cancelled_us;
} Watcher;

static void
set_up (void)
{
  /* a question that was left behind ends by itself */
  while (g_atomic_int_get (&fake.refs) > 0)
    g_usleep (1000);
  if (fake.aborts != NULL)
    g_string_free (fake.aborts, TRUE);
  memset (&fake, 0, sizeof fake);
  fake.aborts = g_string_new (NULL);
}

static void
on_progress (uint64_t done, uint64_t total, const VthFigures *figures, void *data)
{
  ((Watcher *) data)->n_progress++;
}

static void
on_waiting (const char *job, void *data)
{
  Watcher *watcher = data;
  watcher->n_waiting++;
  g_free (watcher->waits_for);
  watcher->waits_for = g_strdup (job);
}

static bool
run (Watcher *watcher, unsigned int timeout_s, bool *unsupported, GError **error)
{
  static const VthTuning tuning;
  bool ignored;
  const VthDumpCall call = { .domain = DOMAIN, .path = "/d/x", .flags = VIR_DUMP_MEMORY_ONLY | VIR_DUMP_THUNDER,
                             .tuning = &tuning, .waiting = on_waiting };
  return vth_dump_call_run (&call, timeout_s, on_progress, watcher, watcher->cancellable,
                            unsupported != NULL ? unsupported : &ignored, error);
}

static void *
cancel_soon (void *data)
{
  Watcher *watcher = data;
  g_usleep (400000);
  watcher->cancelled_us = g_get_monotonic_time ();
  g_cancellable_cancel (watcher->cancellable);
  return NULL;
}

static void *
end_later (void *data)
{
  g_usleep (1200000);
  g_mutex_lock (&fake.mutex);
  g_assert_cmpint (fake.operation, ==, GPOINTER_TO_INT (data)); /* nobody ended it before */
  fake.operation = 0;
  g_cond_broadcast (&fake.cond);
  g_mutex_unlock (&fake.mutex);
  return NULL;
}

#define assert_soon(since_us) g_assert_cmpint (g_get_monotonic_time () - (since_us), <, 700000)

/* --- waiting for our turn --- */

static void
test_free (void)
{
  set_up ();
  g_autoptr (GError) error = NULL;
  Watcher watcher = { 0 };
  g_assert_true (run (&watcher, 0, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (fake.calls, ==, 1);
  g_assert_cmpuint (watcher.n_waiting, ==, 0);
  g_assert_cmpstr (fake.aborts->str, ==, "");
}

/* A dump that is not to take longer than a second gives up its wait; libvirt never hears of it. */
static void
test_busy (void)
{
  static const struct {
    int operation;
    const char *name;
  } jobs[] = { { VIR_DOMAIN_JOB_OPERATION_BACKUP, "a backup" },
               { VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT, "an outgoing migration" },
               { VIR_DOMAIN_JOB_OPERATION_DUMP, "a dump" },
               { 99, "another job" } };
  for (unsigned int i = 0; i < G_N_ELEMENTS (jobs); i++)
    {
      set_up ();
      g_autoptr (GError) error = NULL;
      g_autofree char *text = g_strdup_printf ("domain 'web1' is busy: %s runs", jobs[i].name);
      Watcher watcher = { 0 };
      const int64_t start_us = g_get_monotonic_time ();
      begin (jobs[i].operation, 0);
      g_assert_false (run (&watcher, 1, NULL, &error));
      g_assert_error (error, VTH_ERROR, VTH_ERROR_LOCKED);
      g_assert_cmpstr (error->message, ==, text);
      g_assert_cmpint (g_get_monotonic_time () - start_us, >=, 900000);
      assert_soon (start_us + G_USEC_PER_SEC);
      g_assert_cmpuint (fake.calls, ==, 0);
      g_assert_cmpuint (watcher.n_progress, ==, 0);
      g_assert_cmpuint (watcher.n_waiting, ==, 1);
      g_assert_cmpstr (watcher.waits_for, ==, jobs[i].name);
      g_assert_cmpstr (fake.aborts->str, ==, "");
      g_free (watcher.waits_for);

      /* who only asks does not wait */
      const int64_t asked_us = g_get_monotonic_time ();
      g_autoptr (GError) at_once = NULL;
      g_assert_false (vth_dump_call_wait (DOMAIN, 0, on_waiting, NULL, NULL, &at_once));
      g_assert_cmpstr (at_once->message, ==, text);
      assert_soon (asked_us);
    }
}

static void
test_cancel_wait (void)
{
  for (int hangs = 0; hangs <= 1; hangs++)
    {
      set_up ();
      g_autoptr (GError) error = NULL;
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      Watcher watcher = { .cancellable = cancellable };
      begin (VIR_DOMAIN_JOB_OPERATION_BACKUP, 0);
      fake.hangs = hangs;
      GThread *thread = g_thread_new ("cancel", cancel_soon, &watcher);
      g_assert_false (run (&watcher, 0, NULL, &error));
      assert_soon (watcher.cancelled_us);
      g_thread_join (thread);
      g_assert_error (error, VTH_ERROR, VTH_ERROR_CANCELLED);
      g_assert_cmpuint (fake.calls, ==, 0);
      g_assert_cmpstr (fake.aborts->str, ==, "");
      g_free (watcher.waits_for);
      g_mutex_lock (&fake.mutex);
      fake.hangs = false;
      g_cond_broadcast (&fake.cond);
      g_mutex_unlock (&fake.mutex);
    }
}

static void
test_turn_comes (void)
{
  set_up ();
  g_autoptr (GError) error = NULL;
  Watcher watcher = { 0 };
  begin (VIR_DOMAIN_JOB_OPERATION_SAVE, 0);
  GThread *thread = g_thread_new ("end", end_later, GINT_TO_POINTER (VIR_DOMAIN_JOB_OPERATION_SAVE));
  g_assert_true (run (&watcher, 0, NULL, &error));
  g_thread_join (thread);
  g_assert_cmpuint (fake.calls, ==, 1);
  g_free (watcher.waits_for);
}

/* --- the call itself --- */

static void
test_abort_own (void)
{
  for (int by_time = 0; by_time <= 1; by_time++)
    {
      set_up ();
      g_autoptr (GError) error = NULL;
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      Watcher watcher = { .cancellable = cancellable };
      fake.slow = true;
      GThread *thread = by_time ? NULL : g_thread_new ("cancel", cancel_soon, &watcher);
      g_assert_false (run (&watcher, 1, NULL, &error));
      if (thread != NULL)
        g_thread_join (thread);
      const int expected = by_time ? VTH_ERROR_TIMEOUT : VTH_ERROR_CANCELLED;
      g_assert_error (error, VTH_ERROR, expected);
      g_autofree char *dump = g_strdup_printf ("%d ", VIR_DOMAIN_JOB_OPERATION_DUMP);
      g_assert_cmpstr (fake.aborts->str, ==, dump);
      g_assert_cmpuint (watcher.n_progress, >, 0);
    }
}

/* One that began after our look: libvirt waits for it, and nobody is to end it; not even if it is a dump. */
static void
test_abort_others (void)
{
  static const int operations[]
      = { VIR_DOMAIN_JOB_OPERATION_BACKUP, VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT, VIR_DOMAIN_JOB_OPERATION_DUMP };
  for (unsigned int i = 0; i < G_N_ELEMENTS (operations); i++)
    {
      set_up ();
      g_autoptr (GError) error = NULL;
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      Watcher watcher = { .cancellable = cancellable };
      fake.slow = true;
      fake.meanwhile = operations[i];
      fake.meanwhile_age_us = 300000;
      GThread *cancel = g_thread_new ("cancel", cancel_soon, &watcher);
      GThread *end = g_thread_new ("end", end_later, GINT_TO_POINTER (operations[i]));
      g_assert_false (run (&watcher, 0, NULL, &error));
      g_thread_join (cancel);
      g_thread_join (end);
      g_assert_error (error, VTH_ERROR, VTH_ERROR_CANCELLED);
      g_assert_cmpuint (fake.calls, ==, 1);
      g_assert_cmpuint (watcher.n_progress, ==, 0);
      /* then ours came, and went */
      g_autofree char *dump = g_strdup_printf ("%d ", VIR_DOMAIN_JOB_OPERATION_DUMP);
      g_assert_cmpstr (fake.aborts->str, ==, dump);
    }
}

/* --- whether another way would help --- */

static void
test_unsupported (void)
{
  static const struct {
    int code;
    const char *text, *str2;
    bool unsupported;
  } errors[] = {
    { VIR_ERR_OPERATION_UNSUPPORTED, "mode=mirror is not possible with a 'ivshmem-plain' device", NULL, true },
    { VIR_ERR_ARGUMENT_UNSUPPORTED, "parameter 'strategy' not supported", NULL, true },
    { VIR_ERR_CONFIG_UNSUPPORTED, "x", NULL, true },
    { VIR_ERR_NO_SUPPORT, "this function is not supported", NULL, true },
    { VIR_ERR_INVALID_ARG, "unsupported flags (0x20) in function qemuDomainCoreDumpWithFormat", "flags", true },
    { VIR_ERR_INVALID_ARG, "unknown value 'x' of parameter 'strategy'", NULL, false },
    { VIR_ERR_INVALID_ARG, "note in virDomainCoreDumpParams must not be NULL", "note", false },
    { VIR_ERR_OPERATION_FAILED, "mode=mirror is not possible while a migration runs", NULL, false },
    { VIR_ERR_OPERATION_FAILED, "mode=mirror: cannot set the size of the output: No space left on device", NULL, false },
    { VIR_ERR_OPERATION_FAILED, "dump of the running guest failed: No space left on device", NULL, false },
    { VIR_ERR_OPERATION_INVALID, "domain is not running", NULL, false },
    { VIR_ERR_OPERATION_TIMEOUT, "cannot acquire state change lock", NULL, false },
    { VIR_ERR_OPERATION_ABORTED, "canceled by client", NULL, false },
    { VIR_ERR_INTERNAL_ERROR, "client socket is closed", NULL, false },
  };
  for (unsigned int i = 0; i < G_N_ELEMENTS (errors); i++)
    {
      set_up ();
      g_autoptr (GError) error = NULL;
      Watcher watcher = { 0 };
      bool unsupported = !errors[i].unsupported;
      fake.error = (virError){ .code = errors[i].code, .message = (char *) errors[i].text, .str2 = (char *) errors[i].str2 };
      g_assert_false (run (&watcher, 0, &unsupported, &error));
      g_assert_nonnull (strstr (error->message, errors[i].text));
      if (unsupported != errors[i].unsupported)
        g_error ("%s: unsupported is %d", errors[i].text, unsupported);
    }
}

/* --- job-abort --- */

static void
test_job_abort (void)
{
  set_up ();
  g_autoptr (GError) none = NULL, other = NULL, error = NULL;
  g_assert_false (vth_job_abort (DOMAIN, &none));
  g_assert_error (none, VTH_ERROR, VTH_ERROR_NOT_FOUND);
  begin (VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT, 0);
  g_assert_false (vth_job_abort (DOMAIN, &other));
  g_assert_error (other, VTH_ERROR, VTH_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (other->message, "an outgoing migration is, which 'virsh domjobabort' ends"));
  g_assert_cmpstr (fake.aborts->str, ==, "");
  begin (VIR_DOMAIN_JOB_OPERATION_DUMP, 5 * G_USEC_PER_SEC);
  g_assert_true (vth_job_abort (DOMAIN, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (fake.aborts->str, !=, "");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  virInitialize (); /* its errors of each thread */
  g_test_add_func ("/dump-call/free", test_free);
  g_test_add_func ("/dump-call/busy", test_busy);
  g_test_add_func ("/dump-call/cancel-wait", test_cancel_wait);
  g_test_add_func ("/dump-call/turn-comes", test_turn_comes);
  g_test_add_func ("/dump-call/abort-own", test_abort_own);
  g_test_add_func ("/dump-call/abort-others", test_abort_others);
  g_test_add_func ("/dump-call/unsupported", test_unsupported);
  g_test_add_func ("/dump-call/job-abort", test_job_abort);
  return g_test_run ();
}
