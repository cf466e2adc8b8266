// SPDX-License-Identifier: GPL-2.0-or-later
/* Everything that vthunder shows: text in the character set of the terminal,
 * tables, JSON and the progress bar.  Makes no calls of libvirt or of
 * libvthunder.
 *
 * A listing is built once, as JSON; the table is a view of it.  So --json never
 * knows less than the table. */

#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>

/* All strings are UTF-8 and are converted to the locale's character set; what it
 * cannot show comes out as \uNNNN. */
void sh_output (const char *format, ...) G_GNUC_PRINTF (1, 2);        /* on stdout */
void sh_output_error (const char *format, ...) G_GNUC_PRINTF (1, 2);  /* on stderr */
/* The inverse, for what the user typed.  Bytes that make no sense are kept. */
char *sh_output_to_utf8 (const char *text);

/* The width of the terminal at @fd, 0 if it is none. */
int sh_output_width (int fd);

typedef enum {
  SH_FORMAT_TEXT,                 /* strings; arrays of strings, with commas */
  SH_FORMAT_NUMBER,
  SH_FORMAT_SIZE,                 /* bytes: "1.5 GiB" */
  SH_FORMAT_DURATION,             /* ns: "0.42 ms" */
  SH_FORMAT_TIME,                 /* ISO 8601 text: "2026-11-23 04:51:47", local time */
  SH_FORMAT_AGO,                  /* ISO 8601 text: "12 min ago", "in 3 h" */
  SH_FORMAT_YES_NO,
} ShFormat;

typedef struct {
  const char *title;              /* NULL ends the list */
  const char *member;             /* of each object */
  ShFormat format;
  int shrinks;                    /* may be cut where the terminal is too narrow: those with
                                   * the highest number first, those with 0 never */
} ShColumn;

/* Prints the objects of @array, as a table unless @json.  @heading: with titles. */
void sh_output_list (JsonArray *array, const ShColumn *columns, bool json, bool heading);
/* Prints one object, as "Title:  value" lines unless @json; lines whose member
 * is absent or null are left out. */
void sh_output_object (JsonObject *object, const ShColumn *columns, bool json);
void sh_output_json (JsonNode *node);

char *sh_format_size (guint64 bytes);
char *sh_format_duration (gint64 ns);
char *sh_format_time (gint64 unix_ns);        /* local time, to the second */
char *sh_format_ago (gint64 unix_s, gint64 now_s);

/* Members of JSON objects; a NULL or unset value becomes null. */
void sh_json_set_string (JsonObject *object, const char *name, const char *value);
void sh_json_set_time (JsonObject *object, const char *name, gint64 unix_s);  /* 0: null */
void sh_json_set_time_ns (JsonObject *object, const char *name, gint64 unix_ns);

/* The progress bar: one line on stderr, if that is a terminal. */
typedef struct {
  char *title;
  gint64 started_us, drawn_us;    /* monotonic */
  bool enabled, drawn;
} ShProgress;

void sh_progress_init (ShProgress *progress, const char *title, bool enabled);
void sh_progress_update (ShProgress *progress, guint64 done, guint64 total);
/* Removes the line again. */
void sh_progress_clear (ShProgress *progress);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ShProgress, sh_progress_clear)
