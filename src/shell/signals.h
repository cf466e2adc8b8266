// SPDX-License-Identifier: GPL-2.0-or-later
/* Signals: Ctrl-C cancels the command, not the program, wherever the command
 * can be cancelled. */

#pragma once

#include <gio/gio.h>
#include <stdbool.h>

/* Once, before any of the others. */
void sh_signals_init (void);

/* While caught, SIGINT, SIGTERM, SIGHUP (and, @interactive, SIGWINCH and
 * SIGCONT) can be polled for at sh_signals_fd().  Children do not inherit this. */
void sh_signals_catch (bool interactive);
void sh_signals_release (void);
/* Ends the program as SIGINT ends any. */
void sh_signals_die (void);
int sh_signals_fd (void);
/* The next signal, 0 if there is none. */
int sh_signals_next (void);

/* Watches for signals in a thread while a command runs: the first one cancels
 * @cancellable; SIGINT again, more than a second later, ends the program, so
 * that a command that hangs is no trap. */
typedef struct ShGuard ShGuard;
ShGuard *sh_guard_new (GCancellable *cancellable);
/* Ends the watch and says whether the program was asked to leave (SIGTERM, SIGHUP). */
bool sh_guard_free (ShGuard *guard);
