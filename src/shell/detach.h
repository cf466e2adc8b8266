// SPDX-License-Identifier: GPL-2.0-or-later
/* `dump --detach`: the same command in a process of its own, and what that one
 * tells of itself until it is left alone. */

#pragma once

#include "commands.h"
#include "shell.h"

typedef enum {
  SH_DETACHED_WAITS = 'w',        /* a line about what it waits for */
  SH_DETACHED_BEGUN = 'b',        /* the domain, whose dump libvirt has begun for this process */
  SH_DETACHED_DONE = 'd',         /* the domain */
  SH_DETACHED_FAILED = 'f',       /* the reason; others follow */
} ShDetachedKind;

/* Returns when the first of @n_domains dumps runs; fails as the command itself would if none does. */
bool sh_detach (Shell *shell, const ShArgs *args, guint n_domains, GError **error);

/* In the process that goes on: where to tell what becomes of the dumps; -1 in any other. */
int sh_detached_open (void);
void sh_detached_tell (int fd, ShDetachedKind kind, const char *text);
