/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Retention, by hand and against a slow restatement of its rules. */
#include <config.h>

#include <string.h>

#include "vthunder.h"

static char *
kept (const VthRetention *retention, VthRetentionItem *items, size_t n)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  vth_retention_apply (retention, utc, items, n);
  GString *out = g_string_new (NULL);
  for (size_t i = 0; i < n; i++)
    {
      g_assert_nonnull (items[i].reason);
      if (items[i].keep)
        g_string_append_printf (out, "%s%s", out->len > 0 ? " " : "", items[i].name);
      g_clear_pointer (&items[i].reason, g_free);
    }
  return g_string_free (out, FALSE);
}

static int64_t
at (const char *text)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (text, utc);
  g_assert_nonnull (time);
  return g_date_time_to_unix (time);
}

static void
test_rules (void)
{
  VthRetentionItem items[] = {
    { .name = "a", .time_s = at ("2026-11-23T03:00:00") }, { .name = "b", .time_s = at ("2026-11-23T02:30:00") },
    { .name = "c", .time_s = at ("2026-11-23T02:00:00") }, { .name = "d", .time_s = at ("2026-11-22T03:00:00") },
    { .name = "e", .time_s = at ("2026-11-22T01:00:00") }, { .name = "f", .time_s = at ("2026-11-16T03:00:00") },
    { .name = "g", .time_s = at ("2026-10-31T03:00:00") }, { .name = "h", .time_s = at ("2025-12-31T03:00:00") },
  };
  const struct {
    VthRetention retention;
    const char *names;
  } cases[] = {
    { { 0 }, "a b c d e f g h" },
    { { .keep_last = 1 }, "a" },
    { { .keep_last = 100 }, "a b c d e f g h" },
    { { .keep_hourly = 2 }, "a b" },
    { { .keep_daily = 3 }, "a d f" },
    { { .keep_weekly = 2 }, "a d" },
    { { .keep_weekly = 3 }, "a d g" }, /* the 22nd is a Sunday of the week before, as is the 16th */
    { { .keep_monthly = 3 }, "a g h" },
    { { .keep_yearly = 5 }, "a h" },
    { { .keep_within_s = 86400 }, "a b c d" },
    { { .keep_last = 2, .keep_yearly = 2 }, "a b h" },
    { { .keep_hourly = 3, .keep_daily = 2 }, "a b d" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *names = kept (&cases[i].retention, items, G_N_ELEMENTS (items));
      if (strcmp (names, cases[i].names) != 0)
        g_error ("case %zu: '%s', expected '%s'", i, names, cases[i].names);
    }
}

static void
test_order (void)
{
  /* any order in, same answer; equal times: the greater name is the newer */
  VthRetentionItem items[] = { { .name = "x1", .time_s = 5 }, { .name = "x3", .time_s = 5 }, { .name = "x2", .time_s = 5 },
                               { .name = "w", .time_s = 9 } };
  VthRetention retention = { .keep_last = 2 };
  g_autofree char *names = kept (&retention, items, G_N_ELEMENTS (items));
  g_assert_cmpstr (names, ==, "x3 w");

  /* what names a second gives its dumps, in the order of their counters */
  VthRetentionItem second[] = { { .name = "d-10.core", .time_s = 5 }, { .name = "d.core", .time_s = 5 }, { .name = "d-2.core", .time_s = 5 } };
  retention.keep_last = 1;
  g_autofree char *last = kept (&retention, second, G_N_ELEMENTS (second));
  g_assert_cmpstr (last, ==, "d-10.core");

  /* and what the engine knows to the nanosecond, whatever the names */
  VthRetentionItem known[] = { { .name = "b", .time_s = 5, .time_ns = 5000000001 }, { .name = "c-long", .time_s = 5, .time_ns = 5000000000 } };
  g_autofree char *newest = kept (&retention, known, G_N_ELEMENTS (known));
  g_assert_cmpstr (newest, ==, "b");
  vth_retention_apply (&retention, NULL, NULL, 0);
}

/* Restated: a dump is kept by a period rule if fewer than n periods newer than its own are non-empty, and it is its period's newest. */
static bool
slow_keep (const int64_t *times, size_t n, size_t me, unsigned int count, int64_t period_s)
{
  for (size_t i = 0; i < n; i++)
    if (times[i] > times[me] && times[i] / period_s == times[me] / period_s)
      return false;
  g_autoptr (GHashTable) newer = g_hash_table_new (g_direct_hash, g_direct_equal);
  for (size_t i = 0; i < n; i++)
    if (times[i] / period_s > times[me] / period_s)
      g_hash_table_add (newer, GSIZE_TO_POINTER ((gsize) (times[i] / period_s)));
  return g_hash_table_size (newer) < count;
}

static void
test_random (void)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  for (int round = 0; round < 500; round++)
    {
      size_t n = (size_t) g_test_rand_int_range (1, 60);
      g_autofree VthRetentionItem *items = g_new0 (VthRetentionItem, n);
      g_autofree int64_t *times = g_new (int64_t, n);
      for (size_t i = 0; i < n; i++)
        {
          bool fresh = false;
          while (!fresh)
            {
              times[i] = 1700000000 + g_test_rand_int_range (0, 20 * 86400);
              fresh = true;
              for (size_t k = 0; k < i; k++)
                fresh = fresh && times[k] != times[i];
            }
          items[i].time_s = times[i];
          items[i].name = "n";
        }
      VthRetention retention = { .keep_hourly = (unsigned int) g_test_rand_int_range (0, 10),
                                 .keep_daily = (unsigned int) g_test_rand_int_range (1, 10) };
      vth_retention_apply (&retention, utc, items, n);
      for (size_t i = 0; i < n; i++)
        {
          bool expected = slow_keep (times, n, i, retention.keep_hourly, 3600)
                          || slow_keep (times, n, i, retention.keep_daily, 86400);
          g_assert_cmpint (items[i].keep, ==, expected);
          g_free (items[i].reason);
        }
    }
}

static void
test_text (void)
{
  VthRetention retention = { .keep_last = 3, .keep_daily = 7, .keep_within_s = 7 * 86400 };
  g_autofree char *text = vth_retention_to_string (&retention);
  g_assert_cmpstr (text, ==, "last 3, daily 7, within 1w");
  VthRetention none = { 0 };
  g_autofree char *empty = vth_retention_to_string (&none);
  g_assert_cmpstr (empty, ==, "keep all");

  const struct {
    const char *text;
    int64_t seconds;
  } durations[] = { { "7d", 604800 }, { "1y2m3w4d5h", 31536000 + 2 * 2592000 + 3 * 604800 + 4 * 86400 + 5 * 3600 },
                    { "5h1d", 5 * 3600 + 86400 }, { "0h", 0 } };
  for (size_t i = 0; i < G_N_ELEMENTS (durations); i++)
    {
      int64_t got = -1;
      g_assert_true (vth_duration_parse (durations[i].text, &got, NULL));
      g_assert_cmpint (got, ==, durations[i].seconds);
      g_autofree char *back = vth_duration_to_string (got);
      int64_t again = -1;
      g_assert_true (vth_duration_parse (back, &again, NULL));
      g_assert_cmpint (again, ==, got);
    }
  const char *wrong[] = { "", "7", "d", "7x", "1d1d", "-1d", "1 d", "99999999999999d" };
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) error = NULL;
      int64_t got = -1;
      g_assert_false (vth_duration_parse (wrong[i], &got, &error));
      g_assert_error (error, VTH_ERROR, VTH_ERROR_USAGE);
      g_assert_cmpint (got, ==, -1);
    }
}

static void
test_size (void)
{
  const struct {
    const char *text;
    uint64_t bytes;
  } good[] = { { "0", 0 }, { "5b", 5 }, { "1K", 1024 }, { "1KB", 1000 }, { "10GiB", UINT64_C (10) << 30 }, { "2t", UINT64_C (2) << 40 } };
  for (size_t i = 0; i < G_N_ELEMENTS (good); i++)
    {
      uint64_t got = 1;
      g_assert_true (vth_size_parse (good[i].text, &got, NULL));
      g_assert_cmpuint (got, ==, good[i].bytes);
    }
  const char *wrong[] = { "", "x", "1x", "1KiBs", "-1", "99999999999999999999", "17179869184G" };
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) error = NULL;
      uint64_t got;
      g_assert_false (vth_size_parse (wrong[i], &got, &error));
      g_assert_error (error, VTH_ERROR, VTH_ERROR_USAGE);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/retention/rules", test_rules);
  g_test_add_func ("/retention/order", test_order);
  g_test_add_func ("/retention/random", test_random);
  g_test_add_func ("/retention/text", test_text);
  g_test_add_func ("/value/size", test_size);
  return g_test_run ();
}
