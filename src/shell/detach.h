// SPDX-License-Identifier: GPL-2.0-or-later
/* dump --detach: another process of ours does the work. */

#pragma once

#include "commands.h"
#include "shell.h"

/* Runs the command of @args, less its --detach, in the background.  Returns
 * when the dump of @domain runs, or has ended already: then as it ended. */
bool sh_detach (Shell *shell, const ShArgs *args, virDomainPtr domain, GError **error);
