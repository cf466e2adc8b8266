// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include "exec.h"

#include "output.h"
#include "parse.h"
#include "signals.h"

static ShGuard *
start_guard (Shell *shell)
{
  g_cancellable_reset (shell->cancellable);
  return sh_guard_new (shell->cancellable);
}

static bool
run_one (Shell *shell, const ShArgs *args, GError **error)
{
  const ShCommand *command = args->command;
  ShGuard *guard = NULL;
  bool ok;

  if (args->wants_help) {
    g_autofree char *text = sh_command_help (command);

    sh_output ("%s\n", text);
    return true;
  }
  if (command->check && !command->check (args, error))
    return false;

  /* At a prompt all that may hang can be given up, connecting as well.  Outside
   * of a user's session a command that cannot be cancelled dies of Ctrl-C as any
   * program does, and so does one that still connects. */
  if (shell->interactive)
    guard = start_guard (shell);
  ok = !(command->flags & SH_COMMAND_CONNECTS) || sh_shell_connect (shell, error);
  if (ok && !shell->interactive && command->flags & SH_COMMAND_CANCELLABLE) {
    sh_signals_catch (false);
    guard = start_guard (shell);
  }
  ok = ok && command->run (shell, args, error);
  if (guard) {
    shell->leave |= sh_guard_free (guard);
    if (!shell->interactive)
      sh_signals_release ();
  }
  return ok;
}

void
sh_exec_connect (Shell *shell)
{
  g_autoptr(GError) error = NULL;
  ShGuard *guard = start_guard (shell);

  if (!sh_shell_connect (shell, &error))
    sh_shell_report (shell, error);
  shell->leave |= sh_guard_free (guard);
}

ShExit
sh_exec (Shell *shell, GPtrArray *commands)
{
  for (guint i = 0; i < commands->len && !shell->leave; i++) {
    const ShArgs *args = commands->pdata[i];
    gint64 before_us = g_get_monotonic_time ();
    g_autoptr(GError) error = NULL;
    bool ok = run_one (shell, args, &error);

    if (!ok) {
      /* A handler that fails without a reason is a mistake of ours. */
      if (!error)
        g_set_error (&error, SH_ERROR, SH_ERROR_FAILED, "command '%s' failed", args->command->name);
      sh_shell_report (shell, error);
    }
    if (shell->timing)
      sh_output ("\n(Time: %.3f ms)\n\n", (double) (g_get_monotonic_time () - before_us) / 1000.0);
    fflush (stdout);
    if (!ok)
      return sh_shell_exit_code (error);
  }
  return SH_EXIT_OK;
}

ShExit
sh_exec_line (Shell *shell, const char *line)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) commands = sh_parse_line (line, &error);

  if (!commands) {
    sh_shell_report (shell, error);
    return sh_shell_exit_code (error);
  }
  return sh_exec (shell, commands);
}

ShExit
sh_exec_argv (Shell *shell, const char *const *argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func ((GDestroyNotify) sh_args_free);
  ShArgs *args = sh_parse_argv (argv, &error);

  if (error) {
    sh_shell_report (shell, error);
    return sh_shell_exit_code (error);
  }
  if (args)
    g_ptr_array_add (commands, args);
  return sh_exec (shell, commands);
}
