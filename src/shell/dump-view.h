// SPDX-License-Identifier: GPL-2.0-or-later
/* How a dump file is shown, by all commands that show one. */

#pragma once

#include "output.h"
#include "vthunder.h"

JsonObject *sh_dump_to_json (const VthDump *dump);
JsonObject *sh_check_to_json (const VthCheck *check);
/* "pause 0.42 ms, stall 0.11 ms, total 0.61 s", or how else it went. */
char *sh_dump_figures (const VthDump *dump);
/* "; incremental on NAME, 12 pages", "; full: why", or "". */
char *sh_dump_chain (const VthDump *dump);

extern const ShColumn sh_dump_list_columns[];
extern const ShColumn sh_dump_info_columns[];
