// SPDX-License-Identifier: GPL-2.0-or-later
/* The prompt.  The only user of readline. */

#pragma once

#include "shell.h"

/* Reads and runs commands until the user leaves; goes on after an error.
 * Returns the exit code of the last command. */
ShExit sh_interactive_run (Shell *shell);

/* The last @count lines of the history, all if 0, as an array of strings;
 * outside of interactive use those of the file. */
GPtrArray *sh_interactive_history (const Shell *shell, unsigned count);
/* Forgets all of them, also in the file. */
bool sh_interactive_clear_history (const Shell *shell, GError **error);
