/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Retention: which dumps a policy keeps.  Pure; removing is prune.c's. */
#include <config.h>

#include <string.h>

#include "vth-private.h"

typedef struct {
  const char *name;
  const char *format; /* of the period a time is in; "" puts every dump in its own */
  size_t offset;
} Rule;

static const Rule rules[] = {
  { "last", "", offsetof (VthRetention, keep_last) },
  { "hourly", "%Y-%m-%d %H:00%z", offsetof (VthRetention, keep_hourly) },
  { "daily", "%Y-%m-%d", offsetof (VthRetention, keep_daily) },
  { "weekly", "%G-W%V", offsetof (VthRetention, keep_weekly) },
  { "monthly", "%Y-%m", offsetof (VthRetention, keep_monthly) },
  { "yearly", "%Y", offsetof (VthRetention, keep_yearly) },
};

static unsigned int
rule_count (const VthRetention *retention, const Rule *rule)
{
  return *(const unsigned int *) ((const char *) retention + rule->offset);
}

bool
vth_retention_is_empty (const VthRetention *retention)
{
  for (unsigned int i = 0; i < G_N_ELEMENTS (rules); i++)
    if (rule_count (retention, &rules[i]) > 0)
      return false;
  return retention->keep_within_s <= 0;
}

char *
vth_retention_to_string (const VthRetention *retention)
{
  GString *out = g_string_new (NULL);
  for (unsigned int i = 0; i < G_N_ELEMENTS (rules); i++)
    if (rule_count (retention, &rules[i]) > 0)
      g_string_append_printf (out, "%s%s %u", out->len > 0 ? ", " : "", rules[i].name,
                              rule_count (retention, &rules[i]));
  if (retention->keep_within_s > 0)
    {
      g_autofree char *within = vth_duration_to_string (retention->keep_within_s);
      g_string_append_printf (out, "%swithin %s", out->len > 0 ? ", " : "", within);
    }
  if (out->len == 0)
    g_string_append (out, "keep all");
  return g_string_free (out, FALSE);
}

int
vth_dump_order (const VthRetentionItem *x, const VthRetentionItem *y)
{
  const size_t x_length = strlen (x->name), y_length = strlen (y->name);

  if (x->time_s != y->time_s)
    return x->time_s < y->time_s ? -1 : 1;
  if (x->time_ns != y->time_ns)
    return x->time_ns < y->time_ns ? -1 : 1;
  /* Of one second "x-2.core" came after "x.core", and "x-10.core" after both. */
  if (x_length != y_length)
    return x_length < y_length ? -1 : 1;
  return strcmp (x->name, y->name);
}

static int
newest_first (const void *a, const void *b)
{
  return vth_dump_order (*(VthRetentionItem *const *) b, *(VthRetentionItem *const *) a);
}

static void
keep_because (VthRetentionItem *item, char *reason)
{
  g_autofree char *mine = reason;
  item->keep = true;
  if (item->reason == NULL)
    item->reason = g_steal_pointer (&mine);
  else
    {
      g_autofree char *before = item->reason;
      item->reason = g_strconcat (before, ", ", mine, NULL);
    }
}

static void
apply_rule (const Rule *rule, unsigned int count, GTimeZone *zone, VthRetentionItem **sorted, size_t n_items)
{
  g_autofree char *last_period = NULL;
  unsigned int kept = 0;

  for (size_t i = 0; i < n_items && kept < count; i++)
    {
      g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc (sorted[i]->time_s);
      g_autoptr (GDateTime) there = utc != NULL ? g_date_time_to_timezone (utc, zone) : NULL;
      g_autofree char *period = there != NULL ? g_date_time_format (there, rule->format) : g_strdup ("?");
      if (*rule->format != '\0' && g_strcmp0 (period, last_period) == 0)
        continue;
      kept++;
      keep_because (sorted[i], *rule->format == '\0'
                                   ? g_strdup_printf ("%s %u of %u", rule->name, kept, count)
                                   : g_strdup_printf ("%s %s (%u of %u)", rule->name, period, kept, count));
      g_free (last_period);
      last_period = g_steal_pointer (&period);
    }
}

void
vth_retention_apply (const VthRetention *retention, GTimeZone *zone, VthRetentionItem *items, size_t n_items)
{
  g_autoptr (GTimeZone) local = zone != NULL ? g_time_zone_ref (zone) : g_time_zone_new_local ();
  g_autofree VthRetentionItem **sorted = g_new (VthRetentionItem *, n_items);

  for (size_t i = 0; i < n_items; i++)
    {
      items[i].keep = false;
      items[i].reason = NULL;
      sorted[i] = &items[i];
    }
  if (n_items == 0)
    return;
  qsort (sorted, n_items, sizeof sorted[0], newest_first);

  if (vth_retention_is_empty (retention))
    {
      for (size_t i = 0; i < n_items; i++)
        keep_because (&items[i], g_strdup ("no retention is set"));
      return;
    }
  for (unsigned int r = 0; r < G_N_ELEMENTS (rules); r++)
    apply_rule (&rules[r], rule_count (retention, &rules[r]), local, sorted, n_items);
  if (retention->keep_within_s > 0)
    {
      g_autofree char *within = vth_duration_to_string (retention->keep_within_s);
      for (size_t i = 0; i < n_items; i++)
        if (sorted[i]->time_s >= sorted[0]->time_s - retention->keep_within_s)
          keep_because (sorted[i], g_strdup_printf ("within %s of the newest", within));
    }
  g_autofree char *policy = vth_retention_to_string (retention);
  for (size_t i = 0; i < n_items; i++)
    if (!items[i].keep)
      items[i].reason = g_strdup_printf ("not kept by: %s", policy);
}
