// SPDX-License-Identifier: GPL-2.0-or-later
/* What all commands share: the connection, the global options, and how a
 * command fails. */

#pragma once

#include <gio/gio.h>
#include <libvirt/libvirt.h>
#include <stdbool.h>
#include <stdio.h>

typedef enum {
  SH_EXIT_OK = 0,
  SH_EXIT_ERROR = 1,
  SH_EXIT_USAGE = 2,              /* usage or configuration */
  SH_EXIT_BUSY = 3,               /* locked or already running */
  SH_EXIT_PARTIAL = 10,           /* some of several failed */
} ShExit;

#define SH_ERROR (sh_error_quark ())
GQuark sh_error_quark (void);

typedef enum {
  SH_ERROR_FAILED,
  SH_ERROR_USAGE,
  SH_ERROR_BUSY,
  SH_ERROR_PARTIAL,
  SH_ERROR_CANCELLED,
} ShError;

typedef struct Shell {
  char *uri;                      /* asked for; NULL: libvirt's default */
  virConnectPtr conn;             /* NULL until a command needs it */
  virConnectPtr complete_conn;    /* of the completion that runs, where the other is not there */
  bool readonly;
  bool quiet;                     /* no headings, no informational messages */
  bool timing;
  int debug;                      /* 0 (everything) … 4 (errors only), as in virsh */
  int keepalive_interval;         /* seconds, -1: libvirt's default */
  int keepalive_count;
  FILE *log;                      /* NULL: none */

  bool interactive;               /* a user types the commands */
  bool completing;                /* must not ask, wait or write */
  bool leave;                     /* `quit` was given */
  GCancellable *cancellable;      /* of the command that runs, never NULL */
  bool event_loop;                /* its thread runs */
  int disconnected;               /* atomic: the connection was lost */
} Shell;

void sh_shell_init (Shell *shell);
void sh_shell_clear (Shell *shell);

/* Opens the connection if there is none, or a new one if it broke. */
bool sh_shell_connect (Shell *shell, GError **error);
/* Closes the connection, if any. */
void sh_shell_disconnect (Shell *shell);
/* For completion, which must neither ask nor wait for long, nor leave a
 * connection that commands would use: the present one, or a read-only one that
 * lasts until the end of the completion.  NULL if there is none. */
virConnectPtr sh_shell_conn_to_complete (Shell *shell);
void sh_shell_end_completion (Shell *shell);
/* The one place where an error is shown: "error: …" on stderr and in the log. */
void sh_shell_report (Shell *shell, const GError *error);
/* "warning: …", not counted as a failure. */
void sh_shell_warn (Shell *shell, const char *format, ...) G_GNUC_PRINTF (2, 3);
void sh_shell_debug (Shell *shell, const char *format, ...) G_GNUC_PRINTF (2, 3);
ShExit sh_shell_exit_code (const GError *error);
