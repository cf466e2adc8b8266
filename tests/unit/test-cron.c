/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cron expressions, checked against a second implementation that shares no
 * idea with the library's: it walks every minute of a year with localtime(3),
 * and knows the sets of an expression from having made it up, not from parsing.
 */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vthunder.h"

static const char *const zones[] = { "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Seoul" };

/* --- the oracle --- */

typedef struct {
  GString *text;
  bool sets[5][64];
  bool star[5];
} Made;

static const unsigned int lows[5] = { 0, 0, 1, 1, 0 };
static const unsigned int highs[5] = { 59, 23, 31, 12, 7 };
static const char *const months[] = { "jan", "Feb", "MAR", "apr", "May", "JUN", "jul", "Aug", "SEP", "oct", "Nov", "DEC" };
static const char *const weekdays[] = { "Sun", "mon", "TUE", "wed", "Thu", "fri", "SAT", "7" };

static void
put_value (Made *made, unsigned int field, unsigned int value)
{
  if (field == 3 && g_test_rand_bit ())
    g_string_append (made->text, months[value - 1]);
  else if (field == 4 && g_test_rand_bit ())
    g_string_append (made->text, weekdays[value]);
  else
    g_string_append_printf (made->text, "%u", value);
}

static void
make_field (Made *made, unsigned int field)
{
  unsigned int low = lows[field], high = highs[field];
  int kind = g_test_rand_int_range (0, 10);

  if (field > 0)
    g_string_append_c (made->text, ' ');
  if (kind < 4 || (field == 0 && kind == 4))
    {
      unsigned int step = kind == 3 ? (unsigned int) g_test_rand_int_range (1, (int) high + 1) : 1;
      g_string_append_c (made->text, '*');
      if (kind == 3)
        g_string_append_printf (made->text, "/%u", step);
      for (unsigned int i = low; i <= (field == 4 ? 6 : high); i += step)
        made->sets[field][i] = true;
      made->star[field] = true;
      return;
    }
  int n = g_test_rand_int_range (1, 4);
  for (int e = 0; e < n; e++)
    {
      if (e > 0)
        g_string_append_c (made->text, ',');
      unsigned int a = (unsigned int) g_test_rand_int_range ((int) low, (int) high + 1);
      unsigned int b = a, step = 1;
      int shape = g_test_rand_int_range (0, 4);
      if (field == 4 && a == 7 && shape == 1)
        shape = 0; /* steps from Sunday as 7 lead nowhere and are refused */
      if (shape >= 2)
        b = (unsigned int) g_test_rand_int_range ((int) a, (int) high + 1);
      if (shape == 1 || shape == 3)
        step = (unsigned int) g_test_rand_int_range (1, (int) high + 1);
      put_value (made, field, a);
      if (shape >= 2)
        {
          g_string_append_c (made->text, '-');
          /* a range up to Sunday by name is the library's own addition: keep to numbers here */
          g_string_append_printf (made->text, "%u", b);
        }
      if (shape == 1)
        b = field == 4 ? 6 : high;
      if (shape == 1 || shape == 3)
        g_string_append_printf (made->text, "/%u", step);
      for (unsigned int i = a; i <= b; i += step)
        made->sets[field][i] = true;
    }
  if (field == 4 && made->sets[4][7])
    made->sets[4][0] = true;
}

typedef struct {
  int64_t start_s;
  unsigned int n;
  struct tm *walls;
} Year;

static bool
matches (const Made *made, const struct tm *tm)
{
  bool day = made->sets[2][tm->tm_mday], weekday = made->sets[4][tm->tm_wday];
  return made->sets[0][tm->tm_min] && made->sets[1][tm->tm_hour] && made->sets[3][tm->tm_mon + 1]
         && (made->star[2] || made->star[4] ? day && weekday : day || weekday);
}

static int64_t
wall_minute (const struct tm *tm)
{
  struct tm copy = *tm;
  copy.tm_isdst = 0;
  return timegm (&copy) / 60;
}

static bool
fires (const Made *made, const Year *year, unsigned int i)
{
  int64_t wall = wall_minute (&year->walls[i]);
  bool hit = matches (made, &year->walls[i]);

  if (made->star[1] || i == 0)
    return hit;
  /* second pass of a repeated stretch? */
  int64_t ahead = wall_minute (&year->walls[i > 240 ? i - 240 : 0]) + MIN (i, 240u) - wall;
  if (ahead > 0)
    for (unsigned int k = 1; k <= 240 && k <= i && hit; k++)
      if (wall_minute (&year->walls[i - k]) == wall)
        hit = false;
  /* first minute after a gap: anything in the gap fires now */
  for (int64_t skipped = wall_minute (&year->walls[i - 1]) + 1; skipped < wall && !hit; skipped++)
    {
      time_t t = skipped * 60;
      struct tm tm;
      gmtime_r (&t, &tm);
      hit = matches (made, &tm);
    }
  return hit;
}

static void
test_random (gconstpointer data)
{
  const char *name = data;
  g_setenv ("TZ", name, TRUE);
  tzset ();
  g_autoptr (GTimeZone) zone = g_time_zone_new_identifier (name);
  g_assert_nonnull (zone);
  const char *preload = g_getenv ("LD_PRELOAD");
  bool valgrind = preload != NULL && strstr (preload, "vgpreload") != NULL;
  unsigned int n_years = g_test_slow () ? 30 : valgrind ? 1 : 2, n_expressions = g_test_slow () ? 200 : valgrind ? 5 : 30;
  unsigned int compared = 0;

  for (unsigned int y = 0; y < n_years; y++)
    {
      Year year;
      struct tm tm = { .tm_year = g_test_rand_int_range (75, 190), .tm_mon = g_test_rand_int_range (0, 12), .tm_mday = 1 };
      year.start_s = timegm (&tm) / 60 * 60;
      year.n = 366 * 1440;
      year.walls = g_new (struct tm, year.n);
      for (unsigned int i = 0; i < year.n; i++)
        {
          time_t t = year.start_s + i * INT64_C (60);
          localtime_r (&t, &year.walls[i]);
        }
      for (unsigned int e = 0; e < n_expressions; e++)
        {
          Made made = { .text = g_string_new (NULL) };
          for (unsigned int f = 0; f < 5; f++)
            make_field (&made, f);
          g_autoptr (GError) error = NULL;
          g_autoptr (VthCron) cron = vth_cron_new (made.text->str, &error);
          if (cron == NULL)
            {
              /* only where the date cannot be */
              g_assert_nonnull (strstr (error->message, "never comes"));
              for (unsigned int i = 0; i < year.n; i += 60)
                {
                  struct tm probe = year.walls[i];
                  for (int h = 0; h < 24; h++)
                    if (made.sets[1][h])
                      probe.tm_hour = h;
                  for (int m = 0; m < 60; m++)
                    if (made.sets[0][m])
                      probe.tm_min = m;
                  g_assert_false (matches (&made, &probe));
                }
              g_string_free (made.text, TRUE);
              continue;
            }
          /* A stretch of fires from a random place, or from just before a change of the clock. */
          unsigned int i = (unsigned int) g_test_rand_int_range (300, 1440 * 300);
          if (g_test_rand_bit ())
            for (unsigned int k = i; k < year.n; k++)
              if (year.walls[k].tm_gmtoff != year.walls[k - 1].tm_gmtoff)
                {
                  i = k - (unsigned int) g_test_rand_int_range (1, 200);
                  break;
                }
          int64_t after = year.start_s + i * INT64_C (60) + g_test_rand_int_range (0, 60);
          for (unsigned int n = 0; n < 30; n++)
            {
              int64_t expected = 0, got = 0;
              unsigned int k = (unsigned int) ((after - year.start_s) / 60) + 1;
              while (k < year.n && !fires (&made, &year, k))
                k++;
              expected = k < year.n ? year.start_s + k * INT64_C (60) : 0;
              if (!vth_cron_next (cron, zone, after, &got, &error))
                {
                  g_assert_cmpint (expected, ==, 0);
                  break;
                }
              if (expected == 0)
                {
                  g_assert_cmpint (got, >=, year.start_s + year.n * INT64_C (60));
                  break;
                }
              if (got != expected)
                g_error ("%s: '%s' after %" G_GINT64_FORMAT ": %" G_GINT64_FORMAT ", expected %" G_GINT64_FORMAT, name,
                         made.text->str, after, got, expected);
              compared++;
              after = expected;
            }
          g_string_free (made.text, TRUE);
        }
      g_free (year.walls);
    }
  g_test_message ("%s: %u times compared", name, compared);
  g_assert_cmpuint (compared, >, valgrind ? 10 : 500);
}

/* --- by hand --- */

static char *
next_times (const char *expression, const char *zone_name, const char *after, unsigned int n)
{
  g_autoptr (GTimeZone) zone = g_time_zone_new_identifier (zone_name);
  g_autoptr (GDateTime) start = g_date_time_new_from_iso8601 (after, zone);
  g_autoptr (GError) error = NULL;
  g_autoptr (VthCron) cron = vth_cron_new (expression, &error);
  g_assert_no_error (error);
  GString *out = g_string_new (NULL);
  int64_t t = g_date_time_to_unix (start);
  for (unsigned int i = 0; i < n; i++)
    {
      g_assert_true (vth_cron_next (cron, zone, t, &t, &error));
      g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc (t);
      g_autoptr (GDateTime) there = g_date_time_to_timezone (utc, zone);
      g_autofree char *text = g_date_time_format (there, "%m-%d %H:%M%:::z");
      g_string_append_printf (out, "%s%s", i > 0 ? " | " : "", text);
    }
  return g_string_free (out, FALSE);
}

static void
test_known (void)
{
  static const struct {
    const char *expression, *zone, *after, *times;
  } cases[] = {
    { "0 3 * * *", "UTC", "2026-11-23T03:00:00", "11-24 03:00+00 | 11-25 03:00+00" },
    { "@daily", "UTC", "2026-12-31T23:59:59", "01-01 00:00+00" },
    { "@hourly", "UTC", "2026-12-31T23:59:59", "01-01 00:00+00 | 01-01 01:00+00" },
    { "@weekly", "UTC", "2026-11-23T00:00:00", "11-29 00:00+00" },
    { "@monthly", "UTC", "2026-11-23T00:00:00", "12-01 00:00+00 | 01-01 00:00+00" },
    { "@yearly", "UTC", "2026-11-23T00:00:00", "01-01 00:00+00" },
    /* either day field: the 13th, and Fridays */
    { "0 0 13 * FRI", "UTC", "2026-11-01T00:00:00", "11-06 00:00+00 | 11-13 00:00+00 | 11-20 00:00+00" },
    { "0 12 * * FRI-SUN", "UTC", "2026-11-23T00:00:00", "11-27 12:00+00 | 11-28 12:00+00 | 11-29 12:00+00 | 12-04 12:00+00" },
    { "0 12 * * 7", "UTC", "2026-11-23T00:00:00", "11-29 12:00+00" },
    { "5/20 0 * * *", "UTC", "2026-11-23T00:00:00", "11-23 00:05+00 | 11-23 00:25+00 | 11-23 00:45+00" },
    /* gap 02:00-03:00: fixed hours once at its end, wildcard hours not */
    { "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00", "03-29 03:00+02 | 03-30 02:30+02" },
    { "0,15,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00", "03-29 03:00+02 | 03-30 02:00+02" },
    { "0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00", "03-29 03:00+02 | 03-30 02:00+02" },
    { "30 * * * *", "Europe/Berlin", "2026-03-29T01:00:00", "03-29 01:30+01 | 03-29 03:30+02" },
    /* repeated 02:00-03:00: fixed hours in the first pass, wildcard hours in both */
    { "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00", "10-25 02:30+02 | 10-26 02:30+01" },
    { "30 * * * *", "Europe/Berlin", "2026-10-25T02:00:00+02:00", "10-25 02:30+02 | 10-25 02:30+01 | 10-25 03:30+01" },
    { "*/30 1 * * *", "America/New_York", "2026-11-01T00:00:00", "11-01 01:00-04 | 11-01 01:30-04 | 11-02 01:00-05" },
    /* half an hour */
    { "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00", "10-04 02:30+11 | 10-05 02:15+11" },
    { "45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00:00", "04-05 01:45+11 | 04-06 01:45+10:30" },
    { "45 * * * *", "Australia/Lord_Howe", "2026-04-05T01:30:00+11:00", "04-05 01:45+11 | 04-05 01:45+10:30" },
    { "30 2 * * *", "Asia/Seoul", "2026-03-28T12:00:00", "03-29 02:30+09 | 03-30 02:30+09" },
    /* a clock put back over midnight: 00:01 -> 23:01 */
    { "30 23 * * *", "America/Goose_Bay", "2010-11-06T12:00:00", "11-06 23:30-03 | 11-07 23:30-04" },
    { "0 0 29 2 *", "UTC", "2026-01-01T00:00:00", "02-29 00:00+00" },
  };
  for (unsigned int i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      unsigned int n = 1;
      for (const char *p = cases[i].times; *p != '\0'; p++)
        n += *p == '|';
      g_autofree char *got = next_times (cases[i].expression, cases[i].zone, cases[i].after, n);
      if (g_strcmp0 (got, cases[i].times) != 0)
        g_error ("'%s' in %s: '%s', expected '%s'", cases[i].expression, cases[i].zone, got, cases[i].times);
    }
}

static void
test_leap (void)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VthCron) cron = vth_cron_new ("0 0 29 2 *", &error);
  int64_t t = INT64_C (3981312000); /* 2096-02-29 */
  g_assert_true (vth_cron_next (cron, utc, t, &t, &error));
  /* 2100 is no leap year */
  g_assert_cmpint (t, ==, INT64_C (4233686400));
}

static void
test_refused (void)
{
  static const struct {
    const char *expression, *why;
  } cases[] = {
    { "", "five fields" },          { "* * * *", "found 4" },        { "* * * * * *", "found 6" },
    { "60 * * * *", "minute" },     { "* 24 * * *", "hour" },        { "* * 0 * *", "day of month" },
    { "* * 32 * *", "day of month" }, { "* * * 13 *", "month" },     { "* * * 0 *", "month" },
    { "* * * * 8", "day of week" }, { "5-1 * * * *", "minute" },     { "*/0 * * * *", "minute" },
    { "*/60 * * * *", "minute" },   { "1,,2 * * * *", "minute" },    { "1- * * * *", "minute" },
    { "* * * JANU *", "month" },    { "* * * * MONDAY", "day of week" }, { "@reboot", "@hourly" },
    { "0 0 31 2 *", "never comes" }, { "0 0 30 2 *", "never comes" }, { "0 0 31 4,6,9,11 *", "never comes" },
    { "0 0 31 2 */2", "never comes" }, { "1 1 1 1 x", "day of week" }, { "-1 * * * *", "minute" },
    { "99999999999 * * * *", "minute" }, { "* * L * *", "day of month" },
  };
  for (unsigned int i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VthCron) cron = vth_cron_new (cases[i].expression, &error);
      g_assert_null (cron);
      g_assert_error (error, VTH_ERROR, VTH_ERROR_USAGE);
      if (strstr (error->message, cases[i].why) == NULL)
        g_error ("'%s': '%s' lacks '%s'", cases[i].expression, error->message, cases[i].why);
    }
}

static void
test_text (void)
{
  g_autoptr (VthCron) cron = vth_cron_new ("  0\t3   * *  mon ", NULL);
  g_autoptr (VthCron) copy = vth_cron_copy (cron);
  g_assert_cmpstr (vth_cron_get_expression (copy), ==, "0 3 * * mon");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cron/known", test_known);
  g_test_add_func ("/cron/leap", test_leap);
  g_test_add_func ("/cron/refused", test_refused);
  g_test_add_func ("/cron/text", test_text);
  for (unsigned int i = 0; i < G_N_ELEMENTS (zones); i++)
    {
      g_autofree char *path = g_strdup_printf ("/cron/random/%s", zones[i]);
      g_test_add_data_func (path, zones[i], test_random);
    }
  return g_test_run ();
}
