// SPDX-License-Identifier: GPL-2.0-or-later
/* vthunder: memory dumps of running domains, by hand and on schedule. */

#include "config.h"

#include <locale.h>
#include <stdio.h>
#include <unistd.h>

#include "batch.h"
#include "exec.h"
#include "globals.h"
#include "interactive.h"
#include "output.h"
#include "signals.h"

static char **
utf8_arguments (char **argv)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();

  for (; *argv; argv++) {
    g_autofree char *text = sh_output_to_utf8 (*argv);

    g_strv_builder_add (builder, text);
  }
  return g_strv_builder_end (builder);
}

static ShExit
run (Shell *shell, char **argv)
{
  g_auto(GStrv) arguments = utf8_arguments (argv);
  const char *const *commands;
  g_autoptr(GError) error = NULL;
  ShGlobals globals = { 0 };

  if (!sh_globals_parse (shell, &globals, &arguments, &error)) {
    sh_shell_report (shell, error);
    return sh_shell_exit_code (error);
  }
  if (globals.help) {
    sh_globals_print_help ();
    return SH_EXIT_OK;
  }
  if (globals.short_version || globals.long_version) {
    sh_globals_print_version (globals.long_version);
    return SH_EXIT_OK;
  }

  commands = (const char *const *) arguments + 1;
  if (!commands[0])
    return isatty (STDIN_FILENO) ? sh_interactive_run (shell) : sh_batch_run (shell);
  /* As in virsh: a single argument may hold several commands. */
  if (!commands[1])
    return sh_exec_line (shell, commands[0]);
  return sh_exec_argv (shell, commands);
}

int
main (int argc, char **argv)
{
  Shell shell;
  ShExit code;

  if (argc < 1)
    return SH_EXIT_USAGE;
  setlocale (LC_ALL, "");
  sh_signals_init ();
  sh_shell_init (&shell);
  code = run (&shell, argv);
  sh_shell_clear (&shell);
  /* A full disk behind standard output must not look like success. */
  if (fflush (stdout) != 0 || ferror (stdout)) {
    sh_output_error ("error: cannot write to standard output\n");
    if (!code)
      code = SH_EXIT_ERROR;
  }
  return code;
}
