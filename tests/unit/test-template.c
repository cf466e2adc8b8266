/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File name templates: what they give, and what is refused. */
#include <config.h>

#include <string.h>

#include "vthunder.h"

#define UUID "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"

static void
test_expand (void)
{
  const struct {
    const char *template, *domain, *schedule, *name;
  } cases[] = {
    { VTH_TEMPLATE_DEFAULT, "web1", "nightly", "web1-nightly-20261123T030000Z.core" },
    { VTH_TEMPLATE_DEFAULT, "web1", NULL, "web1-manual-20261123T030000Z.core" },
    { "{uuid}_{time}.{format}", "web1", NULL, UUID "_20261123T030000Z.elf" },
    { "{domain}.{time}", "a/b c", NULL, "a%2Fb%20c.20261123T030000Z" },
    { "{domain}.{time}", "..", NULL, "%2E..20261123T030000Z" },
    { "{domain}.{time}", "100%", NULL, "100%25.20261123T030000Z" },
    { "{domain}.{time}", "\xc3\xa4", NULL, "%C3%A4.20261123T030000Z" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *name = vth_template_expand (cases[i].template, cases[i].domain, UUID, cases[i].schedule, 1795402800,
                                                   VTH_FORMAT_ELF, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (name, ==, cases[i].name);
    }
}

static void
test_refused (void)
{
  const char *wrong[] = { "", ".{domain}{time}", "{domain}", "{time}", "{schedule}-{time}", "a/{domain}{time}", "{domain}{time",
                          "{domain}{time}}", "{Domain}{time}", "{}{domain}{time}", "{domain}\n{time}", "{domain}{time}.sha256",
                          "{domain}{time}.vthunder", "{domain}{time}.part" };
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) error = NULL;
      if (vth_template_check (wrong[i], &error))
        g_error ("taken: '%s'", wrong[i]);
      g_assert_error (error, VTH_ERROR, VTH_ERROR_USAGE);
    }
  g_autofree char *longer = g_strnfill (300, 'x');
  g_autoptr (GError) error = NULL;
  g_autofree char *name = vth_template_expand ("{domain}{time}", longer, UUID, NULL, 0, VTH_FORMAT_ELF, &error);
  g_assert_null (name);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_USAGE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/template/expand", test_expand);
  g_test_add_func ("/template/refused", test_refused);
  return g_test_run ();
}
