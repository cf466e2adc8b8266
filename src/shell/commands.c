// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of commands: what is in it, finding things, help texts, and the
 * rules that it must keep.  The commands themselves are in cmd-*.c. */

#include "config.h"

#include "commands.h"

#include <string.h>

const ShGroup sh_groups[] = {
  { "Domains", "domain", sh_domain_commands },
  { "Taking dumps", "dump", sh_dump_commands },
  { "Repeated dumps", "repeated", sh_watch_commands },
  { "Dump files", "file", sh_file_commands },
  { "Output paths", "path", sh_path_commands },
  { "Schedules", "schedule", sh_schedule_commands },
  { "Jobs and batch runs", "job", sh_job_commands },
  { "Host and connection", "host", sh_host_commands },
  { "Vthunder itself", "vthunder", sh_shell_commands },
  { NULL },
};

static const ShCommand *
find_exact (const char *name)
{
  for (const ShGroup *group = sh_groups; group->title; group++)
    for (const ShCommand *command = group->commands; command->name; command++)
      if (g_str_equal (command->name, name))
        return command;
  return NULL;
}

const ShCommand *
sh_command_find (const char *name)
{
  const ShCommand *command = find_exact (name);

  return command && command->alias_of ? find_exact (command->alias_of) : command;
}

const ShGroup *
sh_group_find (const char *keyword)
{
  for (const ShGroup *group = sh_groups; group->title; group++)
    if (g_str_equal (group->keyword, keyword))
      return group;
  return NULL;
}

const ShOption *
sh_command_option (const ShCommand *command, const char *name)
{
  for (const ShOption *option = command->options; option && option->name; option++)
    if (g_str_equal (option->name, name))
      return option;
  return NULL;
}

char *
sh_command_synopsis (const ShCommand *command)
{
  GString *out = g_string_new (command->name);

  for (const ShOption *option = command->options; option && option->name; option++) {
    bool required = option->flags & SH_OPTION_REQUIRED;

    g_string_append (out, required ? " " : " [");
    if (!(option->flags & SH_OPTION_POSITIONAL))
      g_string_append_printf (out, "--%s", option->name);
    if (option->type != SH_OPTION_BOOL) {
      if (!(option->flags & SH_OPTION_POSITIONAL))
        g_string_append_c (out, ' ');
      g_string_append (out, option->value);
    }
    if (!required)
      g_string_append_c (out, ']');
    if (option->flags & SH_OPTION_REPEATED)
      g_string_append (out, "...");
  }
  return g_string_free (out, FALSE);
}

/* Breaks @text into lines of at most 78 columns, each after @indent spaces. */
static void
append_wrapped (GString *out, const char *text, size_t indent)
{
  g_auto(GStrv) words = g_strsplit (text, " ", -1);
  size_t column = 0;

  for (char **word = words; *word; word++) {
    if (column && column + 1 + strlen (*word) > 78) {
      g_string_append_c (out, '\n');
      column = 0;
    }
    if (!column) {
      g_string_append_printf (out, "%*s%s", (int) indent, "", *word);
      column = indent + strlen (*word);
    } else {
      g_string_append_printf (out, " %s", *word);
      column += 1 + strlen (*word);
    }
  }
  g_string_append_c (out, '\n');
}

char *
sh_command_help (const ShCommand *command)
{
  GString *out = g_string_new (NULL);
  g_autofree char *synopsis = sh_command_synopsis (command);

  g_string_append_printf (out, "  NAME\n    %s - %s\n\n  SYNOPSIS\n", command->name,
                          command->help);
  append_wrapped (out, synopsis, 4);
  if (command->description) {
    g_string_append (out, "\n  DESCRIPTION\n");
    append_wrapped (out, command->description, 4);
  }
  if (command->options && command->options->name)
    g_string_append (out, "\n  OPTIONS\n");
  for (const ShOption *option = command->options; option && option->name; option++) {
    g_autofree char *left = NULL;

    if (option->type == SH_OPTION_BOOL)
      left = g_strdup_printf ("--%s", option->name);
    else if (option->flags & SH_OPTION_POSITIONAL)
      left = g_strdup_printf ("[--%s] %s", option->name, option->value);
    else
      left = g_strdup_printf ("--%s %s", option->name, option->value);
    g_string_append_printf (out, "    %-24s  %s\n", left, option->help);
  }
  return g_string_free (out, FALSE);
}

/* --- the rules of the table ------------------------------------------------ */

G_GNUC_PRINTF (2, 3)
static void
fault (GPtrArray *faults, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_ptr_array_add (faults, g_strdup_vprintf (format, args));
  va_end (args);
}

static bool
is_plain_name (const char *name)
{
  return g_ascii_islower (*name) && !name[strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-")];
}

static void
check_text (GPtrArray *faults, const char *where, const char *help)
{
  if (!help || !*help)
    fault (faults, "%s lacks help", where);
  else if (g_ascii_isupper (help[0]) && !g_ascii_isupper (help[1]))
    fault (faults, "the help of %s begins with a capital letter", where);
  else if (g_str_has_suffix (help, "."))
    fault (faults, "the help of %s ends in a full stop", where);
}

static void
check_option (GPtrArray *faults, const ShCommand *command, const ShOption *option,
              const ShOption **open_end)
{
  g_autofree char *where = g_strdup_printf ("option --%s of command '%s'", option->name,
                                            command->name);
  bool positional = option->flags & SH_OPTION_POSITIONAL;

  if (!is_plain_name (option->name))
    fault (faults, "%s is not in lower case and hyphens", where);
  if (sh_command_option (command, option->name) != option)
    fault (faults, "%s is there twice", where);
  if (g_str_equal (option->name, "help"))
    fault (faults, "%s hides the --help that every command has", where);
  check_text (faults, where, option->help);

  if (option->type == SH_OPTION_BOOL) {
    if (option->flags)
      fault (faults, "%s is a switch and must not be required, positional or repeated", where);
    if (option->value || option->complete)
      fault (faults, "%s is a switch and has no value", where);
  } else if (option->type == SH_OPTION_STRING || option->type == SH_OPTION_INT) {
    if (!option->value || option->value[0] != '<' || !g_str_has_suffix (option->value, ">"))
      fault (faults, "%s does not name its value in <>", where);
    if (option->type == SH_OPTION_INT && option->min >= option->max)
      fault (faults, "%s has no range", where);
  } else {
    fault (faults, "%s has no type", where);
  }

  /* Values fill the positional arguments in order, so required ones come
   * first and one that takes all the rest is the last. */
  if (positional) {
    if (*open_end && ((*open_end)->flags & SH_OPTION_REPEATED || option->flags & SH_OPTION_REQUIRED))
      fault (faults, "%s comes after the optional or repeated argument --%s", where,
             (*open_end)->name);
    if (!(option->flags & SH_OPTION_REQUIRED) || option->flags & SH_OPTION_REPEATED)
      *open_end = option;
  }
}

static void
check_command (GPtrArray *faults, const ShCommand *command)
{
  const ShOption *open_end = NULL;
  g_autofree char *where = g_strdup_printf ("command '%s'", command->name);

  if (!is_plain_name (command->name))
    fault (faults, "%s is not in lower case and hyphens", where);
  if (find_exact (command->name) != command)
    fault (faults, "%s is there twice", where);

  if (command->alias_of) {
    const ShCommand *target = find_exact (command->alias_of);

    if (!target || target->alias_of)
      fault (faults, "%s is another name of '%s', which is no command", where, command->alias_of);
    if (command->run || command->check || command->options || command->help || command->description
        || command->flags)
      fault (faults, "%s is another name and must say nothing else", where);
    return;
  }

  check_text (faults, where, command->help);
  if (!command->run)
    fault (faults, "%s does nothing", where);
  if (command->description && !g_str_has_suffix (command->description, "."))
    fault (faults, "the description of %s is not made of sentences", where);
  for (const ShOption *option = command->options; option && option->name; option++)
    check_option (faults, command, option, &open_end);
}

bool
sh_commands_check (GPtrArray *faults)
{
  guint before = faults->len;

  for (const ShGroup *group = sh_groups; group->title; group++) {
    if (sh_group_find (group->keyword) != group)
      fault (faults, "group '%s' is there twice", group->keyword);
    for (const ShCommand *command = group->commands; command->name; command++)
      check_command (faults, command);
  }
  return faults->len == before;
}
