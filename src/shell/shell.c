// SPDX-License-Identifier: GPL-2.0-or-later
/* The connection and the reporting of errors.  Runs libvirt's event loop in a
 * thread of its own where there is something to watch. */

#include "config.h"

#include "shell.h"

#include <libvirt/virterror.h>
#include <stdarg.h>
#include <string.h>

#include "output.h"
#include "parse.h"
#include "signals.h"
#include "vthunder.h"

G_DEFINE_QUARK (sh-error-quark, sh_error)

/* libvirt prints errors by itself unless it is told not to; ours come once. */
static void
ignore_virt_error (void *opaque G_GNUC_UNUSED, virErrorPtr error G_GNUC_UNUSED)
{
}

void
sh_shell_init (Shell *shell)
{
  memset (shell, 0, sizeof *shell);
  shell->debug = 4;
  shell->keepalive_interval = -1;
  shell->keepalive_count = -1;
  shell->cancellable = g_cancellable_new ();
  virSetErrorFunc (NULL, ignore_virt_error);
}

void
sh_shell_clear (Shell *shell)
{
  sh_shell_end_completion (shell);
  sh_shell_disconnect (shell);
  g_clear_pointer (&shell->uri, g_free);
  g_clear_object (&shell->cancellable);
  if (shell->log)
    fclose (shell->log);
  shell->log = NULL;
}

/* --- connection -------------------------------------------------------------- */

static gpointer
run_event_loop (gpointer opaque G_GNUC_UNUSED)
{
  for (;;)
    virEventRunDefaultImpl ();
  return NULL;
}

/* Keepalive and the notice of a lost connection need an event loop.  It is
 * started for connections to a daemon only, since a thread costs start-up time,
 * and ends with the process. */
static void
start_event_loop (Shell *shell)
{
  if (shell->event_loop)
    return;
  if (virEventRegisterDefaultImpl () < 0)
    return;
  g_thread_unref (g_thread_new ("events", run_event_loop, NULL));
  shell->event_loop = true;
}

static void
connection_closed (virConnectPtr conn G_GNUC_UNUSED, int reason, void *opaque)
{
  Shell *shell = opaque;

  if (reason != VIR_CONNECT_CLOSE_REASON_CLIENT)
    g_atomic_int_set (&shell->disconnected, 1);
}

static bool
is_local_test (const char *uri)
{
  return uri && g_str_has_prefix (uri, "test:");
}

/* What is asked for: nothing opens a connection to anything else. */
static const char *
connect_uri (const Shell *shell)
{
  return shell->uri ? shell->uri : g_getenv ("VTHUNDER_DEFAULT_CONNECT_URI");
}

static const char *
uri_to_show (const char *uri)
{
  return uri ? uri : "the hypervisor";
}

/* libvirt gives no way out of an open that hangs, which may be for minutes.  So
 * it is done in a thread, which closes what nobody waits for any more. */
typedef struct {
  char *uri;
  unsigned flags;
  bool asks;                      /* may ask for a password */
  int asking;                     /* atomic: does so */
  GMutex mutex;
  GCond cond;
  bool done, abandoned;
  virConnectPtr conn;
  GError *error;
} Opening;

static void
opening_free (Opening *opening)
{
  g_mutex_clear (&opening->mutex);
  g_cond_clear (&opening->cond);
  g_clear_error (&opening->error);
  g_free (opening->uri);
  g_free (opening);
}

static int
ask (virConnectCredentialPtr credentials, unsigned n, void *data)
{
  Opening *opening = data;
  int result;

  g_atomic_int_set (&opening->asking, 1);
  result = virConnectAuthPtrDefault->cb (credentials, n, virConnectAuthPtrDefault->cbdata);
  g_atomic_int_set (&opening->asking, 0);
  return result;
}

static void
opening_open (Opening *opening)
{
  virConnectAuth auth = *virConnectAuthPtrDefault;

  auth.cb = ask;
  auth.cbdata = opening;
  /* errors are kept per thread */
  opening->conn = virConnectOpenAuth (opening->uri, opening->asks ? &auth : NULL, opening->flags);
  if (!opening->conn)
    vth_error_set_libvirt (&opening->error, "failed to connect to %s", uri_to_show (opening->uri));
}

static gpointer
opening_run (gpointer data)
{
  Opening *opening = data;
  bool abandoned;

  opening_open (opening);
  g_mutex_lock (&opening->mutex);
  opening->done = true;
  abandoned = opening->abandoned;
  g_cond_signal (&opening->cond);
  g_mutex_unlock (&opening->mutex);
  if (abandoned) {
    if (opening->conn)
      virConnectClose (opening->conn);
    opening_free (opening);
  }
  return NULL;
}

/* False if the user has had enough, or @limit_us is over (0: none). */
static bool
opening_wait (Opening *opening, GCancellable *cancellable, gint64 limit_us)
{
  gint64 end_us = limit_us ? g_get_monotonic_time () + limit_us : G_MAXINT64;
  bool done;

  g_mutex_lock (&opening->mutex);
  while (!opening->done && !g_cancellable_is_cancelled (cancellable) && g_get_monotonic_time () < end_us)
    g_cond_wait_until (&opening->cond, &opening->mutex, g_get_monotonic_time () + G_USEC_PER_SEC / 20);
  done = opening->done;
  opening->abandoned = !done;
  g_mutex_unlock (&opening->mutex);
  return done;
}

#define COMPLETION_WAIT_US (3 * G_USEC_PER_SEC)

/* A prompt must not hang: a user's Ctrl-C ends the wait, and that for completion has an end of its own. */
static virConnectPtr
open_connection (Shell *shell, const char *uri, bool asks, unsigned flags, GError **error)
{
  Opening *opening = g_new0 (Opening, 1);
  virConnectPtr conn;

  g_mutex_init (&opening->mutex);
  g_cond_init (&opening->cond);
  opening->uri = g_strdup (uri);
  opening->flags = flags;
  opening->asks = asks;
  if (!shell->interactive) {
    opening_open (opening);
  } else {
    g_thread_unref (g_thread_new ("connect", opening_run, opening));
    if (!opening_wait (opening, shell->completing ? NULL : shell->cancellable, shell->completing ? COMPLETION_WAIT_US : 0)) {
      /* It goes on to read what is typed, and hides it: no prompt can stand beside that. */
      if (g_atomic_int_get (&opening->asking))
        sh_signals_die ();
      g_set_error (error, SH_ERROR, SH_ERROR_CANCELLED, "connecting to %s was cancelled", uri_to_show (uri));
      return NULL;
    }
  }
  conn = opening->conn;
  if (!conn)
    g_propagate_error (error, g_steal_pointer (&opening->error));
  opening_free (opening);
  return conn;
}

bool
sh_shell_connect (Shell *shell, GError **error)
{
  const char *uri = connect_uri (shell);

  if (shell->conn && g_atomic_int_get (&shell->disconnected)) {
    sh_shell_disconnect (shell);
    sh_shell_warn (shell, "the connection was lost, connecting again");
  }
  if (shell->conn)
    return true;

  if (!is_local_test (uri ? uri : g_getenv ("LIBVIRT_DEFAULT_URI")))
    start_event_loop (shell);
  sh_shell_debug (shell, "connecting to %s", uri ? uri : "the default hypervisor");
  shell->conn = open_connection (shell, uri, true, shell->readonly ? VIR_CONNECT_RO : 0, error);
  if (!shell->conn)
    return false;

  g_atomic_int_set (&shell->disconnected, 0);
  if (shell->event_loop) {
    if (shell->keepalive_interval != 0
        && virConnectSetKeepAlive (shell->conn,
                                   shell->keepalive_interval < 0 ? 5 : shell->keepalive_interval,
                                   shell->keepalive_count < 0 ? 6
                                   : (unsigned) shell->keepalive_count) < 0
        && shell->keepalive_interval > 0) {
      vth_error_set_libvirt (error, "cannot set the keepalive interval");
      sh_shell_disconnect (shell);
      return false;
    }
    virConnectRegisterCloseCallback (shell->conn, connection_closed, shell, NULL);
  }
  virResetLastError ();
  return true;
}

virConnectPtr
sh_shell_conn_to_complete (Shell *shell)
{
  const char *uri = connect_uri (shell);

  if (shell->conn && !g_atomic_int_get (&shell->disconnected))
    return shell->conn;
  /* ssh would ask at the terminal, in the middle of the line that is being typed. */
  if (!shell->complete_conn && !(shell->interactive && uri && strstr (uri, "ssh")))
    shell->complete_conn = open_connection (shell, uri, false, VIR_CONNECT_RO, NULL);
  return shell->complete_conn;
}

void
sh_shell_end_completion (Shell *shell)
{
  if (shell->complete_conn)
    virConnectClose (shell->complete_conn);
  shell->complete_conn = NULL;
}

void
sh_shell_disconnect (Shell *shell)
{
  if (!shell->conn)
    return;
  if (shell->event_loop)
    virConnectUnregisterCloseCallback (shell->conn, connection_closed);
  virConnectClose (shell->conn);
  shell->conn = NULL;
}

/* --- errors ------------------------------------------------------------------- */

static bool
is_config_error (VthError code)
{
  return code == VTH_ERROR_USAGE || code == VTH_ERROR_CONFIG || code == VTH_ERROR_AMBIGUOUS;
}

ShExit
sh_shell_exit_code (const GError *error)
{
  if (error->domain == SH_PARSE_ERROR)
    return SH_EXIT_USAGE;
  if (error->domain == SH_ERROR)
    switch ((ShError) error->code) {
    case SH_ERROR_USAGE:
      return SH_EXIT_USAGE;
    case SH_ERROR_BUSY:
      return SH_EXIT_BUSY;
    case SH_ERROR_PARTIAL:
      return SH_EXIT_PARTIAL;
    case SH_ERROR_FAILED:
    case SH_ERROR_CANCELLED:
      return SH_EXIT_ERROR;
    }
  if (error->domain == VTH_ERROR) {
    if (is_config_error ((VthError) error->code))
      return SH_EXIT_USAGE;
    if (error->code == VTH_ERROR_LOCKED)
      return SH_EXIT_BUSY;
  }
  return SH_EXIT_ERROR;
}

G_GNUC_PRINTF (3, 0)
static void
log_line (Shell *shell, const char *level, const char *format, va_list args)
{
  g_autoptr(GDateTime) now = NULL;
  g_autofree char *time = NULL;
  g_autofree char *text = NULL;

  if (!shell->log)
    return;
  now = g_date_time_new_now_local ();
  time = g_date_time_format (now, "%F %T%z");
  text = g_strdup_vprintf (format, args);
  fprintf (shell->log, "%s %s %s\n", time, level, text);
  fflush (shell->log);
}

G_GNUC_PRINTF (3, 4)
static void
log_message (Shell *shell, const char *level, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  log_line (shell, level, format, args);
  va_end (args);
}

void
sh_shell_report (Shell *shell, const GError *error)
{
  sh_output_error ("error: %s\n", error->message);
  log_message (shell, "ERROR", "%s", error->message);
}

void
sh_shell_warn (Shell *shell, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  if (!shell->completing)
    sh_output_error ("warning: %s\n", text);
  log_message (shell, "WARNING", "%s", text);
}

void
sh_shell_debug (Shell *shell, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  if (shell->debug > 1 && !shell->log)
    return;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  if (shell->debug <= 1)
    sh_output_error ("debug: %s\n", text);
  log_message (shell, "DEBUG", "%s", text);
}
