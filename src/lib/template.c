/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* File names of dumps from templates such as "{domain}-{time}.core". */
#include <config.h>

#include <string.h>

#include "vth-private.h"

/* Room for libvirt's temporary name (".NAME.part" and a random part) and our suffixes in NAME_MAX. */
#define NAME_LIMIT_BYTES 220

static const char *const field_names[] = { "domain", "uuid", "schedule", "time", "format", NULL };
enum { DOMAIN, UUID, SCHEDULE, TIME, FORMAT, N_FIELDS };

/* Names go into files as they are, other bytes as %XX: different names stay different. */
static void
append_escaped (GString *out, const char *text)
{
  for (const char *p = text; *p != '\0'; p++)
    if (g_ascii_isalnum (*p) || *p == '_' || *p == '-' || (*p == '.' && out->len > 0))
      g_string_append_c (out, *p);
    else
      g_string_append_printf (out, "%%%02X", (unsigned char) *p);
}

/* Walks a template; @values NULL only checks it. */
static bool
walk (const char *file_name, const char *const *values, GString *out, unsigned int *seen, GError **error)
{
  *seen = 0;
  for (const char *p = file_name; *p != '\0'; p++)
    {
      if (*p == '{')
        {
          const char *end = strchr (p, '}');
          int field = -1;
          for (int i = 0; end != NULL && i < N_FIELDS; i++)
            if (strlen (field_names[i]) == (size_t) (end - p - 1) && strncmp (p + 1, field_names[i], (size_t) (end - p - 1)) == 0)
              field = i;
          if (field < 0)
            {
              g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE,
                           "invalid file name template '%s': unknown field at '%s': there are {domain} {uuid} {schedule} "
                           "{time} {format}",
                           file_name, p);
              return false;
            }
          *seen |= 1u << field;
          if (values != NULL)
            append_escaped (out, values[field]);
          p = end;
        }
      else if (*p == '}' || *p == '/' || g_ascii_iscntrl (*p))
        {
          g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE,
                       "invalid file name template: '/', '}' and control characters have no place in it");
          return false;
        }
      else if (values != NULL)
        g_string_append_c (out, *p);
    }
  return true;
}

bool
vth_template_check (const char *file_name, GError **error)
{
  unsigned int seen;

  if (file_name == NULL || *file_name == '\0' || *file_name == '.' || strlen (file_name) > NAME_LIMIT_BYTES
      || !g_utf8_validate (file_name, -1, NULL))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE,
                   "invalid file name template '%s': expected up to %d bytes of text that do not begin with a dot",
                   file_name != NULL && g_utf8_validate (file_name, -1, NULL) ? file_name : "", NAME_LIMIT_BYTES);
      return false;
    }
  if (!walk (file_name, NULL, NULL, &seen, error))
    return false;
  if (!(seen & (1u << TIME)) || !(seen & (1u << DOMAIN | 1u << UUID)))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE,
                   "file name template '%s' could give two dumps one name: it needs {time}, and {domain} or {uuid}",
                   file_name);
      return false;
    }
  if (g_str_has_suffix (file_name, VTH_RECORD_SUFFIX) || g_str_has_suffix (file_name, VTH_MANIFEST_SUFFIX)
      || g_str_has_suffix (file_name, ".part"))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE,
                   "file name template '%s' ends in a suffix that vthunder uses itself (%s, %s, .part)", file_name,
                   VTH_RECORD_SUFFIX, VTH_MANIFEST_SUFFIX);
      return false;
    }
  return true;
}

char *
vth_template_expand (const char *file_name,
                     const char *domain,
                     const char *uuid,
                     const char *schedule,
                     int64_t time_s,
                     VthFormat format,
                     GError **error)
{
  unsigned int seen;
  g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc (time_s);

  if (!vth_template_check (file_name, error))
    return NULL;
  if (utc == NULL)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "time out of range: %" G_GINT64_FORMAT, time_s);
      return NULL;
    }
  g_autofree char *when = g_date_time_format (utc, "%Y%m%dT%H%M%SZ");
  const char *values[N_FIELDS] = { domain, uuid, schedule != NULL ? schedule : "manual", when, vth_format_to_string (format) };
  g_autoptr (GString) out = g_string_new (NULL);
  if (!walk (file_name, values, out, &seen, error))
    return NULL;
  if (out->len > NAME_LIMIT_BYTES)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "file name '%s' is longer than %d bytes: use {uuid} for {domain}",
                   out->str, NAME_LIMIT_BYTES);
      return NULL;
    }
  return g_strdup (out->str);
}
