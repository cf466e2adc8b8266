// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include "output.h"

#include <libsmartcols.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

typedef struct libscols_table ScolsTable;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScolsTable, scols_unref_table)

/* --- text -------------------------------------------------------------------- */

/* Newlines and tabs of our own texts pass, other control characters do not: a
 * domain's title must not be able to drive the terminal. */
static char *
to_locale (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  g_autoptr(GString) plain = NULL;
  const char *charset;
  char *converted;

  for (char *p = valid; *p; p++)
    if (g_ascii_iscntrl (*p) && *p != '\n' && *p != '\t')
      *p = '?';
  if (g_get_charset (&charset))
    return g_steal_pointer (&valid);
  converted = g_convert (valid, -1, charset, "UTF-8", NULL, NULL, NULL);
  if (converted)
    return converted;
  /* A unit of ours, which everybody can read like that. */
  plain = g_string_new (valid);
  g_string_replace (plain, " µs", " us", 0);
  converted = g_convert_with_fallback (plain->str, -1, charset, "UTF-8", NULL, NULL, NULL, NULL);
  return converted ? converted : g_str_to_ascii (valid, NULL);
}

char *
sh_output_to_utf8 (const char *text)
{
  char *converted;

  if (g_utf8_validate (text, -1, NULL))
    return g_strdup (text);
  converted = g_locale_to_utf8 (text, -1, NULL, NULL, NULL);
  return converted ? converted : g_strdup (text);
}

G_GNUC_PRINTF (2, 0)
static void
put (FILE *stream, const char *format, va_list args)
{
  g_autofree char *text = g_strdup_vprintf (format, args);
  g_autofree char *shown = to_locale (text);

  fputs (shown, stream);
}

void
sh_output (const char *format, ...)
{
  va_list args;

  va_start (args, format);
  put (stdout, format, args);
  va_end (args);
}

void
sh_output_error (const char *format, ...)
{
  va_list args;

  /* What was printed before it must come before it, also in one pipe. */
  fflush (stdout);
  va_start (args, format);
  put (stderr, format, args);
  va_end (args);
}

int
sh_output_width (int fd)
{
  struct winsize size;

  if (!isatty (fd))
    return 0;
  if (ioctl (fd, TIOCGWINSZ, &size) < 0 || !size.ws_col)
    return 80;
  return size.ws_col;
}

/* --- values ------------------------------------------------------------------ */

char *
sh_format_size (guint64 bytes)
{
  static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
  double value = (double) bytes;
  size_t unit = 0;

  while (value >= 1024 && unit + 1 < G_N_ELEMENTS (units)) {
    value /= 1024;
    unit++;
  }
  if (unit == 0 || value == (double) (guint64) value || value >= 100)
    return g_strdup_printf ("%.0f %s", value, units[unit]);
  return g_strdup_printf ("%.1f %s", value, units[unit]);
}

char *
sh_format_duration (gint64 ns)
{
  if (ns < 0)
    return g_strdup ("-");
  if (ns < 1000)
    return g_strdup_printf ("%d ns", (int) ns);
  if (ns < 1000 * 1000)
    return g_strdup_printf ("%.1f µs", (double) ns / 1e3);
  if (ns < G_GINT64_CONSTANT (1000000000))
    return g_strdup_printf ("%.2f ms", (double) ns / 1e6);
  if (ns < G_GINT64_CONSTANT (600000000000))
    return g_strdup_printf ("%.2f s", (double) ns / 1e9);
  return g_strdup_printf ("%" G_GINT64_FORMAT " min", ns / G_GINT64_CONSTANT (60000000000));
}

static char *
format_local (gint64 unix_s)
{
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_local (unix_s);

  return time ? g_date_time_format (time, "%F %T") : g_strdup ("-");
}

char *
sh_format_time (gint64 unix_ns)
{
  return unix_ns ? format_local (unix_ns / G_GINT64_CONSTANT (1000000000)) : g_strdup ("-");
}

char *
sh_format_ago (gint64 unix_s, gint64 now_s)
{
  static const struct { gint64 seconds; const char *unit; } steps[] = {
    { 365 * 86400, "y" }, { 7 * 86400, "wk" }, { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" },
  };
  gint64 distance = unix_s - now_s;
  gint64 length = ABS (distance);

  /* From two units on a single one says enough: 119 min, then 2 h. */
  for (size_t i = 0; i < G_N_ELEMENTS (steps); i++)
    if (length >= 2 * steps[i].seconds || i + 1 == G_N_ELEMENTS (steps))
      return distance > 0
        ? g_strdup_printf ("in %" G_GINT64_FORMAT " %s", length / steps[i].seconds, steps[i].unit)
        : g_strdup_printf ("%" G_GINT64_FORMAT " %s ago", length / steps[i].seconds, steps[i].unit);
  g_assert_not_reached ();
}

void
sh_json_set_string (JsonObject *object, const char *name, const char *value)
{
  if (value) {
    g_autofree char *valid = g_utf8_make_valid (value, -1);

    json_object_set_string_member (object, name, valid);
  } else {
    json_object_set_null_member (object, name);
  }
}

void
sh_json_set_time (JsonObject *object, const char *name, gint64 unix_s)
{
  g_autoptr(GDateTime) time = unix_s ? g_date_time_new_from_unix_utc (unix_s) : NULL;
  g_autofree char *text = time ? g_date_time_format (time, "%FT%TZ") : NULL;

  sh_json_set_string (object, name, text);
}

void
sh_json_set_time_ns (JsonObject *object, const char *name, gint64 unix_ns)
{
  gint64 unix_s = unix_ns / G_GINT64_CONSTANT (1000000000);
  g_autoptr(GDateTime) time = unix_ns > 0 ? g_date_time_new_from_unix_utc (unix_s) : NULL;
  g_autofree char *base = time ? g_date_time_format (time, "%FT%T") : NULL;
  g_autofree char *text = base
    ? g_strdup_printf ("%s.%09dZ", base, (int) (unix_ns % G_GINT64_CONSTANT (1000000000))) : NULL;

  sh_json_set_string (object, name, text);
}

static char *
join_strings (JsonArray *array)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < json_array_get_length (array); i++)
    g_string_append_printf (out, "%s%s", i ? ", " : "", json_array_get_string_element (array, i));
  if (!out->len)
    g_string_append_c (out, '-');
  return g_string_free (out, FALSE);
}

/* "-" for what is not there. */
static char *
format_member (JsonObject *object, const ShColumn *column)
{
  JsonNode *node = json_object_get_member (object, column->member);

  if (!node || JSON_NODE_HOLDS_NULL (node))
    return g_strdup ("-");
  if (JSON_NODE_HOLDS_ARRAY (node))
    return join_strings (json_node_get_array (node));

  switch (column->format) {
  case SH_FORMAT_NUMBER:
    return g_strdup_printf ("%" G_GINT64_FORMAT, json_node_get_int (node));
  case SH_FORMAT_SIZE:
    return sh_format_size ((guint64) json_node_get_int (node));
  case SH_FORMAT_DURATION:
    return sh_format_duration (json_node_get_int (node));
  case SH_FORMAT_YES_NO:
    return g_strdup (json_node_get_boolean (node) ? "yes" : "no");
  case SH_FORMAT_TIME:
  case SH_FORMAT_AGO: {
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601 (json_node_get_string (node), NULL);

    if (!time)
      return g_strdup ("-");
    if (column->format == SH_FORMAT_TIME)
      return format_local (g_date_time_to_unix (time));
    return sh_format_ago (g_date_time_to_unix (time), g_get_real_time () / G_USEC_PER_SEC);
  }
  case SH_FORMAT_TEXT:
    break;
  }
  if (json_node_get_value_type (node) == G_TYPE_STRING)
    return g_strdup (json_node_get_string (node));
  return json_to_string (node, FALSE);
}

/* --- tables ------------------------------------------------------------------ */

static bool
is_right_aligned (ShFormat format)
{
  return format == SH_FORMAT_NUMBER || format == SH_FORMAT_SIZE || format == SH_FORMAT_DURATION;
}

/* A line of a table must stay a line. */
static char *
to_cell (const char *text)
{
  char *cell = to_locale (text);

  g_strdelimit (cell, "\n\t", ' ');
  return cell;
}

/* virsh underlines its headings with a rule, which smartcols does not. */
static void
print_with_rule (const char *text, size_t width)
{
  const char *end = strchr (text, '\n');

  printf ("%.*s\n", (int) (end ? (size_t) (end - text) : strlen (text)), text);
  for (size_t i = 0; i < width; i++)
    putchar ('-');
  printf ("%s\n", end ? end : "");
}

/* In columns of the terminal; @text is in the locale's character set. */
static size_t
display_width (const char *text)
{
  size_t width = 0;

  if (!g_get_charset (NULL) || !g_utf8_validate (text, -1, NULL))
    return strlen (text);
  for (const char *p = text; *p; p = g_utf8_next_char (p))
    width += g_unichar_iszerowidth (g_utf8_get_char (p)) ? 0 : g_unichar_iswide (g_utf8_get_char (p)) ? 2 : 1;
  return width;
}

/* Where @columns of @text end, from its beginning or, @backwards, from its end. */
static const char *
at_column (const char *text, size_t columns, bool backwards)
{
  bool utf8 = g_get_charset (NULL) && g_utf8_validate (text, -1, NULL);
  const char *p = backwards ? text + strlen (text) : text;
  size_t width = 0;

  for (;;) {
    const char *next;
    g_autofree char *character = NULL;

    if (backwards ? p == text : !*p)
      return p;
    next = backwards ? (utf8 ? g_utf8_prev_char (p) : p - 1) : (utf8 ? g_utf8_next_char (p) : p + 1);
    character = backwards ? g_strndup (next, (gsize) (p - next)) : g_strndup (p, (gsize) (next - p));
    width += display_width (character);
    if (width > columns)
      return p;
    p = next;
  }
}

/* Cuts out the middle: names that are alike differ at their ends. */
static char *
cut (const char *text, size_t columns)
{
  const char *mark = g_get_charset (NULL) ? "…" : "~";
  size_t left = (columns - 1) / 2;
  const char *end = at_column (text, left, false);

  if (display_width (text) <= columns)
    return g_strdup (text);
  return g_strdup_printf ("%.*s%s%s", (int) (end - text), text, mark, at_column (text, columns - 1 - left, true));
}

#define NARROWEST 9

/* Takes from the columns that shrink what the table is too wide. */
static void
fit_widths (const ShColumn *columns, size_t *widths, size_t n, size_t room)
{
  size_t total = 0;

  for (size_t c = 0; c < n; c++)
    total += widths[c];
  for (int order = 9; order > 0 && total > room; order--)
    while (total > room) {
      size_t widest = n;

      for (size_t c = 0; c < n; c++)
        if (columns[c].shrinks == order && widths[c] > NARROWEST && (widest == n || widths[c] > widths[widest]))
          widest = c;
      if (widest == n)
        break;
      widths[widest]--;
      total--;
    }
}

/* All cells, row by row, as text of the locale. */
static GPtrArray *
make_cells (JsonArray *array, const ShColumn *columns, size_t n)
{
  GPtrArray *cells = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < json_array_get_length (array); i++)
    for (size_t c = 0; c < n; c++) {
      g_autofree char *value = format_member (json_array_get_object_element (array, i), &columns[c]);

      g_ptr_array_add (cells, to_cell (value));
    }
  return cells;
}

/* Chooses the distance of columns and cuts cells, so that lines fit @width. */
static const char *
fit_cells (GPtrArray *cells, const ShColumn *columns, size_t n, bool heading, size_t width)
{
  g_autofree size_t *widths = g_new0 (size_t, n);
  size_t total = 1, gap = 3;

  for (size_t c = 0; c < n; c++) {
    if (heading)
      widths[c] = display_width (columns[c].title);
    for (size_t i = c; i < cells->len; i += n)
      widths[c] = MAX (widths[c], display_width (cells->pdata[i]));
    total += widths[c];
  }
  if (!width || total + gap * (n - 1) <= width)
    return "   ";
  gap = 2;
  fit_widths (columns, widths, n, width > 1 + gap * (n - 1) ? width - 1 - gap * (n - 1) : 0);
  for (size_t i = 0; i < cells->len; i++)
    if (columns[i % n].shrinks) {
      g_autofree char *whole = cells->pdata[i];

      cells->pdata[i] = cut (whole, widths[i % n]);
    }
  return "  ";
}

static void
print_table (JsonArray *array, const ShColumn *columns, bool heading)
{
  g_autoptr(ScolsTable) table = NULL;
  g_autoptr(GPtrArray) cells = NULL;
  g_autofree char *text = NULL;
  g_autoptr(GString) shifted = g_string_new (NULL);
  g_auto(GStrv) lines = NULL;
  struct libscols_line *line = NULL;
  const char *gap;
  size_t n = 0, widest = 0;

  while (columns[n].title)
    n++;
  cells = make_cells (array, columns, n);
  /* In a pipe nothing is cut: whoever reads it can deal with long lines. */
  gap = fit_cells (cells, columns, n, heading, (size_t) sh_output_width (STDOUT_FILENO));

  scols_init_debug (0);
  table = scols_new_table ();
  scols_table_set_column_separator (table, gap);
  scols_table_enable_noheadings (table, !heading);
  scols_table_set_termforce (table, SCOLS_TERMFORCE_NEVER);
  for (size_t c = 0; c < n; c++)
    scols_table_new_column (table, heading ? columns[c].title : "", 0,
                            is_right_aligned (columns[c].format) ? SCOLS_FL_RIGHT : 0);
  for (size_t i = 0; i < cells->len; i++) {
    if (i % n == 0)
      line = scols_table_new_line (table, NULL);
    scols_line_set_data (line, i % n, cells->pdata[i]);
  }
  if (scols_table_is_empty (table)) {
    /* smartcols prints nothing at all then; the titles say that it worked. */
    for (size_t c = 0; heading && c < n; c++)
      g_string_append_printf (shifted, " %s%s", columns[c].title, c + 1 < n ? "  " : "");
    if (heading)
      print_with_rule (shifted->str, shifted->len + 1);
    return;
  }
  if (scols_print_table_to_string (table, &text) < 0)
    return;

  /* One space at the left, as virsh has it, and none at the right. */
  lines = g_strsplit (g_strchomp (text), "\n", -1);
  for (char **l = lines; *l; l++) {
    g_string_append_printf (shifted, "%s %s", l == lines ? "" : "\n", g_strchomp (*l));
    widest = MAX (widest, 1 + display_width (*l));
  }
  if (heading)
    print_with_rule (shifted->str, widest);
  else
    printf ("%s\n", shifted->str);
}

void
sh_output_json (JsonNode *node)
{
  g_autoptr(JsonGenerator) generator = json_generator_new ();
  g_autofree char *text = NULL;

  json_generator_set_pretty (generator, TRUE);
  json_generator_set_root (generator, node);
  text = json_generator_to_data (generator, NULL);
  printf ("%s\n", text);
}

void
sh_output_list (JsonArray *array, const ShColumn *columns, bool json, bool heading)
{
  if (json) {
    g_autoptr(JsonNode) node = json_node_new (JSON_NODE_ARRAY);

    json_node_set_array (node, array);
    sh_output_json (node);
  } else {
    print_table (array, columns, heading);
  }
}

void
sh_output_object (JsonObject *object, const ShColumn *columns, bool json)
{
  int widest = 0;

  if (json) {
    g_autoptr(JsonNode) node = json_node_new (JSON_NODE_OBJECT);

    json_node_set_object (node, object);
    sh_output_json (node);
    return;
  }
  for (const ShColumn *column = columns; column->title; column++)
    widest = MAX (widest, (int) strlen (column->title));
  for (const ShColumn *column = columns; column->title; column++) {
    JsonNode *node = json_object_get_member (object, column->member);
    g_autofree char *value = NULL;

    if (!node || JSON_NODE_HOLDS_NULL (node))
      continue;
    value = format_member (object, column);
    sh_output ("%s:%*s  %s\n", column->title, widest - (int) strlen (column->title), "", value);
  }
}

/* --- progress ------------------------------------------------------------------ */

#define REDRAW_US (100 * 1000)

void
sh_progress_init (ShProgress *progress, const char *title, bool enabled)
{
  memset (progress, 0, sizeof *progress);
  progress->title = g_strdup (title);
  progress->enabled = enabled && isatty (STDERR_FILENO);
  progress->started_us = g_get_monotonic_time ();
}

void
sh_progress_update (ShProgress *progress, guint64 done, guint64 total)
{
  gint64 now_us = g_get_monotonic_time ();
  double seconds = (double) (now_us - progress->started_us) / 1e6;
  g_autofree char *done_text = NULL;
  g_autofree char *total_text = NULL;
  g_autofree char *right = NULL;
  g_autofree char *title = NULL;
  int percent, room;

  if (!progress->enabled || !total || (progress->drawn && now_us - progress->drawn_us < REDRAW_US))
    return;
  done = MIN (done, total);
  percent = (int) ((double) done * 100 / (double) total);
  done_text = sh_format_size (done);
  total_text = sh_format_size (total);
  right = g_strdup_printf (" %3d%%  %s of %s, %.1f s", percent, done_text, total_text, seconds);
  title = to_cell (progress->title);

  fprintf (stderr, "\r\033[K%s", title);
  /* Its width is asked for each time: the window may have changed. */
  room = sh_output_width (STDERR_FILENO) - (int) strlen (title) - (int) strlen (right) - 5;
  if (room >= 10) {
    room = MIN (room, 40);
    fputs (" [", stderr);
    for (int i = 0; i < room; i++)
      fputc (i < room * percent / 100 ? '=' : ' ', stderr);
    fputc (']', stderr);
  }
  fputs (right, stderr);
  fflush (stderr);
  progress->drawn = true;
  progress->drawn_us = now_us;
}

void
sh_progress_clear (ShProgress *progress)
{
  if (progress->drawn) {
    fputs ("\r\033[K", stderr);
    fflush (stderr);
  }
  progress->drawn = false;
  g_clear_pointer (&progress->title, g_free);
}
