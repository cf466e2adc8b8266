/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domains: what a list shows, and how one is named; doctor on the test driver. */
#include <config.h>

#include <libvirt/virterror.h>
#include <string.h>

#include "vthunder.h"

#define NOVA "http://openstack.org/xmlns/libvirt/nova/1.1"

static virConnectPtr
open_conn (void)
{
  virConnectPtr conn = virConnectOpen ("test:///default");
  g_assert_nonnull (conn);
  return conn;
}

static void
define (virConnectPtr conn, const char *name, const char *metadata, bool start)
{
  g_autofree char *xml = g_strdup_printf ("<domain type='test'><name>%s</name><metadata>%s</metadata><memory unit='KiB'>2048</memory>"
                                          "<os><type>hvm</type></os></domain>", name, metadata);
  virDomainPtr domain = virDomainDefineXML (conn, xml);
  g_assert_nonnull (domain);
  if (start)
    g_assert_cmpint (virDomainCreate (domain), ==, 0);
  virDomainFree (domain);
}

static const VthDomain *
find (GPtrArray *list, const char *name)
{
  for (unsigned int i = 0; i < list->len; i++)
    if (strcmp (((VthDomain *) list->pdata[i])->name, name) == 0)
      return list->pdata[i];
  g_error ("no domain '%s'", name);
  return NULL;
}

static void
undefine_all (virConnectPtr conn)
{
  static const char *const names[] = { "instance-1", "instance-2", "instance-3", "ns_vm", "broken", "zz", "aa" };
  for (unsigned int i = 0; i < G_N_ELEMENTS (names); i++)
    {
      virDomainPtr domain = virDomainLookupByName (conn, names[i]);
      if (domain == NULL)
        continue;
      virDomainDestroy (domain);
      virDomainUndefine (domain);
      virDomainFree (domain);
    }
}

static void
test_list (void)
{
  virConnectPtr conn = open_conn ();
  g_autoptr (GError) error = NULL;
  define (conn, "zz", "", false);
  define (conn, "aa", "", false);
  define (conn, "instance-1", "<n:instance xmlns:n='" NOVA "'><n:name>web &amp; more</n:name></n:instance>"
                              "<v:domain xmlns:v='" VTH_METADATA_URI "'><v:schedule name='s' cron='@daily'/></v:domain>", true);
  define (conn, "instance-2", "<nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.0'>"
                              "<nova:name>old</nova:name></nova:instance>", false);
  define (conn, "ns_vm", "<k:kubevirt xmlns:k='http://kubevirt.io'><k:uid>1</k:uid></k:kubevirt>", false);
  define (conn, "broken", "<v:domain xmlns:v='" VTH_METADATA_URI "'><v:schedule name='s'/></v:domain>", false);
  g_autoptr (GPtrArray) list = vth_domain_list (conn, 0, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (list->len, ==, 7);
  /* running by id, then the others by name */
  const char *order[] = { "test", "instance-1", "aa", "broken", "instance-2", "ns_vm", "zz" };
  for (unsigned int i = 0; i < G_N_ELEMENTS (order); i++)
    g_assert_cmpstr (((VthDomain *) list->pdata[i])->name, ==, order[i]);

  const VthDomain *web = find (list, "instance-1");
  g_assert_cmpstr (web->display_name, ==, "web & more");
  g_assert_cmpint (web->state, ==, VIR_DOMAIN_RUNNING);
  g_assert_true (web->active && web->id > 0);
  g_assert_cmpuint (web->memory_kib, ==, 2048);
  g_assert_cmpuint (vth_config_get_n_schedules (web->config), ==, 1);
  g_assert_cmpint (web->next_dump_s, >, 0);
  g_assert_cmpstr (find (list, "instance-2")->display_name, ==, "old");
  g_assert_cmpstr (find (list, "ns_vm")->display_name, ==, "ns/vm");
  const VthDomain *broken = find (list, "broken");
  g_assert_null (broken->config);
  g_assert_error (broken->config_error, VTH_ERROR, VTH_ERROR_CONFIG);
  g_assert_nonnull (strstr (broken->config_error->message, "'broken'"));
  g_assert_null (find (list, "aa")->display_name);
  g_assert_nonnull (find (list, "aa")->config);

  g_autoptr (GPtrArray) active = vth_domain_list (conn, VTH_DOMAIN_LIST_ACTIVE | VTH_DOMAIN_LIST_NO_CONFIG, NULL, &error);
  g_assert_cmpuint (active->len, ==, 2);
  undefine_all (conn);
  virConnectClose (conn);
}

static void
check_lookup (virConnectPtr conn, const char *key, const char *name, int code)
{
  g_autoptr (GError) error = NULL;
  virDomainPtr domain = vth_domain_lookup (conn, key, &error);
  if (name == NULL)
    {
      g_assert_null (domain);
      g_assert_error (error, VTH_ERROR, code);
      return;
    }
  g_assert_no_error (error);
  g_assert_cmpstr (virDomainGetName (domain), ==, name);
  virDomainFree (domain);
}

static void
test_lookup (void)
{
  virConnectPtr conn = open_conn ();
  define (conn, "instance-1", "<n:instance xmlns:n='" NOVA "'><n:name>web</n:name></n:instance>", false);
  define (conn, "instance-2", "<n:instance xmlns:n='" NOVA "'><n:name>twin</n:name></n:instance>", false);
  define (conn, "instance-3", "<n:instance xmlns:n='" NOVA "'><n:name>twin</n:name></n:instance>", false);
  check_lookup (conn, "test", "test", 0);
  check_lookup (conn, "1", "test", 0);
  check_lookup (conn, "6695eb01-f6a4-8304-79aa-97f2502e193f", "test", 0);
  check_lookup (conn, "web", "instance-1", 0);
  check_lookup (conn, "twin", NULL, VTH_ERROR_AMBIGUOUS);
  check_lookup (conn, "none", NULL, VTH_ERROR_NOT_FOUND);
  check_lookup (conn, "99", NULL, VTH_ERROR_NOT_FOUND);
  check_lookup (conn, "", NULL, VTH_ERROR_USAGE);
  undefine_all (conn);
  virConnectClose (conn);
}

static void
test_jobs (void)
{
  virConnectPtr conn = open_conn ();
  virDomainPtr domain = virDomainLookupByName (conn, "test");
  g_autoptr (GError) error = NULL;
  VthJob *job = (VthJob *) &error;
  g_assert_true (vth_job_get (domain, false, &job, &error));
  g_assert_null (job);
  g_autoptr (GPtrArray) list = vth_job_list (conn, &error);
  g_assert_cmpuint (list->len, ==, 0);
  g_assert_false (vth_job_abort (domain, &error));
  g_assert_nonnull (error);
  virDomainFree (domain);
  virConnectClose (conn);
}

static void
test_doctor (void)
{
  static const char *const names[] = { "libvirt", "qemu", "emulator", "userfaultfd", "kernel", "vmcoreinfo", "reflink", "space",
                                        "outputs", "state" };
  virConnectPtr conn = open_conn ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VthHost) host = vth_host_load ("/nonexistent/vthunder.conf", &error);
  for (unsigned int round = 0; round < 2; round++)
    {
      g_autoptr (GPtrArray) checks = vth_doctor_run (round == 0 ? conn : NULL, round == 0 ? host : NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (checks->len, ==, G_N_ELEMENTS (names));
      for (unsigned int i = 0; i < checks->len; i++)
        {
          const VthCheck *check = checks->pdata[i];
          g_assert_cmpstr (check->name, ==, names[i]);
          g_assert_nonnull (check->detail);
          if (check->status == VTH_CHECK_FAILED)
            g_assert_nonnull (check->remedy);
        }
    }
  virConnectClose (conn);
}

static void
quiet (void *data, virErrorPtr error)
{
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  virSetErrorFunc (NULL, quiet);
  g_test_add_func ("/domain/list", test_list);
  g_test_add_func ("/domain/lookup", test_lookup);
  g_test_add_func ("/domain/jobs", test_jobs);
  g_test_add_func ("/domain/doctor", test_doctor);
  return g_test_run ();
}
