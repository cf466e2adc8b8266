// SPDX-License-Identifier: GPL-2.0-or-later
/* From text to commands.  Pure: no I/O, no connection, no state; safe on any
 * input.  The grammar is virsh's:
 *
 *   line     = command { (";" | newline) command }
 *   command  = name { option | value } | comment | nothing
 *   option   = --name | --name value | --name=value
 *   comment  = "#" at the start of a word, up to the end of the line
 *   word     = characters, 'literal', "with \ escapes", \c; backslash-newline vanishes
 *
 * "--" ends options.  Every command takes --help. */

#pragma once

#include "commands.h"

#define SH_PARSE_ERROR (sh_parse_error_quark ())
GQuark sh_parse_error_quark (void);

typedef enum {
  SH_PARSE_ERROR_FAILED,
  SH_PARSE_ERROR_INCOMPLETE,      /* an open quote or a final backslash */
} ShParseError;

/* A command and its arguments. */
struct ShArgs {
  const ShCommand *command;
  bool wants_help;
  GPtrArray **values;             /* by index in command->options; NULL: not given */
};

void sh_args_free (ShArgs *args);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ShArgs, sh_args_free)

/* @name must be an option of the command: anything else is a mistake in the
 * program and aborts. */
bool sh_args_given (const ShArgs *args, const char *name);
/* NULL if not given. */
const char *sh_args_string (const ShArgs *args, const char *name);
gint64 sh_args_int (const ShArgs *args, const char *name, gint64 fallback);
/* Never NULL, ends in NULL. */
const char *const *sh_args_strings (const ShArgs *args, const char *name);

/* Returns an array of ShArgs, possibly empty. */
GPtrArray *sh_parse_line (const char *line, GError **error);
/* One command, already split into words as by a command interpreter. */
ShArgs *sh_parse_argv (const char *const *argv, GError **error);

/* What is known of the last, unfinished word of a line: for completion. */
typedef struct {
  size_t start;                   /* where the word begins in the line */
  char *text;                     /* without quotes and escapes; "" for a new word */
  ShArgs *args;                   /* what was understood before it, NULL: the command's own name */
  const ShOption *option;         /* whose value the word is, NULL: none */
  size_t value;                   /* where the value begins in @text, after "--name=" */
  bool positional_only;           /* after "--" */
  bool comment;                   /* nothing to complete */
} ShUnfinished;

void sh_unfinished_clear (ShUnfinished *unfinished);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ShUnfinished, sh_unfinished_clear)

/* Never fails: what makes no sense is skipped. */
void sh_parse_unfinished (const char *line, ShUnfinished *unfinished);
/* Splits @line at its first word only, to skip the program's own arguments.
 * Returns the unquoted word, NULL at the end of the command; @line moves on. */
char *sh_parse_word (const char **line);

/* @text so that it is read back as one word; @quote is the quote character
 * that is open in front of it, '\0' for none. */
char *sh_quote (const char *text, char quote);
/* The inverse, for a word or the beginning of one. */
char *sh_unquote (const char *text, size_t len);
