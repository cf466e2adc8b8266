/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domains: what a list shows, and how one is named; doctor on the test driver. */
#include <config.h>

#include <dlfcn.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "vthunder.h"

#define NOVA "http://openstack.org/xmlns/libvirt/nova/1.1"

/* A stand-in: what a libvirt might say that reads XML otherwise than we do. */
static const char *xml_instead;

char *
virDomainGetXMLDesc (virDomainPtr domain, unsigned int flags)
{
  static char *(*real) (virDomainPtr, unsigned int);
  if (xml_instead != NULL)
    return strdup (xml_instead);
  if (real == NULL)
    *(void **) &real = dlsym (RTLD_NEXT, "virDomainGetXMLDesc");
  return real (domain, flags);
}

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
      g_thread_yield ();
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

/* A domain whose metadata are written like this; @root and @metadata are attributes. */
static void
check_schedule_in (const char *root, const char *metadata, const char *content)
{
  virConnectPtr conn = open_conn ();
  g_autoptr (GError) error = NULL;
  g_autofree char *xml = g_strdup_printf ("<domain type='test' %s><name>aa</name><metadata %s>%s</metadata>"
                                          "<memory unit='KiB'>2048</memory><os><type>hvm</type></os></domain>",
                                          root, metadata, content);
  virDomainPtr handle = virDomainDefineXML (conn, xml);
  g_assert_nonnull (handle);
  g_autoptr (GPtrArray) list = vth_domain_list (conn, 0, NULL, &error);
  g_assert_no_error (error);
  const VthDomain *domain = find (list, "aa");
  g_assert_no_error (domain->config_error);
  g_assert_cmpuint (vth_config_get_n_schedules (domain->config), ==, 1);
  g_assert_cmpint (domain->next_dump_s, >, 0);
  g_assert_cmpstr (domain->display_name, ==, "shown");
  /* as the commands read it that write it */
  g_autoptr (VthConfig) loaded = vth_config_load (handle, VTH_IMPACT_CURRENT, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vth_config_get_n_schedules (loaded), ==, 1);
  virDomainFree (handle);
  undefine_all (conn);
  virConnectClose (conn);
}

static void
test_namespaces (void)
{
  static const char ours[] = "<v:domain xmlns:v='" VTH_METADATA_URI "'><v:schedule name='s' cron='@daily'/></v:domain>";
  static const char nova[] = "<n:instance xmlns:n='" NOVA "'><n:name>shown</n:name></n:instance>";
  g_autofree char *plain = g_strconcat (nova, ours, NULL);
  g_autofree char *app = g_strconcat ("<app:x/>", nova, ours, NULL);
  g_autofree char *nested = g_strconcat ("<!-- </metadata> --><o:o xmlns:o='urn:o' a='&lt;metadata>'><o:metadata/><metadata>&lt;/metadata></metadata>"
                                         "<![CDATA[</metadata><metadata>]]></o:o>", nova, ours, NULL);

  check_schedule_in ("", "", plain);
  check_schedule_in ("", "xmlns:app='urn:app'", app);
  check_schedule_in ("xmlns:app='urn:app'", "", app);
  check_schedule_in ("", "xmlns:v='" VTH_METADATA_URI "' xmlns:n='" NOVA "'",
                     "<n:instance><n:name>shown</n:name></n:instance><v:domain><v:schedule name='s' cron='@daily'/></v:domain>");
  check_schedule_in ("xmlns:v='" VTH_METADATA_URI "' xmlns:n='" NOVA "'", "",
                     "<n:instance><n:name>shown</n:name></n:instance><v:domain><v:schedule name='s' cron='@daily'/></v:domain>");
  check_schedule_in ("", "", nested);
  check_schedule_in ("", "xmlns:app='urn:app'", nested);
}

/* Schedules that cannot be read are an error of the domain; where there are none, nothing is lost. */
static void
test_unreadable (void)
{
  static const struct {
    const char *xml;
    bool broken;
  } cases[] = {
    { "<domain><metadata><v:domain xmlns:v='" VTH_METADATA_URI "'><v:schedule name='s'", true },
    { "<domain><name>&nosuch;</name><metadata><v:domain xmlns:v='" VTH_METADATA_URI "'/></metadata></domain>", true },
    { "<domain><metadata><v:domain xmlns:v='" VTH_METADATA_URI "'/>\x01</metadata></domain>", true },
    { "<domain><metadata><o:o xmlns:o='urn:o'>", false },
    { "<!-- first --><domain><metadata/></domain>", false },
    { "<domain/>", false },
  };
  virConnectPtr conn = open_conn ();
  for (unsigned int i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      xml_instead = cases[i].xml;
      g_autoptr (GPtrArray) list = vth_domain_list (conn, 0, NULL, &error);
      xml_instead = NULL;
      g_assert_no_error (error);
      const VthDomain *domain = find (list, "test");
      g_assert_true ((domain->config == NULL) == cases[i].broken);
      if (!cases[i].broken)
        continue;
      g_assert_error (domain->config_error, VTH_ERROR, VTH_ERROR_CONFIG);
      g_assert_nonnull (strstr (domain->config_error->message, "'test'"));
    }
  virConnectClose (conn);
}

/* Domains come and go while others look: one that is gone is in no list, and its configuration is not broken. */
static void *
come_and_go (void *data)
{
  virConnectPtr conn = virConnectOpen ("test:///default");
  while (!g_atomic_int_get ((int *) data))
    {
      virDomainPtr domain = virDomainCreateXML (conn, "<domain type='test'><name>zz</name><memory unit='KiB'>2048</memory>"
                                                      "<os><type>hvm</type></os></domain>", 0);
      if (domain == NULL)
        continue;
      g_thread_yield ();
      virDomainDestroy (domain);
      virDomainFree (domain);
    }
  virConnectClose (conn);
  return NULL;
}

static void
test_vanishing (void)
{
  virConnectPtr conn = open_conn ();
  int stop = 0;
  unsigned int seen = 0;
  GThread *thread = g_thread_new ("domains", come_and_go, &stop);
  const int64_t end_us = g_get_monotonic_time () + 3 * G_USEC_PER_SEC; /* far more than it takes; in valgrind it is slow */
  for (unsigned int round = 0; round < 20000 && (seen == 0 || g_get_monotonic_time () < end_us); round++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GPtrArray) list = vth_domain_list (conn, round % 2 == 0 ? 0 : VTH_DOMAIN_LIST_ACTIVE, NULL, &error);
      g_assert_no_error (error);
      for (unsigned int i = 0; i < list->len; i++)
        {
          const VthDomain *domain = list->pdata[i];
          g_assert_no_error (domain->config_error);
          g_assert_nonnull (domain->config);
          seen += strcmp (domain->name, "zz") == 0;
        }
    }
  g_atomic_int_set (&stop, 1);
  g_thread_join (thread);
  g_assert_cmpuint (seen, >, 0);
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
  static const char *const names[] = { "libvirt", "qemu", "emulator", "userfaultfd", "kernel", "vmcoreinfo", "definitions", "reflink", "space",
                                        "outputs", "state", "settings" };
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

static const VthCheck *
find_check (GPtrArray *checks, const char *name)
{
  for (unsigned int i = 0; i < checks->len; i++)
    if (strcmp (((VthCheck *) checks->pdata[i])->name, name) == 0)
      return checks->pdata[i];
  g_error ("no check '%s'", name);
  return NULL;
}

static void
test_vmcoreinfo (void)
{
  static const struct {
    const char *xml;
    VthCheckStatus status;
  } cases[] = {
    { "<domain><features><vmcoreinfo state='on'/></features></domain>", VTH_CHECK_OK },
    { "<domain><features><acpi/><vmcoreinfo/></features></domain>", VTH_CHECK_OK },
    { "<domain><features><vmcoreinfo  state=\"off\"/></features></domain>", VTH_CHECK_WARNING },
    { "<domain><metadata><o:o xmlns:o='urn:o'><vmcoreinfo state='on'/></o:o></metadata><features/></domain>", VTH_CHECK_WARNING },
  };
  virConnectPtr conn = open_conn ();
  for (unsigned int i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      xml_instead = cases[i].xml;
      g_autoptr (GPtrArray) checks = vth_doctor_run (conn, NULL, NULL);
      xml_instead = NULL;
      g_assert_cmpint (find_check (checks, "vmcoreinfo")->status, ==, cases[i].status);
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
  g_test_add_func ("/domain/namespaces", test_namespaces);
  g_test_add_func ("/domain/unreadable", test_unreadable);
  g_test_add_func ("/domain/vanishing", test_vanishing);
  g_test_add_func ("/domain/lookup", test_lookup);
  g_test_add_func ("/domain/jobs", test_jobs);
  g_test_add_func ("/domain/doctor", test_doctor);
  g_test_add_func ("/domain/vmcoreinfo", test_vmcoreinfo);
  return g_test_run ();
}
