// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands about the shell itself: none needs a connection. */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "complete.h"
#include "globals.h"
#include "interactive.h"
#include "output.h"
#include "parse.h"
#include "select.h"
#include "shell.h"

static bool
run_cd (Shell *shell, const ShArgs *args, GError **error)
{
  const char *path = sh_args_string (args, "dir");

  if (!shell->interactive) {
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "cd: command valid only in interactive mode");
    return false;
  }
  if (!path)
    path = g_get_home_dir ();
  if (chdir (path) < 0) {
    g_set_error (error, SH_ERROR, SH_ERROR_FAILED, "cd: cannot change to '%s': %s", path, g_strerror (errno));
    return false;
  }
  return true;
}

static const ShOption cd_options[] = {
  { "dir", SH_OPTION_STRING, SH_OPTION_POSITIONAL, "<dir>", "directory to switch to (default: home)",
    sh_complete_directory },
  { NULL },
};

static bool
run_pwd (Shell *shell G_GNUC_UNUSED, const ShArgs *args G_GNUC_UNUSED, GError **error)
{
  g_autofree char *path = g_get_current_dir ();

  if (!path) {
    g_set_error (error, SH_ERROR, SH_ERROR_FAILED, "pwd: cannot get current directory: %s", g_strerror (errno));
    return false;
  }
  sh_output ("%s\n", path);
  return true;
}

static bool
run_echo (Shell *shell G_GNUC_UNUSED, const ShArgs *args, GError **error G_GNUC_UNUSED)
{
  const char *const *words = sh_args_strings (args, "string");

  for (size_t i = 0; words[i]; i++)
    sh_output ("%s%s", i ? " " : "", words[i]);
  sh_output ("\n");
  return true;
}

static const ShOption echo_options[] = {
  { "string", SH_OPTION_STRING, SH_OPTION_POSITIONAL | SH_OPTION_REPEATED | SH_OPTION_EMPTY, "<string>", "arguments to echo" },
  { NULL },
};

static void
print_group (const ShGroup *group)
{
  sh_output (" %s (help keyword '%s'):\n", group->title, group->keyword);
  for (const ShCommand *command = group->commands; command->name; command++)
    if (!command->alias_of && !(command->flags & SH_COMMAND_HIDDEN))
      sh_output ("    %-20s  %s\n", command->name, command->help);
  sh_output ("\n");
}

static bool
run_help (Shell *shell G_GNUC_UNUSED, const ShArgs *args, GError **error)
{
  const char *name = sh_args_string (args, "command");

  if (!name) {
    sh_output ("Grouped commands:\n\n");
    for (const ShGroup *group = sh_groups; group->title; group++)
      print_group (group);
    return true;
  }
  /* A word can be both, like 'dump': then both are wanted. */
  if (sh_command_find (name)) {
    g_autofree char *text = sh_command_help (sh_command_find (name));

    sh_output ("%s\n", text);
  }
  if (sh_group_find (name))
    print_group (sh_group_find (name));
  if (!sh_command_find (name) && !sh_group_find (name)) {
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "command or command group '%s' doesn't exist", name);
    return false;
  }
  return true;
}

static const ShOption help_options[] = {
  { "command", SH_OPTION_STRING, SH_OPTION_POSITIONAL, "<command>", "name of command or command group",
    sh_complete_command },
  { NULL },
};

static bool
run_history (Shell *shell, const ShArgs *args, GError **error)
{
  g_autoptr(GPtrArray) lines = NULL;

  if (sh_args_given (args, "clear"))
    return sh_interactive_clear_history (shell, error);
  lines = sh_interactive_history (shell, (unsigned) sh_args_int (args, "count", 0));
  if (sh_args_given (args, "json")) {
    g_autoptr(JsonArray) array = json_array_new ();
    g_autoptr(JsonNode) node = json_node_new (JSON_NODE_ARRAY);

    for (guint i = 0; i < lines->len; i++)
      json_array_add_string_element (array, lines->pdata[i]);
    json_node_set_array (node, array);
    sh_output_json (node);
    return true;
  }
  for (guint i = 0; i < lines->len; i++)
    sh_output ("%s\n", (const char *) lines->pdata[i]);
  return true;
}

static const ShOption history_options[] = {
  { "count", SH_OPTION_INT, 0, "<number>", "only so many of the last lines", NULL, 1, G_MAXINT },
  { "clear", SH_OPTION_BOOL, 0, NULL, "forget all lines" },
  SH_OPTION_JSON,
  { NULL },
};

static bool
run_quit (Shell *shell, const ShArgs *args G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
  shell->leave = true;
  return true;
}

static bool
run_version (Shell *shell G_GNUC_UNUSED, const ShArgs *args G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
  sh_globals_print_version (true);
  return true;
}

static void
print_table_of_commands (void)
{
  for (const ShGroup *group = sh_groups; group->title; group++)
    for (const ShCommand *command = group->commands; command->name; command++) {
      g_autofree char *synopsis = NULL;

      if (command->flags & SH_COMMAND_HIDDEN)
        continue;
      if (command->alias_of) {
        printf ("alias\t%s\t%s\n", command->name, command->alias_of);
        continue;
      }
      synopsis = sh_command_synopsis (command);
      printf ("command\t%s\t%s\n", command->name, synopsis);
      for (const ShOption *option = command->options; option && option->name; option++)
        printf ("option\t%s\t--%s\n", command->name, option->name);
    }
}

static bool
run_self_test (Shell *shell G_GNUC_UNUSED, const ShArgs *args, GError **error)
{
  g_autoptr(GPtrArray) faults = g_ptr_array_new_with_free_func (g_free);
  bool ok = sh_commands_check (faults);

  for (guint i = 0; i < faults->len; i++)
    sh_output ("%s\n", (const char *) faults->pdata[i]);
  if (!ok) {
    g_set_error (error, SH_ERROR, SH_ERROR_FAILED, "the command table has faults: %u", faults->len);
    return false;
  }
  if (sh_args_given (args, "dump-table"))
    print_table_of_commands ();
  if (sh_args_given (args, "dump-help"))
    for (const ShGroup *group = sh_groups; group->title; group++)
      for (const ShCommand *command = group->commands; command->name; command++)
        if (!command->alias_of) {
          g_autofree char *text = sh_command_help (command);

          sh_output ("%s\n", text);
        }
  return true;
}

static const ShOption self_test_options[] = {
  { "dump-help", SH_OPTION_BOOL, 0, NULL, "print the help of every command" },
  { "dump-table", SH_OPTION_BOOL, 0, NULL, "print commands and options, for the check of the manual" },
  { NULL },
};

/* Standard input stays open only for commands: a question for a password must
 * find nobody. */
static void
close_input (void)
{
  int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  if (fd >= 0) {
    dup2 (fd, STDIN_FILENO);
    close (fd);
  }
}

/* Bash replaces the text after its last word break, which @word holds; a
 * candidate replaces the whole word.  One candidate a line, quoted, with a
 * blank where the word is finished. */
static bool
run_complete (Shell *shell, const ShArgs *args, GError **error G_GNUC_UNUSED)
{
  const char *line = sh_args_string (args, "line");
  const char *word = sh_args_string (args, "word");
  g_autoptr(GPtrArray) candidates = NULL;
  g_autofree char *before = NULL;
  g_autofree char *uri = g_strdup (shell->uri);
  bool readonly = shell->readonly;
  size_t start, length = strlen (line);

  if (!shell->interactive)
    close_input ();
  candidates = sh_complete_program (shell, line, &start);
  /* What the line says of the connection is for its own words. */
  g_free (shell->uri);
  shell->uri = g_steal_pointer (&uri);
  shell->readonly = readonly;
  if (!word)
    word = line + start;
  if (strlen (word) <= length - start && g_str_has_suffix (line, word)) {
    before = sh_unquote (line + start, length - strlen (word) - start);
  } else {
    before = g_strdup ("");
  }

  for (guint i = 0; i < candidates->len; i++) {
    const ShCandidate *candidate = candidates->pdata[i];
    g_autofree char *quoted = NULL;

    if (!g_str_has_prefix (candidate->text, before))
      continue;
    /* Bash drops a quote that the user opened, so backslashes it is. */
    quoted = sh_quote (candidate->text + strlen (before), 0);
    printf ("%s%s\n", quoted, candidate->partial ? "" : " ");
  }
  return true;
}

static const ShOption complete_options[] = {
  { "line", SH_OPTION_STRING, SH_OPTION_POSITIONAL | SH_OPTION_REQUIRED, "<line>",
    "the command line, up to the cursor" },
  { "word", SH_OPTION_STRING, SH_OPTION_EMPTY, "<word>", "the end of it that is to be replaced" },
  { NULL },
};

const ShCommand sh_shell_commands[] = {
  { "cd", .run = run_cd, .options = cd_options, .help = "change the current directory",
    .description = "Changes the current directory of the shell, from which file names are completed and read." },
  { "complete", .run = run_complete, .options = complete_options, .flags = SH_COMMAND_HIDDEN,
    .help = "internal command for autocompletion" },
  { "echo", .run = run_echo, .options = echo_options, .flags = SH_COMMAND_HIDDEN,
    .help = "echo arguments, used for internal testing" },
  { "exit", .alias_of = "quit" },
  { "help", .run = run_help, .options = help_options, .help = "print help",
    .description = "Prints global help, command specific help, or help for a group of related commands." },
  { "history", .run = run_history, .options = history_options, .help = "print the lines typed before",
    .description = "The history is kept in vthunder/history below XDG_CACHE_HOME, as long as VTHUNDER_HISTSIZE says "
                   "(500 lines)." },
  { "pwd", .run = run_pwd, .help = "print the current directory" },
  { "quit", .run = run_quit, .help = "quit this interactive terminal" },
  { "self-test", .run = run_self_test, .options = self_test_options, .flags = SH_COMMAND_HIDDEN,
    .help = "internal command for testing vthunder" },
  { "version", .run = run_version, .help = "print the versions of vthunder and its libraries" },
  { NULL },
};
