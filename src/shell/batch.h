// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands from a pipe or file on standard input. */

#pragma once

#include "shell.h"

/* Runs the lines of standard input until one fails.  A line with an open quote
 * or a final backslash goes on in the next.  Returns the exit code. */
ShExit sh_batch_run (Shell *shell);
