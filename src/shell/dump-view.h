// SPDX-License-Identifier: GPL-2.0-or-later
/* How a dump file is shown, by all commands that show one. */

#pragma once

#include "output.h"
#include "shell.h"
#include "vthunder.h"

JsonObject *sh_dump_to_json (const VthDump *dump);
/* What is wrong with a dump that was taken, as a warning each; NULL: nothing. */
char *sh_dump_not_own (const VthDump *dump);
char *sh_dump_no_manifest (const VthDump *dump);
void sh_dump_warn (Shell *shell, const VthDump *dump);
JsonObject *sh_check_to_json (const VthCheck *check);
/* "pause 0.42 ms, stall 0.11 ms, total 0.61 s", or how else it went. */
char *sh_dump_figures (const VthDump *dump);
/* "; incremental on NAME, 12 pages", "; full: why", or "". */
char *sh_dump_chain (const VthDump *dump);

extern const ShColumn sh_dump_list_columns[];
extern const ShColumn sh_dump_info_columns[];
