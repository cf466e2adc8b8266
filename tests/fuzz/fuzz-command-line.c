// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzzes the parser of commands: no input crashes it, what it quotes it reads
 * back, and a line it accepts means the same when it is quoted anew.
 *
 * With --enable-fuzzers (CC=clang) this is a libFuzzer program; else
 *   fuzz-command-line FILE…       replays inputs
 *   fuzz-command-line --random N  makes N inputs out of the table's own words */

#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell/commands.h"
#include "shell/parse.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_quoting (const char *text)
{
  static const char quotes[] = { 0, '\'', '"' };

  for (size_t i = 0; i < G_N_ELEMENTS (quotes); i++) {
    const char mark[] = { quotes[i], 0 };
    g_autofree char *quoted = sh_quote (text, quotes[i]);
    g_autofree char *word = g_strconcat (mark, quoted, mark, NULL);
    g_autofree char *back = sh_unquote (word, strlen (word));

    if (*text && !g_str_equal (back, text))
      g_error ("'%s' is quoted as %s and read back as '%s'", text, word, back);
  }
}

static char *
write_again (const ShArgs *args)
{
  GString *line = g_string_new (args->command->name);

  if (args->wants_help)
    g_string_append (line, " --help");
  for (const ShOption *option = args->command->options; option && option->name; option++)
    for (const char *const *value = sh_args_strings (args, option->name); *value; value++) {
      g_autofree char *quoted = sh_quote (*value, 0);

      if (option->type == SH_OPTION_BOOL)
        g_string_append_printf (line, " --%s", option->name);
      else
        g_string_append_printf (line, " --%s=%s", option->name, quoted);
    }
  return g_string_free (line, FALSE);
}

static void
check_meaning (const ShArgs *args)
{
  g_autofree char *line = write_again (args);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) again = sh_parse_line (line, &error);
  g_autofree char *twice = NULL;

  /* With --help what else is there need not be complete. */
  if (args->wants_help)
    return;
  if (!again || again->len != 1)
    g_error ("accepted, but not as written again: %s: %s", line, error ? error->message : "not one command");
  twice = write_again (again->pdata[0]);
  if (!g_str_equal (line, twice))
    g_error ("written again: %s, then: %s", line, twice);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) commands = sh_parse_line (text, &error);
  g_auto(ShUnfinished) unfinished = { 0 };
  g_auto(GStrv) words = g_strsplit (text, " ", -1);
  g_autoptr(ShArgs) args G_GNUC_UNUSED = sh_parse_argv ((const char *const *) words, NULL);

  if (!commands == !error)
    g_error ("neither or both of a result and an error");
  check_quoting (text);
  for (guint i = 0; commands && i < commands->len; i++)
    check_meaning (commands->pdata[i]);
  sh_parse_unfinished (text, &unfinished);
  if (unfinished.start > strlen (text) || unfinished.value > strlen (unfinished.text))
    g_error ("the unfinished word lies outside of the line");
  return 0;
}

#ifndef FUZZER
static void
make_random (GRand *random, GString *out)
{
  static const char *const bits[] = { " ", "  ", ";", "\n", "\\", "\\\n", "'", "\"", "#", "--", "=", "a", "0", "-1", "\t",
                                      "\xff", "\xc3\xb6", "*", "@daily", "\r", "--help" };

  g_string_truncate (out, 0);
  for (int n = g_rand_int_range (random, 0, 24); n > 0; n--) {
    const ShGroup *group = &sh_groups[g_rand_int_range (random, 0, 9)];
    const ShCommand *command = group->title ? group->commands : NULL;

    for (int skip = g_rand_int_range (random, 0, 8); command && skip > 0 && command[1].name; skip--)
      command++;
    if (!command || g_rand_boolean (random)) {
      g_string_append (out, bits[g_rand_int_range (random, 0, G_N_ELEMENTS (bits))]);
    } else if (!command->options || !command->options->name || g_rand_boolean (random)) {
      g_string_append_printf (out, "%s ", command->name);
    } else {
      const ShOption *option = command->options;

      for (int skip = g_rand_int_range (random, 0, 8); skip > 0 && option[1].name; skip--)
        option++;
      g_string_append_printf (out, "--%s%s", option->name, g_rand_boolean (random) ? " " : "=");
    }
  }
}

int
main (int argc, char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], "--random")) {
    g_autoptr(GRand) random = g_rand_new_with_seed (1);
    g_autoptr(GString) text = g_string_new (NULL);

    for (long n = strtol (argv[2], NULL, 10); n > 0; n--) {
      make_random (random, text);
      LLVMFuzzerTestOneInput ((const uint8_t *) text->str, text->len);
    }
    return 0;
  }
  for (int i = 1; i < argc; i++) {
    g_autofree char *data = NULL;
    gsize size;

    if (!g_file_get_contents (argv[i], &data, &size, NULL)) {
      fprintf (stderr, "cannot read %s\n", argv[i]);
      return 1;
    }
    LLVMFuzzerTestOneInput ((const uint8_t *) data, size);
  }
  return 0;
}
#endif
