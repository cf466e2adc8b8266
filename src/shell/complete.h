// SPDX-License-Identifier: GPL-2.0-or-later
/* Completion: what can stand at the end of an unfinished line.  Readline and
 * bash both get their answers here. */

#pragma once

#include "commands.h"
#include "shell.h"

/* A list of candidates in the making. */
struct ShWords {
  const char *prefix;             /* only words that begin with it are taken */
  GPtrArray *list;                /* strings */
  GHashTable *partial;            /* those after which typing goes on: "dir/", a set */
};

void sh_words_add (ShWords *words, const char *word);
void sh_words_add_partial (ShWords *words, const char *word);

/* One candidate, for the word as a whole. */
typedef struct {
  char *text;                     /* without quotes */
  bool partial;                   /* no space may follow */
} ShCandidate;

/* Returns a sorted array of ShCandidate and where the word begins in @line. */
GPtrArray *sh_complete (Shell *shell, const char *line, size_t *start);
/* The same for a whole command line of the program, "vthunder -c … dump we";
 * honours its -c and -r. */
GPtrArray *sh_complete_program (Shell *shell, const char *line, size_t *start);

/* Completers for the table. */
void sh_complete_command (Shell *shell, const ShArgs *args, const char *text, ShWords *words);
void sh_complete_domain (Shell *shell, const ShArgs *args, const char *text, ShWords *words);
void sh_complete_active_domain (Shell *shell, const ShArgs *args, const char *text, ShWords *words);
void sh_complete_schedule (Shell *shell, const ShArgs *args, const char *text, ShWords *words);
void sh_complete_cron (Shell *shell, const ShArgs *args, const char *text, ShWords *words);
void sh_complete_pool (Shell *shell, const ShArgs *args, const char *text, ShWords *words);
void sh_complete_dump (Shell *shell, const ShArgs *args, const char *text, ShWords *words);
void sh_complete_file_or_domain (Shell *shell, const ShArgs *args, const char *text, ShWords *words);
void sh_complete_file (Shell *shell, const ShArgs *args, const char *text, ShWords *words);
void sh_complete_directory (Shell *shell, const ShArgs *args, const char *text, ShWords *words);
void sh_complete_format (Shell *shell, const ShArgs *args, const char *text, ShWords *words);
void sh_complete_mode (Shell *shell, const ShArgs *args, const char *text, ShWords *words);
void sh_complete_strategy (Shell *shell, const ShArgs *args, const char *text, ShWords *words);
void sh_complete_yes_no (Shell *shell, const ShArgs *args, const char *text, ShWords *words);
void sh_complete_uri (Shell *shell, const ShArgs *args, const char *text, ShWords *words);
