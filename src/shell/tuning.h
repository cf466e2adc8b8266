// SPDX-License-Identifier: GPL-2.0-or-later
/* The options that say how the engine takes a dump, with virsh's names. */

#pragma once

#include "commands.h"
#include "vthunder.h"

/* @least: 0 where that takes a setting away, else 1. */
#define SH_OPTIONS_TUNING(least) \
  { "strategy", SH_OPTION_STRING, 0, "<strategy>", "auto, protect, precopy or hybrid", sh_complete_strategy }, \
  { "mirror-limit", SH_OPTION_STRING, 0, "<size>", "memory of the host that a dump takes at most, 256MiB" }, \
  { "bandwidth", SH_OPTION_STRING, 0, "<size>", "write at most so much in a second, 100MiB" }, \
  { "threads", SH_OPTION_INT, 0, "<number>", "threads that copy and compress at most", NULL, least, VTH_THREADS_MAX }

/* NULL: none of them is given. */
const char *sh_tuning_given (const ShArgs *args);

/* Puts into @tuning what the options say.  @zero: sizes of 0 are taken. */
bool sh_tuning_read (const ShArgs *args, bool zero, VthTuning *tuning, GError **error);
