/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An example of libvthunder: shows each domain with its next dump and, given a
 * domain and a cron expression, adds a schedule to it.
 *
 *   cc example.c $(pkg-config --cflags --libs libvthunder) -o example
 *   ./example URI [DOMAIN CRON]
 */
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <vthunder.h>

/* libvirt prints its errors itself unless it is given somewhere else to put them. */
static void
quiet (void *data, virErrorPtr error)
{
  (void) data;
  (void) error;
}

static bool
add_schedule (virConnectPtr conn, const char *name, const char *cron, GError **error)
{
  virDomainPtr domain = vth_domain_lookup (conn, name, error);
  if (domain == NULL)
    return false;

  g_autoptr (VthConfig) config = vth_config_load (domain, VTH_IMPACT_CURRENT, error);
  g_autoptr (VthSchedule) schedule = config != NULL ? vth_schedule_new ("example", cron, error) : NULL;
  bool ok = false;
  if (schedule != NULL)
    {
      const VthRetention keep = { .keep_last = 3, .keep_daily = 7 };
      vth_schedule_set_retention (schedule, &keep);
      vth_config_put_schedule (config, schedule);
      ok = vth_config_save (config, domain, VTH_IMPACT_CURRENT, error);
    }
  virDomainFree (domain);
  return ok;
}

static bool
list_domains (virConnectPtr conn, GError **error)
{
  g_autoptr (GPtrArray) list = vth_domain_list (conn, 0, NULL, error);
  if (list == NULL)
    return false;

  for (unsigned int i = 0; i < list->len; i++)
    {
      const VthDomain *domain = list->pdata[i];
      g_autoptr (GDateTime) next = domain->next_dump_s != 0 ? g_date_time_new_from_unix_local (domain->next_dump_s) : NULL;
      g_autofree char *when = next != NULL ? g_date_time_format (next, "%F %H:%M") : g_strdup ("-");
      printf ("%-20s %-10s next dump %s\n", domain->name, vth_domain_state_to_string (domain->state),
              domain->config_error != NULL ? domain->config_error->message : when);
    }
  return true;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  if (argc != 2 && argc != 4)
    {
      fprintf (stderr, "usage: example URI [DOMAIN CRON]\n");
      return EXIT_FAILURE;
    }
  virSetErrorFunc (NULL, quiet);
  virConnectPtr conn = virConnectOpen (argv[1]);
  if (conn == NULL)
    vth_error_set_libvirt (&error, "cannot connect to '%s'", argv[1]);
  bool ok = conn != NULL && (argc == 2 || add_schedule (conn, argv[2], argv[3], &error)) && list_domains (conn, &error);

  if (!ok)
    fprintf (stderr, "example: %s\n", error->message);
  if (conn != NULL)
    virConnectClose (conn);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
