// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs commands: the one executor of batch and interactive use. */

#pragma once

#include "commands.h"
#include "shell.h"

/* Runs an array of ShArgs, one after another, until one fails or leaves;
 * reports its error.  Returns the exit code of the last one run. */
ShExit sh_exec (Shell *shell, GPtrArray *commands);
/* Parses and runs; a line with a mistake in it runs not at all. */
ShExit sh_exec_line (Shell *shell, const char *line);
ShExit sh_exec_argv (Shell *shell, const char *const *argv);
/* Opens the connection before a user's first command; why that fails is told, and no hindrance. */
void sh_exec_connect (Shell *shell);
