// SPDX-License-Identifier: GPL-2.0-or-later
/* The description of a command, from which the parser, `help`, completion,
 * `self-test` and the check of the manual all work, and the look-up in the one
 * table of all of them.  Nothing here runs a command: that is exec.h. */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Shell Shell;
typedef struct ShArgs ShArgs;
typedef struct ShWords ShWords;

/* Adds to @words what can stand for an argument.  @args holds what was typed
 * before it and @text the part of the argument typed so far; words that do not
 * begin with @text may be added, they are dropped later.  Must not ask the
 * user anything and must keep quiet about errors. */
typedef void (*ShCompleter) (Shell *shell, const ShArgs *args, const char *text,
                             ShWords *words);

/* Looks for arguments that do not go together, before a connection is made. */
typedef bool (*ShCheck) (const ShArgs *args, GError **error);

/* Runs a command.  False with @error set, always, when it failed. */
typedef bool (*ShHandler) (Shell *shell, const ShArgs *args, GError **error);

typedef enum {
  SH_OPTION_BOOL = 1,
  SH_OPTION_STRING,
  SH_OPTION_INT,
} ShOptionType;

typedef enum {
  SH_OPTION_REQUIRED   = 1 << 0,
  SH_OPTION_POSITIONAL = 1 << 1,  /* can be given without --name */
  SH_OPTION_REPEATED   = 1 << 2,  /* can be given more than once */
  SH_OPTION_EMPTY      = 1 << 3,  /* "" is a value; else an unset variable of a script */
} ShOptionFlags;

typedef struct {
  const char *name;               /* NULL ends the list */
  ShOptionType type;
  unsigned flags;                 /* ShOptionFlags */
  const char *value;              /* what stands for the value in help, "<path>" */
  const char *help;
  ShCompleter complete;           /* NULL: nothing can be offered */
  gint64 min, max;                /* SH_OPTION_INT */
} ShOption;

typedef enum {
  SH_COMMAND_CONNECTS    = 1 << 0,  /* needs a connection to libvirt */
  SH_COMMAND_CANCELLABLE = 1 << 1,  /* watches shell->cancellable */
  SH_COMMAND_HIDDEN      = 1 << 2,  /* for programs: not listed, not completed */
} ShCommandFlags;

typedef struct {
  const char *name;               /* NULL ends the list */
  const char *alias_of;           /* another name of that command: all else NULL */
  ShHandler run;
  ShCheck check;                  /* NULL: the parser's checks are enough */
  const ShOption *options;
  unsigned flags;                 /* ShCommandFlags */
  const char *help;               /* one line, no full stop */
  const char *description;        /* sentences; NULL if @help says it all */
} ShCommand;

typedef struct {
  const char *title;              /* NULL ends the list */
  const char *keyword;            /* what `help` takes */
  const ShCommand *commands;
} ShGroup;

extern const ShGroup sh_groups[];

/* One array for each cmd-*.c. */
extern const ShCommand sh_domain_commands[];
extern const ShCommand sh_dump_commands[];
extern const ShCommand sh_watch_commands[];
extern const ShCommand sh_file_commands[];
extern const ShCommand sh_path_commands[];
extern const ShCommand sh_schedule_commands[];
extern const ShCommand sh_job_commands[];
extern const ShCommand sh_host_commands[];
extern const ShCommand sh_shell_commands[];

/* NULL if there is none; follows an alias. */
const ShCommand *sh_command_find (const char *name);
const ShGroup *sh_group_find (const char *keyword);
const ShOption *sh_command_option (const ShCommand *command, const char *name);

/* "name [--all] <domain>...", without a newline.  Free with g_free(). */
char *sh_command_synopsis (const ShCommand *command);
/* All of `help COMMAND`.  Free with g_free(). */
char *sh_command_help (const ShCommand *command);

/* Checks the whole table against its own rules; each fault adds a sentence to
 * @faults, an array of strings.  True if there was none. */
bool sh_commands_check (GPtrArray *faults);
