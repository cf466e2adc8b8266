// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include "interactive.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "complete.h"
#include "exec.h"
#include "output.h"
#include "parse.h"
#include "signals.h"

#define HISTORY_DEFAULT 500
#define HISTORY_MAX 500000

typedef struct {
  Shell *shell;
  char *line;                     /* what readline read; NULL at its end */
  bool have_line;
  GPtrArray *matches;             /* completion: strings as they are to be inserted */
} Prompt;

/* Readline's callbacks have no argument of ours, so this is a global. */
static Prompt *current;

/* --- history ------------------------------------------------------------------- */

static char *
history_path (void)
{
  return g_build_filename (g_get_user_cache_dir (), "vthunder", "history", NULL);
}

static int
history_size (void)
{
  const char *text = g_getenv ("VTHUNDER_HISTSIZE");
  gint64 size;

  if (text && g_ascii_string_to_signed (text, 10, 0, HISTORY_MAX, &size, NULL))
    return (int) size;
  return HISTORY_DEFAULT;
}

static void
history_start (void)
{
  g_autofree char *path = history_path ();
  g_autofree char *folder = g_path_get_dirname (path);
  int fd;

  using_history ();
  stifle_history (history_size ());
  /* Command lines name domains and paths, which is nobody else's business. */
  g_mkdir_with_parents (folder, 0700);
  fd = g_open (path, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);
  if (fd >= 0)
    close (fd);
  read_history (path);
}

static void
history_remember (const char *line)
{
  g_autofree char *path = history_path ();
  HIST_ENTRY *last = history_length ? history_get (history_base + history_length - 1) : NULL;

  if (last && g_str_equal (last->line, line))
    return;
  add_history (line);
  /* At once and at the end of the file, so that nothing is lost when the
   * program is killed or when two of them run. */
  append_history (1, path);
}

static void
history_finish (void)
{
  g_autofree char *path = history_path ();

  history_truncate_file (path, history_size ());
}

GPtrArray *
sh_interactive_history (const Shell *shell, unsigned count)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);
  HIST_ENTRY **entries;

  if (!shell->interactive) {
    g_autofree char *path = history_path ();

    using_history ();
    read_history (path);
  }
  entries = history_list ();
  for (size_t i = 0; entries && entries[i]; i++)
    g_ptr_array_add (lines, sh_output_to_utf8 (entries[i]->line));
  if (count && lines->len > count)
    g_ptr_array_remove_range (lines, 0, lines->len - count);
  return lines;
}

bool
sh_interactive_clear_history (const Shell *shell, GError **error)
{
  g_autofree char *path = history_path ();

  if (shell->interactive)
    clear_history ();
  if (truncate (path, 0) < 0 && errno != ENOENT) {
    g_set_error (error, SH_ERROR, SH_ERROR_FAILED, "cannot clear the history '%s': %s", path, g_strerror (errno));
    return false;
  }
  return true;
}

/* --- completion ------------------------------------------------------------------ */

static char *
next_match (const char *text G_GNUC_UNUSED, int state)
{
  static guint next;

  if (!state)
    next = 0;
  return next < current->matches->len ? strdup (current->matches->pdata[next++]) : NULL;
}

/* Readline wants what replaces the text from @begin on; sh_complete() gives
 * words as a whole, which begin earlier if there are quotes inside. */
static char **
complete_word (const char *text, int begin, int end)
{
  g_autofree char *line = g_strndup (rl_line_buffer, (gsize) end);
  g_autofree char *utf8 = sh_output_to_utf8 (line);
  g_autoptr(GPtrArray) candidates = NULL;
  g_autofree char *before = NULL;
  char quote = (char) rl_completion_quote_character;
  size_t start;

  /* Nothing else may be offered where we have nothing to offer. */
  rl_attempted_completion_over = 1;
  rl_completion_append_character = ' ';
  rl_completion_suppress_append = rl_completion_suppress_quote = 0;

  candidates = sh_complete (current->shell, utf8, &start);
  if ((size_t) begin < start)
    return NULL;
  before = sh_unquote (line + start, (size_t) begin - start);
  g_clear_pointer (&current->matches, g_ptr_array_unref);
  current->matches = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < candidates->len; i++) {
    const ShCandidate *candidate = candidates->pdata[i];

    if (!g_str_has_prefix (candidate->text, before))
      continue;
    g_ptr_array_add (current->matches, sh_quote (candidate->text + strlen (before), quote));
    if (candidate->partial && candidates->len == 1)
      rl_completion_suppress_append = rl_completion_suppress_quote = 1;
  }
  return rl_completion_matches (text, next_match);
}

/* A blank after a backslash is part of the word. */
static int
is_escaped (char *line, int index)
{
  int backslashes = 0;

  while (index - backslashes > 0 && line[index - backslashes - 1] == '\\')
    backslashes++;
  return backslashes % 2;
}

/* --- the prompt ------------------------------------------------------------------ */

static void
take_line (char *line)
{
  current->line = line;
  current->have_line = true;
  /* Else readline shows the next prompt before the command has run. */
  rl_callback_handler_remove ();
}

static const char *
prompt_text (const Shell *shell)
{
  return shell->readonly ? "vthunder > " : "vthunder # ";
}

/* True while the prompt stays. */
static bool
handle_signal (Shell *shell, int number)
{
  switch (number) {
  case SIGINT:
    /* As in other shells: forget the line, offer a new one. */
    rl_free_line_state ();
    rl_callback_sigcleanup ();
    rl_replace_line ("", 0);
    fputs ("^C\n", rl_outstream);
    rl_callback_handler_remove ();
    rl_callback_handler_install (prompt_text (shell), take_line);
    return true;
  case SIGWINCH:
    rl_resize_terminal ();
    return true;
  case SIGCONT:
    /* The shell we were stopped from has had the terminal since. */
    rl_deprep_terminal ();
    rl_prep_terminal (1);
    rl_forced_update_display ();
    return true;
  default:
    rl_callback_handler_remove ();
    fputc ('\n', rl_outstream);
    return false;
  }
}

/* False at the end of the input or when told to leave. */
static bool
read_line (Prompt *prompt)
{
  g_clear_pointer (&prompt->line, free);
  prompt->have_line = false;
  rl_reset_screen_size ();
  rl_callback_handler_install (prompt_text (prompt->shell), take_line);
  while (!prompt->have_line) {
    struct pollfd fds[] = {
      { .fd = STDIN_FILENO, .events = POLLIN },
      { .fd = sh_signals_fd (), .events = POLLIN },
    };

    if (poll (fds, G_N_ELEMENTS (fds), -1) < 0 && errno != EINTR)
      return false;
    for (int number; (number = sh_signals_next ()) != 0;)
      if (!handle_signal (prompt->shell, number))
        return false;
    if (fds[0].revents)
      rl_callback_read_char ();
  }
  return prompt->line != NULL;
}

static void
set_up_readline (void)
{
  rl_readline_name = "vthunder";
  rl_instream = stdin;
  rl_outstream = stdout;
  rl_catch_signals = 0;
  rl_catch_sigwinch = 0;
  rl_attempted_completion_function = complete_word;
  rl_basic_word_break_characters = " \t\n;";
  rl_completer_word_break_characters = (char *) " \t\n;";
  rl_completer_quote_characters = "\"'";
  rl_char_is_quoted_p = is_escaped;
  rl_filename_quote_characters = NULL;
}

ShExit
sh_interactive_run (Shell *shell)
{
  Prompt prompt = { .shell = shell };
  ShExit code = SH_EXIT_OK;

  shell->interactive = true;
  current = &prompt;
  set_up_readline ();
  history_start ();
  sh_signals_catch (true);
  if (!shell->quiet)
    sh_output ("Welcome to vthunder, the memory dump interactive terminal.\n\n"
               "Type:  'help' for help with commands\n"
               "       'quit' to quit\n\n");
  /* As virsh does: completion has something to go by, and a password is asked for before anything is typed. */
  sh_exec_connect (shell);

  while (!shell->leave && read_line (&prompt)) {
    g_autofree char *line = sh_output_to_utf8 (prompt.line);

    if (!*g_strstrip (line))
      continue;
    history_remember (prompt.line);
    code = sh_exec_line (shell, line);
    if (!shell->quiet && !shell->leave)
      sh_output ("\n");
  }
  if (!prompt.line)
    sh_output ("\n");             /* after a prompt without an answer */

  sh_signals_release ();
  history_finish ();
  g_clear_pointer (&prompt.matches, g_ptr_array_unref);
  g_clear_pointer (&prompt.line, free);
  current = NULL;
  return code;
}
