// SPDX-License-Identifier: GPL-2.0-or-later
/* The options of the program itself, with the letters that virsh uses. */

#pragma once

#include "complete.h"
#include "shell.h"

typedef struct {
  bool help;
  bool short_version;
  bool long_version;
} ShGlobals;

/* Parses and removes the options up to the first argument that is none. */
bool sh_globals_parse (Shell *shell, ShGlobals *globals, char ***argv, GError **error);
/* What `vthunder --help` shows; on stdout. */
void sh_globals_print_help (void);
void sh_globals_print_version (bool with_libraries);

/* For completion.  Takes over what @word, an option, says of the connection;
 * @value is the next word, NULL if there is none.  Returns whether @value
 * belongs to the option. */
bool sh_globals_take (Shell *shell, const char *word, const char *value);
void sh_globals_add_words (ShWords *words);
