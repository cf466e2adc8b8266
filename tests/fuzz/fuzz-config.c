/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the metadata element: what is accepted can be written, and reads back as the same. */
#include <config.h>

#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (VthConfig) config = vth_config_parse (text, &error);

  if (config == NULL)
    {
      g_assert_error (error, VTH_ERROR, VTH_ERROR_CONFIG);
      return 0;
    }
  g_autofree char *xml = vth_config_to_xml (config, &error);
  if (xml == NULL)
    g_error ("accepted, but not to be written: %s", error->message);
  g_autoptr (VthConfig) again = vth_config_parse (xml, &error);
  if (again == NULL)
    g_error ("written as %s: %s", xml, error->message);
  /* Blanks around unknown elements may go once, never twice. */
  g_autofree char *twice = vth_config_to_xml (again, &error);
  g_autoptr (VthConfig) settled = vth_config_parse (twice, &error);
  g_assert_no_error (error);
  g_autofree char *thrice = vth_config_to_xml (settled, &error);
  g_assert_cmpstr (twice, ==, thrice);
  g_assert_cmpuint (vth_config_get_n_schedules (config), ==, vth_config_get_n_schedules (again));
  return 0;
}
