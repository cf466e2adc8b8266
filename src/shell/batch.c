// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include "batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec.h"
#include "output.h"
#include "parse.h"

/* A backslash at the very end asks for the next line, so the newline after it
 * must not be seen yet. */
static bool
is_incomplete (const char *text)
{
  g_autofree char *line = g_strndup (text, strlen (text) - (g_str_has_suffix (text, "\n") ? 1 : 0));
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) commands G_GNUC_UNUSED = sh_parse_line (line, &error);

  return g_error_matches (error, SH_PARSE_ERROR, SH_PARSE_ERROR_INCOMPLETE);
}

ShExit
sh_batch_run (Shell *shell)
{
  g_autoptr(GString) text = g_string_new (NULL);
  char *buffer = NULL;
  size_t size = 0;
  ssize_t length;
  ShExit code = SH_EXIT_OK;

  while (!code && !shell->leave && (length = getline (&buffer, &size, stdin)) >= 0) {
    g_autofree char *line = NULL;

    /* A NUL would end the text silently. */
    if (memchr (buffer, '\0', (size_t) length)) {
      sh_output_error ("error: standard input is not text\n");
      code = SH_EXIT_USAGE;
      break;
    }
    line = sh_output_to_utf8 (buffer);
    g_string_append (text, line);
    if (is_incomplete (text->str))
      continue;
    code = sh_exec_line (shell, text->str);
    g_string_truncate (text, 0);
  }
  /* What is left has an open quote; that is the error to report. */
  if (!code && !shell->leave && text->len)
    code = sh_exec_line (shell, text->str);
  free (buffer);
  return code;
}
