/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One named schedule of a domain.  Reading and writing it as XML is config.c's. */
#include <config.h>

#include <string.h>

#include "vth-private.h"

struct _VthSchedule {
  char *name;
  VthCron *cron;
  VthMode mode;
  bool enabled;
  bool allow_pause;
  unsigned int full_every;
  int64_t full_every_s;
  int64_t since_s;
  VthRetention retention;
};

static bool
check_name (const char *name, GError **error)
{
  size_t length = name != NULL ? strlen (name) : 0;
  bool ok = length >= 1 && length <= 63 && strcmp (name, "manual") != 0;

  for (size_t i = 0; ok && i < length; i++)
    ok = g_ascii_isalnum (name[i]) || name[i] == '_' || name[i] == '-';
  if (!ok)
    g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE,
                 "invalid schedule name '%s': expected 1-63 characters of A-Z a-z 0-9 _ - other than 'manual'",
                 name != NULL && g_utf8_validate (name, -1, NULL) ? name : "");
  return ok;
}

VthSchedule *
vth_schedule_new (const char *name, const char *cron, GError **error)
{
  g_autoptr (VthSchedule) schedule = g_new0 (VthSchedule, 1);

  if (!check_name (name, error) || !vth_schedule_set_cron (schedule, cron, error))
    return NULL;
  schedule->name = g_strdup (name);
  schedule->mode = VTH_MODE_MIRROR;
  schedule->enabled = true;
  return g_steal_pointer (&schedule);
}

VthSchedule *
vth_schedule_copy (const VthSchedule *schedule)
{
  VthSchedule *copy = g_memdup2 (schedule, sizeof *schedule);
  copy->name = g_strdup (schedule->name);
  copy->cron = vth_cron_copy (schedule->cron);
  return copy;
}

void
vth_schedule_free (VthSchedule *schedule)
{
  if (schedule == NULL)
    return;
  g_free (schedule->name);
  vth_cron_free (schedule->cron);
  g_free (schedule);
}

const char *
vth_schedule_get_name (const VthSchedule *schedule)
{
  return schedule->name;
}

const VthCron *
vth_schedule_get_cron (const VthSchedule *schedule)
{
  return schedule->cron;
}

static void
begin_now (VthSchedule *schedule)
{
  schedule->since_s = g_get_real_time () / G_USEC_PER_SEC;
}

bool
vth_schedule_set_cron (VthSchedule *schedule, const char *cron, GError **error)
{
  VthCron *parsed = vth_cron_new (cron, error);
  if (parsed == NULL)
    return false;
  if (schedule->cron == NULL || strcmp (vth_cron_get_expression (schedule->cron), vth_cron_get_expression (parsed)) != 0)
    begin_now (schedule);
  vth_cron_free (schedule->cron);
  schedule->cron = parsed;
  return true;
}

VthMode
vth_schedule_get_mode (const VthSchedule *schedule)
{
  return schedule->mode;
}

void
vth_schedule_set_mode (VthSchedule *schedule, VthMode mode)
{
  schedule->mode = mode;
}

bool
vth_schedule_get_enabled (const VthSchedule *schedule)
{
  return schedule->enabled;
}

void
vth_schedule_set_enabled (VthSchedule *schedule, bool enabled)
{
  if (enabled && !schedule->enabled)
    begin_now (schedule);
  schedule->enabled = enabled;
}

int64_t
vth_schedule_get_since (const VthSchedule *schedule)
{
  return schedule->since_s;
}

void
vth_schedule_set_since (VthSchedule *schedule, int64_t since_s)
{
  schedule->since_s = since_s;
}

bool
vth_schedule_get_allow_pause (const VthSchedule *schedule)
{
  return schedule->allow_pause;
}

void
vth_schedule_set_allow_pause (VthSchedule *schedule, bool allow)
{
  schedule->allow_pause = allow;
}

void
vth_schedule_get_full_every (const VthSchedule *schedule, unsigned int *count, int64_t *duration_s)
{
  *count = schedule->full_every;
  *duration_s = schedule->full_every_s;
}

void
vth_schedule_set_full_every (VthSchedule *schedule, unsigned int count, int64_t duration_s)
{
  schedule->full_every = count;
  schedule->full_every_s = duration_s;
}

const VthRetention *
vth_schedule_get_retention (const VthSchedule *schedule)
{
  return &schedule->retention;
}

void
vth_schedule_set_retention (VthSchedule *schedule, const VthRetention *retention)
{
  schedule->retention = *retention;
}
