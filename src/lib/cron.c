/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cron expressions: parsing, and the next time one fires.
 *
 * Dates come from libical's recurrence rules, which work on the calendar and
 * know nothing of zones; hours and minutes are put on each date here, and the
 * wall-clock time becomes an instant with the daylight saving rule that
 * vthunder.h promises.
 */
#include <config.h>

#include <libical/ical.h>
#include <string.h>

#include "vth-private.h"

#define LAST_YEAR 2500
#define DAY_S 86400
/* No zone changes twice within twice this. */
#define MARGIN_S (36 * 3600)

struct _VthCron {
  gatomicrefcount refs;
  char *expression;
  uint64_t minutes;
  uint64_t hours;
  bool hour_star;
  /* RFC 5545 rules of the dates; the second only where either day field may match. */
  char *rules[2];
};

typedef struct {
  const char *name;
  unsigned int low, high;
  const char *const *names; /* of low, low + 1, ... */
} Field;

static const char *const month_names[]
    = { "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC", NULL };
static const char *const day_names[] = { "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", NULL };

static const Field fields[5] = {
  { "minute", 0, 59, NULL },          { "hour", 0, 23, NULL },          { "day of month", 1, 31, NULL },
  { "month", 1, 12, month_names },    { "day of week", 0, 7, day_names },
};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY };

static const struct {
  const char *name, *expression;
} nicknames[] = {
  { "@yearly", "0 0 1 1 *" },  { "@annually", "0 0 1 1 *" }, { "@monthly", "0 0 1 * *" }, { "@weekly", "0 0 * * 0" },
  { "@daily", "0 0 * * *" },   { "@midnight", "0 0 * * *" }, { "@hourly", "0 * * * *" },
};

static bool
parse_value (const Field *field, const char **p, unsigned int *value, bool *named)
{
  *named = false;
  if (g_ascii_isdigit (**p))
    {
      unsigned int n = 0;
      size_t digits = 0;
      for (; g_ascii_isdigit (**p) && digits < 4; (*p)++, digits++)
        n = n * 10 + (unsigned int) (**p - '0');
      *value = n;
      return !g_ascii_isdigit (**p) && n >= field->low && n <= field->high;
    }
  for (unsigned int i = 0; field->names != NULL && field->names[i] != NULL; i++)
    if (g_ascii_strncasecmp (*p, field->names[i], 3) == 0 && !g_ascii_isalnum ((*p)[3]))
      {
        *p += 3;
        *value = field->low + i;
        *named = true;
        return true;
      }
  return false;
}

/* One element of a list: "*", "a", "a-b", each with an optional "/step". */
static bool
parse_element (const Field *field, const char *element, uint64_t *set)
{
  const char *p = element;
  unsigned int low = field->low, high = field->high, step = 1;
  bool named = false, single = false;

  if (*p == '*')
    {
      p++;
      if (field == &fields[WEEKDAY])
        high = 6;
    }
  else
    {
      if (!parse_value (field, &p, &low, &named))
        return false;
      single = *p != '-';
      high = low;
      if (!single)
        {
          p++;
          if (!parse_value (field, &p, &high, &named))
            return false;
          /* FRI-SUN: a named Sunday may end a range */
          if (field == &fields[WEEKDAY] && named && high == 0 && low > 0)
            high = 7;
        }
    }
  if (*p == '/')
    {
      p++;
      size_t digits = 0;
      for (step = 0; g_ascii_isdigit (*p) && digits < 4; p++, digits++)
        step = step * 10 + (unsigned int) (*p - '0');
      if (digits == 0 || step == 0 || step > field->high)
        return false;
      if (single)
        high = field == &fields[WEEKDAY] ? 6 : field->high;
    }
  if (*p != '\0' || low > high)
    return false;
  for (unsigned int i = low; i <= high; i += step)
    *set |= UINT64_C (1) << i;
  return true;
}

static bool
parse_field (const Field *field, const char *text, uint64_t *set, GError **error)
{
  g_auto (GStrv) elements = g_strsplit (text, ",", -1);

  *set = 0;
  for (unsigned int i = 0; elements[i] != NULL; i++)
    if (!parse_element (field, elements[i], set))
      {
        g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE,
                     "invalid cron expression: %s '%s': expected *, numbers %u-%u%s, ranges, lists or steps", field->name,
                     text, field->low, field->high, field->names != NULL ? " or names" : "");
        return false;
      }
  if (field == &fields[WEEKDAY] && (*set & (1 << 7)))
    *set = (*set | 1) & 0x7f;
  return true;
}

static void
append_numbers (GString *out, const char *key, uint64_t set, unsigned int low, unsigned int high)
{
  const char *separator = key;
  for (unsigned int i = low; i <= high; i++)
    if (set & (UINT64_C (1) << i))
      {
        g_string_append_printf (out, "%s%u", separator, i);
        separator = ",";
      }
}

static char *
make_rule (const uint64_t *sets, bool days, bool weekdays)
{
  static const char *const names[] = { "SU", "MO", "TU", "WE", "TH", "FR", "SA" };
  bool all_months = sets[MONTH] == 0x1ffe;
  bool all_days = !days || sets[DAY] == 0xfffffffe;
  bool all_weekdays = !weekdays || sets[WEEKDAY] == 0x7f;

  if (all_months && all_days && all_weekdays)
    return g_strdup ("FREQ=DAILY");
  /* A yearly rule finds rare dates a hundred times faster than a daily one, but wants months and days spelt out. */
  GString *out = g_string_new ("FREQ=YEARLY");
  append_numbers (out, ";BYMONTH=", sets[MONTH], 1, 12);
  if (!all_days || all_weekdays)
    append_numbers (out, ";BYMONTHDAY=", all_days ? 0xfffffffe : sets[DAY], 1, 31);
  if (!all_weekdays)
    {
      const char *separator = ";BYDAY=";
      for (unsigned int i = 0; i < 7; i++)
        if (sets[WEEKDAY] & (UINT64_C (1) << i))
          {
            g_string_append_printf (out, "%s%s", separator, names[i]);
            separator = ",";
          }
    }
  return g_string_free (out, FALSE);
}

static bool
date_exists (uint64_t months, uint64_t days)
{
  static const unsigned int length[] = { 0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  for (unsigned int month = 1; month <= 12; month++)
    if ((months & (UINT64_C (1) << month)) && (days & ((UINT64_C (2) << length[month]) - 1)) != 0)
      return true;
  return false;
}

VthCron *
vth_cron_new (const char *expression, GError **error)
{
  if (expression == NULL || !g_utf8_validate (expression, -1, NULL) || strlen (expression) > 1000)
    {
      g_set_error_literal (error, VTH_ERROR, VTH_ERROR_USAGE, "invalid cron expression: empty, too long or not text");
      return NULL;
    }

  g_auto (GStrv) words = g_strsplit_set (expression, " \t", -1);
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  for (unsigned int i = 0; words[i] != NULL; i++)
    if (*words[i] != '\0')
      g_ptr_array_add (parts, words[i]);
  g_ptr_array_add (parts, NULL);
  g_autofree char *canonical = g_strjoinv (" ", (char **) parts->pdata);

  g_auto (GStrv) nick_parts = NULL;
  char **five = (char **) parts->pdata;
  if (parts->len == 2 && five[0][0] == '@')
    {
      const char *meaning = NULL;
      for (unsigned int i = 0; i < G_N_ELEMENTS (nicknames); i++)
        if (g_ascii_strcasecmp (five[0], nicknames[i].name) == 0)
          meaning = nicknames[i].expression;
      if (meaning == NULL)
        {
          g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE,
                       "invalid cron expression '%s': expected @hourly, @daily, @midnight, @weekly, @monthly, @yearly, "
                       "@annually or five fields",
                       canonical);
          return NULL;
        }
      five = nick_parts = g_strsplit (meaning, " ", -1);
    }
  else if (parts->len != 6)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE,
                   "invalid cron expression '%s': expected five fields (minute hour day-of-month month day-of-week), "
                   "found %u",
                   canonical, parts->len - 1);
      return NULL;
    }

  uint64_t sets[5];
  for (unsigned int i = 0; i < 5; i++)
    if (!parse_field (&fields[i], five[i], &sets[i], error))
      return NULL;

  bool both = five[DAY][0] == '*' || five[WEEKDAY][0] == '*';
  if (both && !date_exists (sets[MONTH], sets[DAY]))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "invalid cron expression '%s': that date never comes", canonical);
      return NULL;
    }

  VthCron *cron = g_new0 (VthCron, 1);
  g_atomic_ref_count_init (&cron->refs);
  cron->expression = g_steal_pointer (&canonical);
  cron->minutes = sets[MINUTE];
  cron->hours = sets[HOUR];
  cron->hour_star = five[HOUR][0] == '*';
  if (both)
    cron->rules[0] = make_rule (sets, true, true);
  else
    {
      cron->rules[0] = make_rule (sets, false, true);
      if (date_exists (sets[MONTH], sets[DAY]))
        cron->rules[1] = make_rule (sets, true, false);
    }
  return cron;
}

VthCron *
vth_cron_copy (const VthCron *cron)
{
  VthCron *copy = (VthCron *) cron;
  g_atomic_ref_count_inc (&copy->refs);
  return copy;
}

void
vth_cron_free (VthCron *cron)
{
  if (cron == NULL || !g_atomic_ref_count_dec (&cron->refs))
    return;
  g_free (cron->expression);
  g_free (cron->rules[0]);
  g_free (cron->rules[1]);
  g_free (cron);
}

const char *
vth_cron_get_expression (const VthCron *cron)
{
  return cron->expression;
}

/* --- dates --- */

/* Days since 1970-01-01 of the proleptic Gregorian calendar. */
static int64_t
days_of_date (const struct icaltimetype *date)
{
  GDate day;
  g_date_clear (&day, 1);
  g_date_set_dmy (&day, (GDateDay) date->day, (GDateMonth) date->month, (GDateYear) date->year);
  return (int64_t) g_date_get_julian (&day) - 719163;
}

/* The dates of both rules in order, without repeats. */
typedef struct {
  icalrecur_iterator *iterators[2];
  int64_t days[2]; /* what each iterator is at; G_MAXINT64: at its end */
} Dates;

static void
dates_step (Dates *dates, unsigned int i)
{
  dates->days[i] = G_MAXINT64;
  if (dates->iterators[i] == NULL)
    return;
  struct icaltimetype date = icalrecur_iterator_next (dates->iterators[i]);
  if (!icaltime_is_null_time (date) && date.year <= LAST_YEAR)
    dates->days[i] = days_of_date (&date);
}

static void
dates_init (Dates *dates, const VthCron *cron, int64_t first_day)
{
  GDate day;
  g_date_clear (&day, 1);
  g_date_set_julian (&day, (guint32) (first_day + 719163));
  /* Not icaltime_null_date (): its hours are -1, and iterators over it never move. */
  struct icaltimetype start = { .is_date = 1,
                                .year = g_date_get_year (&day),
                                .month = (int) g_date_get_month (&day),
                                .day = g_date_get_day (&day) };

  for (unsigned int i = 0; i < 2; i++)
    {
      dates->iterators[i] = NULL;
      if (cron->rules[i] != NULL)
        dates->iterators[i] = icalrecur_iterator_new (icalrecurrencetype_from_string (cron->rules[i]), start);
      dates_step (dates, i);
    }
}

static void
dates_clear (Dates *dates)
{
  for (unsigned int i = 0; i < 2; i++)
    if (dates->iterators[i] != NULL)
      icalrecur_iterator_free (dates->iterators[i]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Dates, dates_clear)

static int64_t
dates_next (Dates *dates)
{
  int64_t day = MIN (dates->days[0], dates->days[1]);
  for (unsigned int i = 0; i < 2 && day != G_MAXINT64; i++)
    if (dates->days[i] == day)
      dates_step (dates, i);
  return day;
}

/* --- wall clock to instants --- */

static int64_t
offset_at (GTimeZone *zone, int64_t instant_s)
{
  return g_time_zone_get_offset (zone, g_time_zone_find_interval (zone, G_TIME_TYPE_UNIVERSAL, instant_s));
}

/*
 * The first instant after @after_s at which the wall clock's @wall_s (seconds
 * since 1970 as if it were UTC) fires, or G_MAXINT64.  @before and @behind are
 * the offsets to both sides of the one change near it.
 */
static int64_t
instant_of_wall (const VthCron *cron, GTimeZone *zone, int64_t wall_s, int64_t before, int64_t behind, int64_t after_s)
{
  int64_t first = wall_s - before, second = wall_s - behind;

  if (before == behind)
    return first > after_s ? first : G_MAXINT64;

  bool first_is = offset_at (zone, first) == before;
  bool second_is = offset_at (zone, second) == behind;
  if (!first_is && !second_is)
    {
      if (cron->hour_star)
        return G_MAXINT64;
      /* Skipped: fires at the end of the gap, which lies between the two readings. */
      int64_t low = MIN (first, second), high = MAX (first, second);
      while (high - low > 1)
        {
          int64_t middle = low + (high - low) / 2;
          *(offset_at (zone, middle) == before ? &low : &high) = middle;
        }
      return high > after_s ? high : G_MAXINT64;
    }
  if (first_is && second_is && first > second)
    return G_MAXINT64; /* cannot be: a repeated time is first read with the older offset */
  if (first_is && first > after_s)
    return first;
  if (second_is && second > after_s && (!first_is || cron->hour_star))
    return second;
  return G_MAXINT64;
}

static int64_t
first_of_day (const VthCron *cron, GTimeZone *zone, int64_t day, int64_t after_s)
{
  int64_t midnight = day * DAY_S;
  int64_t before = offset_at (zone, midnight - MARGIN_S);
  int64_t behind = offset_at (zone, midnight + DAY_S + MARGIN_S);
  int64_t best = G_MAXINT64;

  for (unsigned int hour = 0; hour < 24; hour++)
    for (unsigned int minute = 0; minute < 60 && (cron->hours & (UINT64_C (1) << hour)); minute++)
      if (cron->minutes & (UINT64_C (1) << minute))
        {
          int64_t t = instant_of_wall (cron, zone, midnight + hour * 3600 + minute * 60, before, behind, after_s);
          best = MIN (best, t);
          if (best != G_MAXINT64 && before == behind)
            return best;
        }
  return best;
}

bool
vth_cron_next (const VthCron *cron, GTimeZone *zone, int64_t after_s, int64_t *next_s, GError **error)
{
  g_autoptr (GTimeZone) local = zone != NULL ? g_time_zone_ref (zone) : g_time_zone_new_local ();
  /* Years that GDate and libical both have. */
  int64_t after = CLAMP (after_s, INT64_C (-2000000000), INT64_C (17000000000));
  int64_t wall = after + offset_at (local, after);
  g_auto (Dates) dates = { 0 };
  int64_t best = G_MAXINT64;

  /* A day early: a clock put back over midnight makes yesterday last. */
  dates_init (&dates, cron, (wall >= 0 ? wall / DAY_S : (wall - DAY_S + 1) / DAY_S) - 1);
  for (int64_t day = dates_next (&dates), found = 0; day != G_MAXINT64 && (found == 0 || day == found + 1);
       day = dates_next (&dates))
    {
      best = MIN (best, first_of_day (cron, local, day, after));
      /* and for the same reason the day after the one found has a say */
      if (best != G_MAXINT64 && found == 0)
        found = day;
      else if (found != 0)
        break;
    }
  if (best == G_MAXINT64)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FAILED, "cron expression '%s' does not fire before the year %d",
                   cron->expression, LAST_YEAR);
      return false;
    }
  *next_s = best;
  return true;
}
