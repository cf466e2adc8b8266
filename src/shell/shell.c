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

bool
sh_shell_connect (Shell *shell, GError **error)
{
  const char *uri = shell->uri;

  if (shell->conn && g_atomic_int_get (&shell->disconnected)) {
    sh_shell_disconnect (shell);
    sh_shell_warn (shell, "the connection was lost, connecting again");
  }
  if (shell->conn)
    return true;

  if (!uri)
    uri = g_getenv ("VTHUNDER_DEFAULT_CONNECT_URI");
  if (!is_local_test (uri ? uri : g_getenv ("LIBVIRT_DEFAULT_URI")))
    start_event_loop (shell);
  sh_shell_debug (shell, "connecting to %s", uri ? uri : "the default hypervisor");
  /* Completion must not end in a question for a password. */
  shell->conn = virConnectOpenAuth (uri, shell->completing ? NULL : virConnectAuthPtrDefault,
                                    shell->readonly || shell->completing ? VIR_CONNECT_RO : 0);
  if (!shell->conn) {
    vth_error_set_libvirt (error, "failed to connect to %s", uri ? uri : "the hypervisor");
    return false;
  }

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
