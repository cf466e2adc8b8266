/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes cron expressions: what is accepted reads back as it was, and its times go forward. */
#include <config.h>

#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (VthCron) cron = vth_cron_new (text, &error);

  if (cron == NULL)
    {
      g_assert_error (error, VTH_ERROR, VTH_ERROR_USAGE);
      return 0;
    }
  g_autoptr (VthCron) again = vth_cron_new (vth_cron_get_expression (cron), &error);
  g_assert_no_error (error);
  g_assert_cmpstr (vth_cron_get_expression (cron), ==, vth_cron_get_expression (again));

  static GTimeZone *zone;
  if (zone == NULL)
    zone = g_time_zone_new_identifier ("Europe/Berlin");
  int64_t t = 1774137600 + (int64_t) (size * 86400);
  for (unsigned int i = 0; i < 5; i++)
    {
      int64_t next = 0;
      if (!vth_cron_next (cron, zone, t, &next, &error))
        g_error ("'%s' is accepted and never fires: %s", vth_cron_get_expression (cron), error->message);
      g_assert_cmpint (next, >, t);
      t = next;
    }
  return 0;
}
