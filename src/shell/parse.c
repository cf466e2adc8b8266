// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include "parse.h"

#include <stdint.h>
#include <string.h>

G_DEFINE_QUARK (sh-parse-error-quark, sh_parse_error)

/* --- words ------------------------------------------------------------------ */

typedef enum {
  TOKEN_WORD,
  TOKEN_COMMAND_END,
  TOKEN_END,
} Token;

/* Reads the next token at *@pos.  @word is set for TOKEN_WORD only.  @open is
 * the quote (or backslash) left open at the end of the text, else 0. */
static Token
next_token (const char **pos, const char **start, GString *word, char *open)
{
  const char *p = *pos;
  char quote = 0;

  *open = 0;
  g_string_truncate (word, 0);
  while (*p == ' ' || *p == '\t' || *p == '\r' || (*p == '\\' && p[1] == '\n'))
    p += *p == '\\' ? 2 : 1;
  *start = p;

  if (!*p || *p == ';' || *p == '\n') {
    *pos = *p ? p + 1 : p;
    return *p ? TOKEN_COMMAND_END : TOKEN_END;
  }
  if (*p == '#') {
    p += strcspn (p, "\n");
    *pos = *p ? p + 1 : p;
    return *p ? TOKEN_COMMAND_END : TOKEN_END;
  }

  for (; *p; p++) {
    if (quote == '\'') {
      if (*p == '\'')
        quote = 0;
      else
        g_string_append_c (word, *p);
    } else if (*p == '\\') {
      if (!p[1]) {
        *open = '\\';
        p++;
        break;
      }
      if (*++p != '\n')
        g_string_append_c (word, *p);
    } else if (*p == '"') {
      quote = quote ? 0 : '"';
    } else if (!quote && *p == '\'') {
      quote = '\'';
    } else if (!quote && strchr (" \t\r\n;", *p)) {
      break;
    } else {
      g_string_append_c (word, *p);
    }
  }
  if (quote)
    *open = quote;
  *pos = p;
  return TOKEN_WORD;
}

char *
sh_parse_word (const char **line)
{
  g_autoptr(GString) word = g_string_new (NULL);
  const char *start;
  char open;

  if (next_token (line, &start, word, &open) != TOKEN_WORD)
    return NULL;
  return g_strdup (word->str);
}

char *
sh_quote (const char *text, char quote)
{
  GString *out = g_string_new (NULL);

  for (const char *p = text; *p; p++) {
    if (*p == '\n' && !quote) {
      /* After a backslash it would vanish. */
      g_string_append (out, "'\n'");
      continue;
    }
    if (quote == '\'') {
      /* Nothing can be escaped in there: leave it, escape, go back in. */
      if (*p == '\'')
        g_string_append (out, "'\\'");
    } else if (quote == '"' ? strchr ("\"\\$`", *p) != NULL
               : strchr (" \t\r\n;\\\"'`$&|<>()[]{}*?!#~", *p) != NULL) {
      /* More than the parser here needs, so that bash can use it too. */
      g_string_append_c (out, '\\');
    }
    g_string_append_c (out, *p);
  }
  return g_string_free (out, FALSE);
}

char *
sh_unquote (const char *text, size_t len)
{
  g_autofree char *copy = g_strndup (text, len);
  g_autoptr(GString) word = g_string_new (NULL);
  const char *pos = copy;
  const char *start;
  char open;

  if (next_token (&pos, &start, word, &open) != TOKEN_WORD)
    g_string_truncate (word, 0);
  return g_strdup (word->str);
}

/* --- arguments ---------------------------------------------------------------- */

static size_t
count_options (const ShCommand *command)
{
  size_t n = 0;

  while (command->options && command->options[n].name)
    n++;
  return n;
}

static ShArgs *
args_new (const ShCommand *command)
{
  ShArgs *args = g_new0 (ShArgs, 1);

  args->command = command;
  args->values = g_new0 (GPtrArray *, count_options (command) + 1);
  return args;
}

void
sh_args_free (ShArgs *args)
{
  if (!args)
    return;
  for (size_t i = 0; i < count_options (args->command); i++)
    g_clear_pointer (&args->values[i], g_ptr_array_unref);
  g_free (args->values);
  g_free (args);
}

/* Arrays keep a NULL at the end, so that they are string vectors too. */
static void
args_add (ShArgs *args, const ShOption *option, const char *value)
{
  GPtrArray **values = &args->values[option - args->command->options];

  if (!*values) {
    *values = g_ptr_array_new_with_free_func (g_free);
    g_ptr_array_add (*values, NULL);
  }
  g_ptr_array_insert (*values, (int) (*values)->len - 1, g_strdup (value));
}

static GPtrArray *
args_get (const ShArgs *args, const char *name)
{
  const ShOption *option = sh_command_option (args->command, name);

  if (!option)
    g_error ("command '%s' has no option '%s'", args->command->name, name);
  return args->values[option - args->command->options];
}

bool
sh_args_given (const ShArgs *args, const char *name)
{
  return args_get (args, name) != NULL;
}

const char *
sh_args_string (const ShArgs *args, const char *name)
{
  GPtrArray *values = args_get (args, name);

  return values ? values->pdata[0] : NULL;
}

gint64
sh_args_int (const ShArgs *args, const char *name, gint64 fallback)
{
  const char *text = sh_args_string (args, name);

  return text ? g_ascii_strtoll (text, NULL, 10) : fallback;
}

const char *const *
sh_args_strings (const ShArgs *args, const char *name)
{
  static const char *const none[] = { NULL };
  GPtrArray *values = args_get (args, name);

  return values ? (const char *const *) values->pdata : none;
}

/* --- mistakes ---------------------------------------------------------------------- */

/* Single letters that were left out, added, changed or exchanged with the next. */
static size_t
distance (const char *a, const char *b)
{
  size_t n = strlen (b);
  g_autofree size_t *before = g_new0 (size_t, n + 1);
  g_autofree size_t *last = g_new (size_t, n + 1);
  g_autofree size_t *row = g_new (size_t, n + 1);

  for (size_t j = 0; j <= n; j++)
    last[j] = j;
  for (size_t i = 1; a[i - 1]; i++) {
    row[0] = i;
    for (size_t j = 1; j <= n; j++) {
      row[j] = MIN (last[j - 1] + (a[i - 1] != b[j - 1]), MIN (last[j], row[j - 1]) + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = MIN (row[j], before[j - 2] + 1);
    }
    memcpy (before, last, (n + 1) * sizeof *before);
    memcpy (last, row, (n + 1) * sizeof *last);
  }
  return last[n];
}

/* Keeps what is most like @word, if it is like it at all: a third of it may be wrong. */
static void
consider (const char *word, const char *name, const char **best, size_t *best_distance)
{
  size_t d = strlen (word) > 64 ? SIZE_MAX : distance (word, name);

  if (d <= 1 + strlen (word) / 3 && d < strlen (name) && d < *best_distance) {
    *best = name;
    *best_distance = d;
  }
}

static void
set_unknown_command (GError **error, const char *word)
{
  const char *best = NULL;
  size_t best_distance = SIZE_MAX;

  for (const ShGroup *group = sh_groups; group->title; group++)
    for (const ShCommand *command = group->commands; command->name; command++)
      if (!(command->flags & SH_COMMAND_HIDDEN))
        consider (word, command->name, &best, &best_distance);
  g_set_error (error, SH_PARSE_ERROR, SH_PARSE_ERROR_FAILED, "unknown command: '%s'%s%s%s", word,
               best ? "; did you mean '" : "", best ? best : "", best ? "'?" : "");
}

static void
set_unknown_option (GError **error, const ShCommand *command, const char *word)
{
  const char *best = NULL;
  size_t best_distance = SIZE_MAX;

  for (const ShOption *option = command->options; option && option->name; option++)
    consider (word, option->name, &best, &best_distance);
  g_set_error (error, SH_PARSE_ERROR, SH_PARSE_ERROR_FAILED, "command '%s' doesn't support option --%s%s%s%s",
               command->name, word, best ? "; did you mean --" : "", best ? best : "", best ? "?" : "");
}

/* --- one command ---------------------------------------------------------------- */

/* A command in the making.  Words go in one at a time; in lenient mode, for
 * completion, errors are not made but the offending word is dropped. */
typedef struct {
  ShArgs *args;                   /* NULL until the command's name */
  const ShOption *pending;        /* waits for its value */
  bool positional_only;
  bool lenient;
} Builder;

static void
builder_clear (Builder *builder)
{
  g_clear_pointer (&builder->args, sh_args_free);
  builder->pending = NULL;
  builder->positional_only = false;
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Builder, builder_clear)

static bool
takes_more (const ShArgs *args, const ShOption *option)
{
  return option->flags & SH_OPTION_REPEATED || !args->values[option - args->command->options];
}

static const ShOption *
next_positional (const ShArgs *args)
{
  for (const ShOption *option = args->command->options; option && option->name; option++)
    if (option->flags & SH_OPTION_POSITIONAL && takes_more (args, option))
      return option;
  return NULL;
}

static bool
assign (Builder *builder, const ShOption *option, const char *value, GError **error)
{
  if (!takes_more (builder->args, option)) {
    g_set_error (error, SH_PARSE_ERROR, SH_PARSE_ERROR_FAILED, "option --%s already seen",
                 option->name);
    return false;
  }
  if (option->type == SH_OPTION_INT && !builder->lenient) {
    gint64 number;
    g_autoptr(GError) reason = NULL;

    if (!g_ascii_string_to_signed (value, 10, option->min, option->max, &number, &reason)) {
      g_set_error (error, SH_PARSE_ERROR, SH_PARSE_ERROR_FAILED,
                   "invalid value '%s' for option --%s: not a number from %" G_GINT64_FORMAT
                   " to %" G_GINT64_FORMAT, value, option->name, option->min, option->max);
      return false;
    }
  } else if (!*value && !builder->lenient && !(option->flags & SH_OPTION_EMPTY)) {
    g_set_error (error, SH_PARSE_ERROR, SH_PARSE_ERROR_FAILED, "option --%s is empty", option->name);
    return false;
  }
  args_add (builder->args, option, value);
  return true;
}

static bool
add_option (Builder *builder, const char *word, GError **error)
{
  const char *equals = strchr (word, '=');
  g_autofree char *name = equals ? g_strndup (word + 2, (size_t) (equals - word) - 2)
                                 : g_strdup (word + 2);
  const ShOption *option;

  if (g_str_equal (name, "help") && !equals) {
    builder->args->wants_help = true;
    return true;
  }
  option = sh_command_option (builder->args->command, name);
  if (!option) {
    set_unknown_option (error, builder->args->command, name);
    return false;
  }
  if (option->type == SH_OPTION_BOOL) {
    if (equals) {
      g_set_error (error, SH_PARSE_ERROR, SH_PARSE_ERROR_FAILED,
                   "invalid '=' after option --%s", name);
      return false;
    }
    if (!builder->args->values[option - builder->args->command->options])
      args_add (builder->args, option, "");
    return true;
  }
  if (equals)
    return assign (builder, option, equals + 1, error);
  builder->pending = option;
  return true;
}

static bool
add_word (Builder *builder, const char *word, GError **error)
{
  const ShOption *option;

  if (!builder->args) {
    const ShCommand *command = sh_command_find (word);

    if (!command) {
      set_unknown_command (error, word);
      return false;
    }
    builder->args = args_new (command);
    return true;
  }
  if (builder->pending) {
    option = builder->pending;
    builder->pending = NULL;
    return assign (builder, option, word, error);
  }
  if (!builder->positional_only && g_str_equal (word, "--")) {
    builder->positional_only = true;
    return true;
  }
  if (!builder->positional_only && g_str_has_prefix (word, "--"))
    return add_option (builder, word, error);

  option = next_positional (builder->args);
  if (!option) {
    g_set_error (error, SH_PARSE_ERROR, SH_PARSE_ERROR_FAILED, "unexpected data '%s'", word);
    return false;
  }
  return assign (builder, option, word, error);
}

/* Gives out the finished command, NULL without an error if there was none. */
static bool
finish (Builder *builder, ShArgs **args, GError **error)
{
  g_autoptr(ShArgs) done = g_steal_pointer (&builder->args);
  const ShOption *pending = builder->pending;

  builder_clear (builder);
  *args = NULL;
  if (!done)
    return true;
  if (done->wants_help) {
    *args = g_steal_pointer (&done);
    return true;
  }
  if (pending) {
    g_set_error (error, SH_PARSE_ERROR, SH_PARSE_ERROR_FAILED, "expected syntax: --%s %s",
                 pending->name, pending->value);
    return false;
  }
  for (size_t i = 0; i < count_options (done->command); i++) {
    const ShOption *option = &done->command->options[i];

    if (option->flags & SH_OPTION_REQUIRED && !done->values[i]) {
      bool positional = option->flags & SH_OPTION_POSITIONAL;

      g_set_error (error, SH_PARSE_ERROR, SH_PARSE_ERROR_FAILED, "command '%s' requires %s%s",
                   done->command->name, positional ? "" : "--",
                   positional ? option->value : option->name);
      return false;
    }
  }
  *args = g_steal_pointer (&done);
  return true;
}

/* --- whole lines ---------------------------------------------------------------- */

GPtrArray *
sh_parse_line (const char *line, GError **error)
{
  g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func ((GDestroyNotify) sh_args_free);
  g_autoptr(GString) word = g_string_new (NULL);
  g_auto(Builder) builder = { 0 };
  const char *pos = line;

  for (;;) {
    const char *start;
    char open;
    Token token = next_token (&pos, &start, word, &open);

    if (open) {
      g_set_error (error, SH_PARSE_ERROR, SH_PARSE_ERROR_INCOMPLETE,
                   open == '\\' ? "dangling \\" : "missing %c", open);
      return NULL;
    }
    if (token == TOKEN_WORD) {
      if (!add_word (&builder, word->str, error))
        return NULL;
    } else {
      ShArgs *args = NULL;

      if (!finish (&builder, &args, error))
        return NULL;
      if (args)
        g_ptr_array_add (commands, args);
      if (token == TOKEN_END)
        return g_steal_pointer (&commands);
    }
  }
}

ShArgs *
sh_parse_argv (const char *const *argv, GError **error)
{
  g_auto(Builder) builder = { 0 };
  ShArgs *args;

  for (; *argv; argv++)
    if (!add_word (&builder, *argv, error))
      return NULL;
  if (!finish (&builder, &args, error))
    return NULL;
  return args;
}

void
sh_unfinished_clear (ShUnfinished *unfinished)
{
  g_clear_pointer (&unfinished->text, g_free);
  g_clear_pointer (&unfinished->args, sh_args_free);
}

void
sh_parse_unfinished (const char *line, ShUnfinished *unfinished)
{
  g_autoptr(GString) word = g_string_new (NULL);
  g_auto(Builder) builder = { .lenient = true };
  const char *pos = line;
  bool unknown = false;

  memset (unfinished, 0, sizeof *unfinished);
  for (;;) {
    const char *start;
    char open;
    Token token = next_token (&pos, &start, word, &open);

    if (token == TOKEN_WORD && *pos) {
      /* A command nobody knows has arguments nobody knows. */
      if (!unknown && !add_word (&builder, word->str, NULL) && !builder.args)
        unknown = true;
    } else if (token == TOKEN_COMMAND_END) {
      builder_clear (&builder);
      unknown = false;
    } else {
      unfinished->start = (size_t) (start - line);
      unfinished->text = g_strdup (token == TOKEN_WORD ? word->str : "");
      unfinished->comment = unknown || (token == TOKEN_END && *start == '#');
      break;
    }
  }

  if (builder.args) {
    const char *text = unfinished->text;
    const char *equals = strchr (text, '=');

    if (builder.pending) {
      unfinished->option = builder.pending;
    } else if (!builder.positional_only && g_str_has_prefix (text, "--")) {
      if (equals) {
        g_autofree char *name = g_strndup (text + 2, (size_t) (equals - text) - 2);
        const ShOption *option = sh_command_option (builder.args->command, name);

        if (option && option->type != SH_OPTION_BOOL) {
          unfinished->option = option;
          unfinished->value = (size_t) (equals + 1 - text);
        }
      }
    } else {
      unfinished->option = next_positional (builder.args);
    }
  }
  unfinished->positional_only = builder.positional_only;
  unfinished->args = g_steal_pointer (&builder.args);
}
