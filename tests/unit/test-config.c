/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration in a domain's metadata: XML in, XML out, and through libvirt's test driver. */
#include <config.h>

#include <libvirt/virterror.h>
#include <string.h>

#include "vthunder.h"

#define NS "xmlns:vthunder='" VTH_METADATA_URI "'"

static VthConfig *
parse (const char *xml)
{
  g_autoptr (GError) error = NULL;
  VthConfig *config = vth_config_parse (xml, &error);
  g_assert_no_error (error);
  g_assert_nonnull (config);
  return config;
}

static const char full[]
    = "<vthunder:domain " NS ">"
      "<vthunder:output dir='/var/dumps' file-name='{domain}-{time}'/>"
      "<vthunder:format type='kdump-zlib'/>"
      "<vthunder:limits allow-pause='yes' timeout='60'/>"
      "<vthunder:mirror strategy='protect' limit='268435456' bandwidth='104857600' threads='2'/>"
      "<vthunder:manifest type='sha256'/>"
      "<vthunder:schedule name='nightly' cron='0 3 * * *' enabled='no'>"
      "<vthunder:retention keep-last='3' keep-daily='7' keep-within='1m2d'/></vthunder:schedule>"
      "<vthunder:schedule name='hourly' cron='@hourly' mode='stop' allow-pause='yes' since='2026-03-22T00:00:00Z'/>"
      "</vthunder:domain>";

static void
check_full (const VthConfig *config)
{
  g_assert_cmpint (vth_config_get_output_kind (config), ==, VTH_OUTPUT_DIR);
  g_assert_cmpstr (vth_config_get_output (config), ==, "/var/dumps");
  g_assert_cmpstr (vth_config_get_file_name (config), ==, "{domain}-{time}");
  g_assert_cmpint (vth_config_get_format (config), ==, VTH_FORMAT_KDUMP_ZLIB);
  g_assert_true (vth_config_get_allow_pause (config));
  g_assert_cmpuint (vth_config_get_timeout_s (config), ==, 60);
  const VthTuning *tuning = vth_config_get_tuning (config);
  g_assert_cmpint (tuning->strategy, ==, VTH_STRATEGY_PROTECT);
  g_assert_cmpuint (tuning->limit_bytes, ==, 256 << 20);
  g_assert_cmpuint (tuning->bandwidth_bytes_s, ==, 100 << 20);
  g_assert_cmpuint (tuning->threads, ==, 2);
  g_assert_true (vth_config_get_manifest (config));
  g_assert_cmpuint (vth_config_get_n_schedules (config), ==, 2);
  const VthSchedule *nightly = vth_config_get_schedule (config, 0);
  g_assert_cmpstr (vth_schedule_get_name (nightly), ==, "nightly");
  g_assert_cmpstr (vth_cron_get_expression (vth_schedule_get_cron (nightly)), ==, "0 3 * * *");
  g_assert_false (vth_schedule_get_enabled (nightly));
  g_assert_cmpint (vth_schedule_get_mode (nightly), ==, VTH_MODE_MIRROR);
  const VthRetention *keep = vth_schedule_get_retention (nightly);
  g_assert_cmpuint (keep->keep_last, ==, 3);
  g_assert_cmpuint (keep->keep_daily, ==, 7);
  g_assert_cmpint (keep->keep_within_s, ==, 32 * 86400);
  const VthSchedule *hourly = vth_config_find_schedule (config, "hourly");
  g_assert_cmpint (vth_schedule_get_mode (hourly), ==, VTH_MODE_STOP);
  g_assert_true (vth_schedule_get_allow_pause (hourly));
  g_assert_cmpint (vth_schedule_get_since (hourly), ==, 1774137600);
  g_assert_cmpint (vth_schedule_get_since (nightly), ==, 0);
  g_assert_true (vth_retention_is_empty (vth_schedule_get_retention (hourly)));
}

static void
test_read (void)
{
  g_autoptr (VthConfig) config = parse (full);
  check_full (config);
  g_autoptr (VthConfig) copy = vth_config_copy (config);
  check_full (copy);
  g_autoptr (GError) error = NULL;
  g_autofree char *xml = vth_config_to_xml (copy, &error);
  g_assert_no_error (error);
  g_autoptr (VthConfig) again = parse (xml);
  check_full (again);
  /* The form in which libvirt hands it out. */
  g_autoptr (VthConfig) bare = parse ("<domain><output pool='dumps'/></domain>");
  g_assert_cmpint (vth_config_get_output_kind (bare), ==, VTH_OUTPUT_POOL);
  g_assert_cmpstr (vth_config_get_output (bare), ==, "dumps");
}

static void
test_unknown_kept (void)
{
  g_autoptr (VthConfig) config
      = parse ("<vthunder:domain " NS " xmlns:o='urn:other'><vthunder:newer a='1'><vthunder:deep/>text</vthunder:newer>"
               "<vthunder:output dir='/a'><vthunder:mirror-to host='b'/></vthunder:output>"
               "<o:foreign x='y'/>"
               "<vthunder:schedule name='s' cron='@daily'><vthunder:window length='5'/></vthunder:schedule>"
               "<vthunder:last/></vthunder:domain>");
  g_autoptr (GError) error = NULL;
  g_assert_true (vth_config_set_output (config, VTH_OUTPUT_NONE, NULL, &error));
  g_autoptr (VthSchedule) schedule = vth_schedule_copy (vth_config_find_schedule (config, "s"));
  g_assert_true (vth_schedule_set_cron (schedule, "0 5 * * *", &error));
  vth_config_put_schedule (config, schedule);
  vth_config_set_format (config, VTH_FORMAT_KDUMP_LZO);
  g_autofree char *xml = vth_config_to_xml (config, &error);
  g_assert_no_error (error);
  const char *order[] = { "<vthunder:newer a=\"1\"><vthunder:deep/>text</vthunder:newer>", "<vthunder:output>",
                          "<vthunder:mirror-to host=\"b\"/>", "<o:foreign x=\"y\"/>", "<vthunder:format type=\"kdump-lzo\"/>",
                          "cron=\"0 5 * * *\"", "<vthunder:window length=\"5\"/>", "<vthunder:last/>" };
  const char *at = xml;
  for (unsigned int i = 0; i < G_N_ELEMENTS (order); i++)
    {
      at = strstr (at, order[i]);
      if (at == NULL)
        g_error ("'%s' is not in its place in %s", order[i], xml);
    }
  g_assert_false (vth_config_is_empty (config));
}

/* How often a chain begins anew is a count or a duration, and comes back as it went. */
static void
test_full_every (void)
{
  static const struct {
    const char *text, *written;
    unsigned int count;
    int64_t duration_s;
  } cases[] = { { "1", "1", 1, 0 }, { "24", "24", 24, 0 }, { "007", "7", 7, 0 }, { "1000000", "1000000", 1000000, 0 },
                { "1d", "1d", 0, 86400 }, { "36h", "1d12h", 0, 129600 }, { NULL, NULL, 0, 0 } };
  for (unsigned int i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *attribute = cases[i].text != NULL ? g_strdup_printf ("full-every='%s'", cases[i].text) : g_strdup ("");
      g_autofree char *xml = g_strdup_printf ("<vthunder:domain " NS "><vthunder:schedule name='s' cron='@hourly' "
                                              "mode='incremental' %s/></vthunder:domain>", attribute);
      g_autoptr (VthConfig) config = parse (xml);
      for (unsigned int round = 0; round < 2; round++)
        {
          const VthSchedule *schedule = vth_config_get_schedule (config, 0);
          unsigned int count;
          int64_t duration_s;
          vth_schedule_get_full_every (schedule, &count, &duration_s);
          g_assert_cmpint (vth_schedule_get_mode (schedule), ==, VTH_MODE_INCREMENTAL);
          g_assert_cmpuint (count, ==, cases[i].count);
          g_assert_cmpint (duration_s, ==, cases[i].duration_s);
          g_autofree char *text = vth_config_to_xml (config, &error);
          g_assert_no_error (error);
          g_autofree char *expected = g_strdup_printf ("full-every=\"%s\"", cases[i].written);
          g_assert_true ((strstr (text, "full-every") != NULL) == (cases[i].written != NULL));
          g_assert_true (cases[i].written == NULL || strstr (text, expected) != NULL);
          vth_config_free (config);
          config = parse (text);
        }
    }
  unsigned int count = 5;
  int64_t duration_s = 6;
  static const char *const bad[] = { "", "0", "0d", "1000001", "-1", "1.5", "1x", "d", " 1", "99999999999999999999" };
  for (unsigned int i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_false (vth_full_every_parse (bad[i], &count, &duration_s, &error));
      g_assert_error (error, VTH_ERROR, VTH_ERROR_USAGE);
    }
  g_assert_cmpuint (count, ==, 5);
  g_assert_cmpint (duration_s, ==, 6);
  g_autofree char *standard = vth_full_every_to_string (0, 0);
  g_assert_cmpstr (standard, ==, "24");
}

/* Each value comes and goes by itself; the element goes with the last, unless somebody else put something into it. */
static void
test_tuning (void)
{
  static const struct {
    VthTuning tuning;
    const char *attribute; /* NULL: no element */
  } cases[] = { { { .strategy = VTH_STRATEGY_HYBRID }, "strategy=\"hybrid\"" },
                { { .strategy = VTH_STRATEGY_AUTO }, NULL },
                { { .limit_bytes = VTH_LIMIT_MIN_BYTES }, "limit=\"8388608\"" },
                { { .limit_bytes = INT64_MAX }, "limit=\"9223372036854775807\"" },
                { { .bandwidth_bytes_s = 1 }, "bandwidth=\"1\"" },
                { { .threads = VTH_THREADS_MAX }, "threads=\"64\"" },
                { { 0 }, NULL } };
  g_autoptr (GError) error = NULL;
  g_autoptr (VthConfig) config = vth_config_new ();
  for (unsigned int i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_assert_true (vth_config_set_tuning (config, &cases[i].tuning, &error));
      g_autofree char *xml = vth_config_to_xml (config, &error);
      g_assert_no_error (error);
      g_autofree char *element = g_strdup_printf ("<vthunder:mirror %s/>", cases[i].attribute);
      if (cases[i].attribute != NULL ? strstr (xml, element) == NULL : strstr (xml, "mirror") != NULL)
        g_error ("%u: %s", i, xml);
      g_assert_true (vth_config_is_empty (config) == (cases[i].attribute == NULL));
      vth_config_free (config);
      config = parse (xml);
      const VthTuning *read = vth_config_get_tuning (config);
      g_assert_cmpint (MAX (read->strategy, VTH_STRATEGY_AUTO), ==, MAX (cases[i].tuning.strategy, VTH_STRATEGY_AUTO));
      g_assert_cmpuint (read->limit_bytes, ==, cases[i].tuning.limit_bytes);
      g_assert_cmpuint (read->bandwidth_bytes_s, ==, cases[i].tuning.bandwidth_bytes_s);
      g_assert_cmpuint (read->threads, ==, cases[i].tuning.threads);
    }

  static const struct {
    VthTuning tuning;
    VthFormat format;
    const char *why;
  } bad[] = { { { .strategy = VTH_STRATEGY_HYBRID + 1 }, VTH_FORMAT_ELF, "no strategy" },
              { { .limit_bytes = VTH_LIMIT_MIN_BYTES - 1 }, VTH_FORMAT_ELF, "8MiB or more" },
              { { .limit_bytes = UINT64_C (1) << 63 }, VTH_FORMAT_ELF, "mirror limit is too large" },
              { { .bandwidth_bytes_s = UINT64_C (1) << 63 }, VTH_FORMAT_ELF, "bandwidth is too large" },
              { { .threads = VTH_THREADS_MAX + 1 }, VTH_FORMAT_ELF, "1 to 64" },
              { { .strategy = VTH_STRATEGY_PRECOPY }, VTH_FORMAT_KDUMP_ZLIB, "format elf only, not kdump-zlib" },
              { { .strategy = VTH_STRATEGY_HYBRID }, VTH_FORMAT_KDUMP_ZSTD, "format elf only, not kdump-zstd" } };
  for (unsigned int i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) reason = NULL;
      g_assert_false (vth_tuning_check (&bad[i].tuning, bad[i].format, &reason));
      g_assert_error (reason, VTH_ERROR, VTH_ERROR_USAGE);
      if (strstr (reason->message, bad[i].why) == NULL)
        g_error ("'%s' lacks '%s'", reason->message, bad[i].why);
      if (bad[i].format == VTH_FORMAT_ELF)
        g_assert_false (vth_config_set_tuning (config, &bad[i].tuning, NULL));
    }
  g_assert_true (vth_config_is_empty (config));
  g_assert_true (vth_tuning_check (&(VthTuning){ .strategy = VTH_STRATEGY_PROTECT }, VTH_FORMAT_KDUMP_ZLIB, NULL));

  g_autoptr (VthConfig) newer = parse ("<domain><mirror limit='+8388608 ' threads=' 3'><newer/></mirror></domain>");
  g_assert_cmpuint (vth_config_get_tuning (newer)->limit_bytes, ==, VTH_LIMIT_MIN_BYTES);
  g_assert_cmpuint (vth_config_get_tuning (newer)->threads, ==, 3);
  g_assert_true (vth_config_set_tuning (newer, &(VthTuning){ 0 }, &error));
  g_autofree char *kept = vth_config_to_xml (newer, &error);
  g_assert_nonnull (strstr (kept, "<vthunder:mirror>"));
  g_assert_nonnull (strstr (kept, "<vthunder:newer/>"));

  const char *const *names = vth_strategy_names ();
  for (unsigned int i = 0; names[i] != NULL; i++)
    {
      VthStrategy strategy = VTH_STRATEGY_NONE;
      g_assert_true (vth_strategy_from_string (names[i], &strategy, &error));
      g_assert_cmpint (strategy, ==, VTH_STRATEGY_AUTO + (int) i);
      g_assert_cmpstr (vth_strategy_to_string (strategy), ==, names[i]);
    }
  g_assert_cmpstr (vth_strategy_to_string (VTH_STRATEGY_NONE), ==, "auto");
  VthStrategy strategy;
  g_assert_false (vth_strategy_from_string ("none", &strategy, &error));
  g_assert_error (error, VTH_ERROR, VTH_ERROR_USAGE);
}

static void
test_refused (void)
{
  static const struct {
    const char *xml, *why;
  } cases[] = {
    { "", "empty" },
    { "<domain", "not XML" },
    { "<!DOCTYPE domain [<!ENTITY a 'b'>]><domain>&a;</domain>", "not XML" },
    { "<other/>", "not valid" },
    { "<domain surprise='1'/>", "not valid" },
    { "<domain><output dir='relative'/></domain>", "not valid" },
    { "<domain><output dir='/a/../b'/></domain>", ".." },
    { "<domain><output dir='/a' pool='b'/></domain>", "not valid" },
    { "<domain><output dir='/a' file-name='{domain}'/></domain>", "needs {time}" },
    { "<domain><output dir='/a'/><output dir='/b'/></domain>", "not valid" },
    { "<domain><format type='raw'/></domain>", "not valid" },
    { "<domain><mirror strategy='sideways'/></domain>", "not valid" },
    { "<domain><mirror limit='8388607'/></domain>", "not valid" },
    { "<domain><mirror limit='8MiB'/></domain>", "not valid" },
    { "<domain><mirror limit='9223372036854775808'/></domain>", "not valid" },
    { "<domain><mirror bandwidth='0'/></domain>", "not valid" },
    { "<domain><mirror bandwidth='-1'/></domain>", "not valid" },
    { "<domain><mirror threads='0'/></domain>", "not valid" },
    { "<domain><mirror threads='65'/></domain>", "not valid" },
    { "<domain><mirror threads='1'/><mirror threads='1'/></domain>", "not valid" },
    { "<domain><schedule name='a'/></domain>", "not valid" },
    { "<domain><schedule name='a b' cron='@daily'/></domain>", "not valid" },
    { "<domain><schedule name='manual' cron='@daily'/></domain>", "invalid schedule name" },
    { "<domain><schedule name='a' cron='0 0 31 2 *'/></domain>", "never comes" },
    { "<domain><schedule name='a' cron='@daily'/><schedule name='a' cron='@daily'/></domain>", "twice" },
    { "<domain><schedule name='a' cron='@daily' enable='no'/></domain>", "not valid" },
    { "<domain><schedule name='a' cron='@daily'><retention keep-last='-1'/></schedule></domain>", "not valid" },
    { "<domain><schedule name='a' cron='@daily'><retention keep-within='1d1d'/></schedule></domain>", "duration" },
    { "<domain><schedule name='a' cron='@daily' since='yesterday'/></domain>", "not valid" },
    { "<domain><schedule name='a' cron='@daily' since='2026-13-01T00:00:00Z'/></domain>", "no time" },
    { "<domain><schedule name='a' cron='@daily' mode='sideways'/></domain>", "not valid" },
    { "<domain><schedule name='a' cron='@daily' full-every='0'/></domain>", "interval of full dumps" },
    { "<domain><schedule name='a' cron='@daily' full-every='1d1d'/></domain>", "interval of full dumps" },
    { "<domain><schedule name='a' cron='@daily' full-every='often'/></domain>", "not valid" },
    { "<domain xmlns:vthunder='urn:x'/>", "another namespace" },
    { "<v:domain xmlns:v='urn:vthunder:domain:1.0'><v:v:9limits/></v:domain>", "not XML" }, /* found by the fuzzer */
  };
  for (unsigned int i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VthConfig) config = vth_config_parse (cases[i].xml, &error);
      if (config != NULL)
        g_error ("taken: %s", cases[i].xml);
      g_assert_error (error, VTH_ERROR, VTH_ERROR_CONFIG);
      if (strstr (error->message, cases[i].why) == NULL)
        g_error ("%s: '%s' lacks '%s'", cases[i].xml, error->message, cases[i].why);
    }
}

static void
test_setters (void)
{
  g_autoptr (VthConfig) config = vth_config_new ();
  g_autoptr (GError) error = NULL;
  g_assert_true (vth_config_is_empty (config));
  g_assert_false (vth_config_set_output (config, VTH_OUTPUT_DIR, "relative", &error));
  g_assert_error (error, VTH_ERROR, VTH_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_false (vth_config_remove_schedule (config, "x", &error));
  g_assert_error (error, VTH_ERROR, VTH_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_autoptr (VthSchedule) b = vth_schedule_new ("b", "30 4 * * *", &error);
  g_autoptr (VthSchedule) a = vth_schedule_new ("a", "0 4 * * *", &error);
  vth_config_put_schedule (config, b);
  vth_config_put_schedule (config, a);
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_assert_cmpint (vth_config_next (config, utc, 0), ==, 4 * 3600);
  vth_schedule_set_enabled (a, false);
  vth_config_put_schedule (config, a);
  g_assert_cmpint (vth_config_next (config, utc, 0), ==, 4 * 3600 + 1800);
  g_assert_cmpstr (vth_schedule_get_name (vth_config_get_schedule (config, 1)), ==, "a");
  g_assert_true (vth_config_remove_schedule (config, "b", &error));
  g_assert_cmpint (vth_config_next (config, utc, 0), ==, 0);
  g_assert_true (vth_config_remove_schedule (config, "a", &error));
  g_assert_true (vth_config_is_empty (config));
}

static void
test_libvirt (void)
{
  virConnectPtr conn = virConnectOpen ("test:///default");
  g_assert_nonnull (conn);
  virDomainPtr domain = virDomainLookupByName (conn, "test");
  g_assert_nonnull (domain);
  g_autoptr (GError) error = NULL;
  const char foreign[] = "<instance><name>web</name></instance>";
  g_assert_cmpint (virDomainSetMetadata (domain, VIR_DOMAIN_METADATA_ELEMENT, foreign, "nova", "urn:nova", 0), ==, 0);

  g_autoptr (VthConfig) none = vth_config_load (domain, VTH_IMPACT_CURRENT, &error);
  g_assert_no_error (error);
  g_assert_true (vth_config_is_empty (none));

  g_autoptr (VthConfig) config = parse (full);
  g_assert_true (vth_config_save (config, domain, VTH_IMPACT_LIVE | VTH_IMPACT_CONFIG, &error));
  g_assert_no_error (error);
  const VthImpact impacts[] = { VTH_IMPACT_CURRENT, VTH_IMPACT_LIVE, VTH_IMPACT_CONFIG };
  for (unsigned int i = 0; i < G_N_ELEMENTS (impacts); i++)
    {
      g_autoptr (VthConfig) loaded = vth_config_load (domain, impacts[i], &error);
      g_assert_no_error (error);
      check_full (loaded);
    }
  char *xml = virDomainGetXMLDesc (domain, 0);
  g_assert_nonnull (strstr (xml, "<vthunder:schedule name=\"nightly\""));
  g_assert_nonnull (strstr (xml, "web"));
  free (xml);

  /* a second save of what was loaded, then only the live one changes */
  g_autoptr (VthConfig) loaded = vth_config_load (domain, VTH_IMPACT_LIVE, &error);
  g_assert_true (vth_config_remove_schedule (loaded, "nightly", &error));
  g_assert_true (vth_config_save (loaded, domain, VTH_IMPACT_LIVE, &error));
  g_autoptr (VthConfig) live = vth_config_load (domain, VTH_IMPACT_LIVE, &error);
  g_assert_cmpuint (vth_config_get_n_schedules (live), ==, 1);
  g_autoptr (VthConfig) kept = vth_config_load (domain, VTH_IMPACT_CONFIG, &error);
  check_full (kept);

  g_assert_true (vth_config_save (none, domain, VTH_IMPACT_LIVE | VTH_IMPACT_CONFIG, &error));
  g_autoptr (VthConfig) gone = vth_config_load (domain, VTH_IMPACT_CURRENT, &error);
  g_assert_true (vth_config_is_empty (gone));
  xml = virDomainGetMetadata (domain, VIR_DOMAIN_METADATA_ELEMENT, "urn:nova", 0);
  g_assert_nonnull (xml);
  free (xml);

  /* broken by another hand: named, and not taken for empty */
  g_assert_cmpint (virDomainSetMetadata (domain, VIR_DOMAIN_METADATA_ELEMENT, "<domain><schedule/></domain>",
                                         VTH_METADATA_PREFIX, VTH_METADATA_URI, 0), ==, 0);
  g_autoptr (VthConfig) broken = vth_config_load (domain, VTH_IMPACT_CURRENT, &error);
  g_assert_null (broken);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_CONFIG);
  g_assert_nonnull (strstr (error->message, "domain 'test'"));
  virDomainFree (domain);
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
  g_test_add_func ("/config/read", test_read);
  g_test_add_func ("/config/unknown-kept", test_unknown_kept);
  g_test_add_func ("/config/full-every", test_full_every);
  g_test_add_func ("/config/tuning", test_tuning);
  g_test_add_func ("/config/refused", test_refused);
  g_test_add_func ("/config/setters", test_setters);
  g_test_add_func ("/config/libvirt", test_libvirt);
  return g_test_run ();
}
