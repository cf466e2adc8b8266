// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include "globals.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "output.h"
#include "vthunder.h"

/* GOption writes values through pointers, so the table is made per call; this
 * is what it points to. */
typedef struct {
  char *connect;
  char *debug;
  gboolean help;
  char *keepalive_interval;
  char *keepalive_count;
  char *log;
  gboolean quiet;
  gboolean readonly;
  gboolean timing;
  gboolean short_version;
  gboolean long_version;
  char *version;                  /* "" for a bare --version */
} Values;

#define N_ENTRIES 13

static gboolean
take_version (const char *name G_GNUC_UNUSED, const char *value, gpointer data, GError **error G_GNUC_UNUSED)
{
  Values *values = data;

  g_free (values->version);
  values->version = g_strdup (value ? value : "");
  return TRUE;
}

static void
fill_entries (GOptionEntry entries[N_ENTRIES], Values *v)
{
  GOptionEntry filled[N_ENTRIES] = {
    { "connect", 'c', 0, G_OPTION_ARG_STRING, &v->connect, "hypervisor connection URI", "URI" },
    { "debug", 'd', 0, G_OPTION_ARG_STRING, &v->debug, "debug level [0-4], 0 says most", "NUM" },
    { "help", 'h', 0, G_OPTION_ARG_NONE, &v->help, "this help", NULL },
    { "keepalive-interval", 'k', 0, G_OPTION_ARG_STRING, &v->keepalive_interval,
      "keepalive interval in seconds, 0 for disable", "NUM" },
    { "keepalive-count", 'K', 0, G_OPTION_ARG_STRING, &v->keepalive_count,
      "number of possible missed keepalive messages", "NUM" },
    { "log", 'l', 0, G_OPTION_ARG_FILENAME, &v->log, "output logging to file", "FILE" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &v->quiet, "quiet mode", NULL },
    { "readonly", 'r', 0, G_OPTION_ARG_NONE, &v->readonly, "connect readonly", NULL },
    { "timing", 't', 0, G_OPTION_ARG_NONE, &v->timing, "print timing information", NULL },
    { "version", 0, G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK, (gpointer) take_version,
      "version, TYPE is short or long (default short)", "TYPE" },
    /* GOption has no entry without a long name. */
    { "short-version", 'v', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &v->short_version, "short version", NULL },
    { "long-version", 'V', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &v->long_version, "long version", NULL },
    { NULL },
  };

  memcpy (entries, filled, sizeof filled);
}

static void
values_clear (Values *values)
{
  g_free (values->connect);
  g_free (values->debug);
  g_free (values->keepalive_interval);
  g_free (values->keepalive_count);
  g_free (values->log);
  g_free (values->version);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Values, values_clear)

static bool
take_number (const char *name, const char *text, gint64 max, int *number, GError **error)
{
  gint64 value;

  if (!text)
    return true;
  if (!g_ascii_string_to_signed (text, 10, 0, max, &value, NULL)) {
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "%s takes a number from 0 to %" G_GINT64_FORMAT ", not '%s'", name,
                 max, text);
    return false;
  }
  *number = (int) value;
  return true;
}

static bool
open_log (Shell *shell, const char *path, GError **error)
{
  int fd;

  if (!path || !*path)
    return true;
  /* It names domains and paths, which is nobody else's business. */
  fd = open (path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0600);
  shell->log = fd >= 0 ? fdopen (fd, "a") : NULL;
  if (!shell->log) {
    g_set_error (error, SH_ERROR, SH_ERROR_FAILED, "cannot open the log file '%s': %s", path, g_strerror (errno));
    return false;
  }
  return true;
}

static bool
take_values (Shell *shell, ShGlobals *globals, Values *values, GError **error)
{
  const char *debug = values->debug ? values->debug : g_getenv ("VTHUNDER_DEBUG");

  if (debug && !*debug && !values->debug)
    debug = NULL;
  if (!take_number (values->debug ? "option --debug" : "VTHUNDER_DEBUG", debug, 4, &shell->debug, error)
      || !take_number ("option --keepalive-interval", values->keepalive_interval, G_MAXINT, &shell->keepalive_interval,
                       error)
      || !take_number ("option --keepalive-count", values->keepalive_count, G_MAXINT, &shell->keepalive_count, error)
      || !open_log (shell, values->log ? values->log : g_getenv ("VTHUNDER_LOG_FILE"), error))
    return false;

  if (values->version && *values->version && !g_str_equal (values->version, "short")
      && !g_str_equal (values->version, "long")) {
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "option --version takes 'short' or 'long', not '%s'",
                 values->version);
    return false;
  }
  if (values->connect)
    shell->uri = sh_output_to_utf8 (values->connect);
  shell->readonly = values->readonly;
  shell->quiet = values->quiet;
  shell->timing = values->timing;
  globals->help = values->help;
  globals->long_version = values->long_version || g_strcmp0 (values->version, "long") == 0;
  globals->short_version = values->short_version || values->version;
  return true;
}

static bool
takes_value (const GOptionEntry *entry)
{
  return entry->arg == G_OPTION_ARG_STRING || entry->arg == G_OPTION_ARG_FILENAME;
}

/* GOption knows "-c URI" but not "-cURI", which getopt and so virsh users do. */
static void
split_short_options (char ***argv, const GOptionEntry *entries)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();
  char **word = *argv;

  if (*word)
    g_strv_builder_add (builder, *word++);
  for (; *word && (*word)[0] == '-' && (*word)[1] && !g_str_equal (*word, "--"); word++) {
    const GOptionEntry *last = NULL;
    const char *letter = *word + 1;

    for (; (*word)[1] != '-' && *letter; letter++) {
      const char letters[] = { '-', *letter, '\0' };

      for (last = entries; last->long_name && last->short_name != *letter; last++)
        ;
      g_strv_builder_add (builder, letters);
      if (last->long_name && takes_value (last))
        break;
    }
    if ((*word)[1] == '-') {
      g_strv_builder_add (builder, *word);
      for (last = entries; last->long_name && !g_str_equal (last->long_name, *word + 2); last++)
        ;
    } else if (*letter && letter[1]) {
      g_strv_builder_add (builder, letter + 1);
      continue;
    }
    if (last->long_name && takes_value (last) && word[1])
      g_strv_builder_add (builder, *++word);
  }
  g_strv_builder_addv (builder, (const char **) word);
  g_strfreev (*argv);
  *argv = g_strv_builder_end (builder);
}

bool
sh_globals_parse (Shell *shell, ShGlobals *globals, char ***argv, GError **error)
{
  g_autoptr(GOptionContext) context = g_option_context_new (NULL);
  g_auto(Values) values = { 0 };
  GOptionEntry entries[N_ENTRIES];
  GOptionGroup *group = g_option_group_new ("main", "", "", &values, NULL);
  g_autoptr(GError) reason = NULL;

  fill_entries (entries, &values);
  split_short_options (argv, entries);
  g_option_group_add_entries (group, entries);
  g_option_context_set_main_group (context, group);
  /* `help` is a command of ours and the options after a command are its own. */
  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_set_strict_posix (context, TRUE);
  if (!g_option_context_parse_strv (context, argv, &reason)) {
    g_autofree char *text = g_strdup (reason->message);

    text[0] = g_ascii_tolower (text[0]);
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "%s; see --help", text);
    return false;
  }
  /* GOption leaves "--" in place. */
  if ((*argv)[0] && (*argv)[1] && g_str_equal ((*argv)[1], "--")) {
    g_free ((*argv)[1]);
    for (char **word = *argv + 1; *word; word++)
      word[0] = word[1];
  }
  return take_values (shell, globals, &values, error);
}

void
sh_globals_print_help (void)
{
  Values values;
  GOptionEntry entries[N_ENTRIES];

  fill_entries (entries, &values);
  sh_output ("\nvthunder [options]... [<command_string>]\n"
             "vthunder [options]... <command> [args...]\n\n  options:\n");
  for (const GOptionEntry *entry = entries; entry->long_name; entry++) {
    g_autofree char *left = NULL;

    if (entry->flags & G_OPTION_FLAG_HIDDEN)
      left = g_strdup_printf ("-%c", entry->short_name);
    else if (!entry->short_name)
      left = g_strdup_printf ("     --%s[=%s]", entry->long_name, entry->arg_description);
    else
      left = g_strdup_printf ("-%c | --%s%s%s", entry->short_name, entry->long_name,
                              entry->arg_description ? "=" : "",
                              entry->arg_description ? entry->arg_description : "");
    if (strlen (left) > 22)
      sh_output ("    %s\n%28s%s\n", left, "", entry->description);
    else
      sh_output ("    %-22s  %s\n", left, entry->description);
  }
  sh_output ("\n  commands (non interactive mode):\n\n");
  for (const ShGroup *g = sh_groups; g->title; g++) {
    sh_output (" %s (help keyword '%s')\n", g->title, g->keyword);
    for (const ShCommand *command = g->commands; command->name; command++)
      if (!command->alias_of && !(command->flags & SH_COMMAND_HIDDEN))
        sh_output ("    %-20s  %s\n", command->name, command->help);
    sh_output ("\n");
  }
  sh_output ("  (specify help <group> for details about the commands in the group)\n"
             "  (specify help <command> for details about the command)\n\n");
}

void
sh_globals_print_version (bool with_libraries)
{
  unsigned long libvirt = 0;

  if (!with_libraries) {
    sh_output ("%s\n", PACKAGE_VERSION);
    return;
  }
  virGetVersion (&libvirt, NULL, NULL);
  sh_output ("vthunder %s\nlibvthunder %s\nlibvirt %lu.%lu.%lu\nGLib %u.%u.%u\n", PACKAGE_VERSION, vth_version (),
             libvirt / 1000000, libvirt / 1000 % 1000, libvirt % 1000,
             glib_major_version, glib_minor_version, glib_micro_version);
}

/* --- completion ---------------------------------------------------------------- */

static const GOptionEntry *
find_entry (const GOptionEntry *entries, const char *word, const char **attached)
{
  *attached = NULL;
  for (const GOptionEntry *entry = entries; entry->long_name; entry++) {
    size_t length = strlen (entry->long_name);

    if (word[1] != '-') {
      if (word[1] == entry->short_name) {
        *attached = word[2] ? word + 2 : NULL;
        return entry;
      }
    } else if (strncmp (word + 2, entry->long_name, length) == 0
               && (!word[2 + length] || word[2 + length] == '=')) {
      *attached = word[2 + length] ? word + 3 + length : NULL;
      return entry;
    }
  }
  return NULL;
}

bool
sh_globals_take (Shell *shell, const char *word, const char *value)
{
  Values values;
  GOptionEntry entries[N_ENTRIES];
  const GOptionEntry *entry;
  const char *attached;

  fill_entries (entries, &values);
  entry = find_entry (entries, word, &attached);
  if (!entry)
    return false;
  if (entry->arg_data == &values.readonly) {
    shell->readonly = true;
  } else if (entry->arg_data == &values.connect) {
    g_free (shell->uri);
    shell->uri = g_strdup (attached ? attached : value);
  }
  return !attached && takes_value (entry);
}

void
sh_globals_add_words (ShWords *words)
{
  Values values;
  GOptionEntry entries[N_ENTRIES];

  fill_entries (entries, &values);
  for (const GOptionEntry *entry = entries; entry->long_name; entry++)
    if (!(entry->flags & G_OPTION_FLAG_HIDDEN)) {
      g_autofree char *word = g_strdup_printf ("--%s", entry->long_name);

      sh_words_add (words, word);
    }
}
