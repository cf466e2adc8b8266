/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of modes, formats, strategies and states; sizes and durations as text; bytes as text. */
#include <config.h>

#include <string.h>

#include "vth-private.h"

static const char *const mode_names[] = { "mirror", "stop", "incremental", NULL };
static const char *const format_names[] = { "elf", "kdump-zlib", "kdump-lzo", "kdump-snappy", "win-dmp", "kdump-zstd", NULL };
static const char *const strategy_names[] = { "auto", "protect", "precopy", "hybrid", NULL }; /* from VTH_STRATEGY_AUTO on */

static bool
value_from_string (const char *const *names, const char *kind, const char *text, unsigned int *value, GError **error)
{
  for (unsigned int i = 0; names[i] != NULL; i++)
    if (g_strcmp0 (names[i], text) == 0)
      {
        *value = i;
        return true;
      }
  g_autofree char *known = g_strjoinv (", ", (char **) names);
  g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "unknown %s '%s': expected one of %s", kind,
               text != NULL ? text : "", known);
  return false;
}

const char *
vth_mode_to_string (VthMode mode)
{
  return (unsigned int) mode < G_N_ELEMENTS (mode_names) - 1 ? mode_names[mode] : "unknown";
}

bool
vth_mode_from_string (const char *text, VthMode *mode, GError **error)
{
  unsigned int value;
  if (!value_from_string (mode_names, "mode", text, &value, error))
    return false;
  *mode = (VthMode) value;
  return true;
}

const char *const *
vth_mode_names (void)
{
  return mode_names;
}

const char *
vth_format_to_string (VthFormat format)
{
  return (unsigned int) format < G_N_ELEMENTS (format_names) - 1 ? format_names[format] : "unknown";
}

bool
vth_format_from_string (const char *text, VthFormat *format, GError **error)
{
  unsigned int value;
  if (!value_from_string (format_names, "format", text, &value, error))
    return false;
  *format = (VthFormat) value;
  return true;
}

const char *const *
vth_format_names (void)
{
  return format_names;
}

const char *
vth_strategy_to_string (VthStrategy strategy)
{
  unsigned int index = (unsigned int) MAX (strategy, VTH_STRATEGY_AUTO) - VTH_STRATEGY_AUTO;
  return index < G_N_ELEMENTS (strategy_names) - 1 ? strategy_names[index] : "unknown";
}

bool
vth_strategy_from_string (const char *text, VthStrategy *strategy, GError **error)
{
  unsigned int value;
  if (!value_from_string (strategy_names, "strategy", text, &value, error))
    return false;
  *strategy = (VthStrategy) (value + VTH_STRATEGY_AUTO);
  return true;
}

const char *const *
vth_strategy_names (void)
{
  return strategy_names;
}

const char *
vth_check_status_to_string (VthCheckStatus status)
{
  static const char *const names[] = { "ok", "skipped", "warning", "failed" };
  return (unsigned int) status < G_N_ELEMENTS (names) ? names[status] : "unknown";
}

const char *
vth_domain_state_to_string (int state)
{
  switch (state)
    {
    case VIR_DOMAIN_RUNNING:
      return "running";
    case VIR_DOMAIN_BLOCKED:
      return "idle";
    case VIR_DOMAIN_PAUSED:
      return "paused";
    case VIR_DOMAIN_SHUTDOWN:
      return "in shutdown";
    case VIR_DOMAIN_SHUTOFF:
      return "shut off";
    case VIR_DOMAIN_CRASHED:
      return "crashed";
    case VIR_DOMAIN_PMSUSPENDED:
      return "pmsuspended";
    default:
      return "no state";
    }
}

bool
vth_size_parse (const char *text, uint64_t *bytes, GError **error)
{
  static const char units[] = "KMGTPE";
  char *end = NULL;
  guint64 number = text != NULL && g_ascii_isdigit (text[0]) ? g_ascii_strtoull (text, &end, 10) : 0;

  if (end == NULL || (number == G_MAXUINT64))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "invalid size '%s': expected a number and a unit such as 10GiB",
                   text != NULL ? text : "");
      return false;
    }
  guint64 scale = 1;
  const char *unit = *end != '\0' ? strchr (units, g_ascii_toupper (*end)) : NULL;
  bool known = *end == '\0' || g_ascii_strcasecmp (end, "b") == 0 || g_ascii_strcasecmp (end, "bytes") == 0;
  if (unit != NULL)
    {
      const char *rest = end + 1;
      guint64 base = g_ascii_strcasecmp (rest, "b") == 0 ? 1000 : 1024;
      known = *rest == '\0' || base == 1000 || g_ascii_strcasecmp (rest, "ib") == 0;
      for (gssize i = 0; i <= unit - units; i++)
        scale *= base;
    }
  if (!known || number > G_MAXUINT64 / scale)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "invalid size '%s': %s", text,
                   known ? "too large" : "expected a unit such as MiB or GB");
      return false;
    }
  *bytes = number * scale;
  return true;
}

static const struct {
  char letter;
  int64_t seconds;
} duration_units[] = {
  { 'y', 365 * 86400 }, { 'm', 30 * 86400 }, { 'w', 7 * 86400 }, { 'd', 86400 }, { 'h', 3600 },
};

bool
vth_duration_parse (const char *text, int64_t *duration_s, GError **error)
{
  const char *p = text != NULL ? text : "";
  int64_t total = 0;
  unsigned int seen = 0;
  bool ok = *p != '\0';

  while (ok && *p != '\0')
    {
      char *end = NULL;
      guint64 number = g_ascii_isdigit (*p) ? g_ascii_strtoull (p, &end, 10) : 0;
      ok = false;
      for (unsigned int i = 0; end != NULL && i < G_N_ELEMENTS (duration_units); i++)
        if (*end == duration_units[i].letter && !(seen & (1u << i)) && number <= 100000)
          {
            seen |= 1u << i;
            total += (int64_t) number * duration_units[i].seconds;
            ok = true;
          }
      p = ok ? end + 1 : p;
    }
  if (!ok)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE,
                   "invalid duration '%s': expected numbers with the units y, m, w, d, h, each once, such as 7d12h",
                   text != NULL ? text : "");
      return false;
    }
  *duration_s = total;
  return true;
}

char *
vth_duration_to_string (int64_t duration_s)
{
  GString *out = g_string_new (NULL);
  int64_t rest = MAX (duration_s, 0);

  for (unsigned int i = 0; i < G_N_ELEMENTS (duration_units); i++)
    {
      int64_t n = rest / duration_units[i].seconds;
      rest %= duration_units[i].seconds;
      if (n > 0)
        g_string_append_printf (out, "%" G_GINT64_FORMAT "%c", n, duration_units[i].letter);
    }
  if (out->len == 0)
    g_string_append (out, "0h");
  return g_string_free (out, FALSE);
}

bool
vth_full_every_parse (const char *text, unsigned int *count, int64_t *duration_s, GError **error)
{
  size_t length = text != NULL ? strlen (text) : 0;
  int64_t seconds = 0;

  if (length > 0 && length <= 7 && strspn (text, "0123456789") == length)
    {
      guint64 number = g_ascii_strtoull (text, NULL, 10);
      if (number >= 1 && number <= 1000000)
        {
          *count = (unsigned int) number;
          *duration_s = 0;
          return true;
        }
    }
  else if (vth_duration_parse (text, &seconds, NULL) && seconds > 0)
    {
      *count = 0;
      *duration_s = seconds;
      return true;
    }
  g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE,
               "invalid interval of full dumps '%s': expected a number of dumps (1-1000000) or a duration such as 1d",
               text != NULL ? text : "");
  return false;
}

char *
vth_full_every_to_string (unsigned int count, int64_t duration_s)
{
  if (count == 0 && duration_s > 0)
    return vth_duration_to_string (duration_s);
  return g_strdup_printf ("%u", count > 0 ? count : VTH_FULL_EVERY_DEFAULT);
}

char *
vth_size_to_string (uint64_t bytes)
{
  g_autofree char *text = g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS);
  g_autoptr (GString) plain = g_string_new (text);
  /* GLib's does not break, and most character sets lack it. */
  g_string_replace (plain, "\302\240", " ", 0);
  return g_strdup (plain->str);
}

char *
vth_bytes_escape (const char *bytes)
{
  g_autoptr (GString) out = g_string_new (NULL);

  for (const char *p = bytes; *p != '\0';)
    {
      gunichar c = g_utf8_get_char_validated (p, -1);
      const char *next = c < 0x110000 ? g_utf8_next_char (p) : p + 1;
      if (c == '%' || c >= 0x110000)
        g_string_append_printf (out, "%%%02X", (unsigned char) *p);
      else
        g_string_append_len (out, p, next - p);
      p = next;
    }
  return g_strdup (out->str);
}

char *
vth_bytes_unescape (const char *text)
{
  char *bytes = g_uri_unescape_string (text, NULL);
  /* It was not written by the other one. */
  return bytes != NULL ? bytes : g_strdup (text);
}

/* The member that holds what is no text. */
static char *
escaped_name (const char *name)
{
  return g_strconcat (name, "-escaped", NULL);
}

void
vth_json_set_bytes (JsonObject *object, const char *name, const char *bytes)
{
  g_autofree char *other = escaped_name (name);

  if (bytes == NULL)
    return;
  bool text = g_utf8_validate (bytes, -1, NULL);
  g_autofree char *escaped = text ? g_strdup (bytes) : vth_bytes_escape (bytes);
  json_object_set_string_member (object, text ? name : other, escaped);
  if (json_object_has_member (object, text ? other : name))
    json_object_remove_member (object, text ? other : name);
}

const char *
vth_json_string (JsonObject *object, const char *name)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, name) : NULL;
  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : NULL;
}

char *
vth_json_dup_bytes (JsonObject *object, const char *name)
{
  const char *text = vth_json_string (object, name);
  if (text != NULL)
    return g_strdup (text);
  g_autofree char *other = escaped_name (name);
  text = vth_json_string (object, other);
  return text != NULL ? vth_bytes_unescape (text) : NULL;
}
