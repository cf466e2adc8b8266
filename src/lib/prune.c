/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Retention applied to the dumps of a domain: a plan, then its execution. */
#include <config.h>

#include <string.h>

#include "vth-private.h"

void
vth_prune_item_free (VthPruneItem *item)
{
  if (item == NULL)
    return;
  vth_dump_free (item->dump);
  g_free (item->reason);
  g_clear_error (&item->error);
  g_free (item);
}

static void
decide (GPtrArray *items, const char *schedule, const VthSchedule *known, GTimeZone *zone)
{
  g_autoptr (GArray) mine = g_array_new (FALSE, TRUE, sizeof (VthRetentionItem));
  static const VthRetention none = { 0 };
  const int64_t now_s = g_get_real_time () / G_USEC_PER_SEC;

  for (unsigned int i = 0; i < items->len; i++)
    {
      VthPruneItem *item = items->pdata[i];
      if (strcmp (item->dump->schedule, schedule) != 0)
        continue;
      const VthDump *dump = item->dump;
      /* Of a clock that was wrong: were it the newest, all that is right would be too old, or one too many. */
      if (known != NULL && dump->time_s > now_s)
        {
          item->reason = g_strdup ("dated later than now");
          continue;
        }
      VthRetentionItem r = { .time_s = dump->time_s, .time_ns = dump->figures.t0_ns, .name = dump->name, .data = item };
      g_array_append_val (mine, r);
    }
  vth_retention_apply (known != NULL ? vth_schedule_get_retention (known) : &none, zone, (VthRetentionItem *) (void *) mine->data,
                       mine->len);
  for (unsigned int i = 0; i < mine->len; i++)
    {
      VthRetentionItem *r = &g_array_index (mine, VthRetentionItem, i);
      VthPruneItem *item = r->data;
      item->keep = r->keep;
      g_free (item->reason);
      item->reason = r->reason;
      if (known == NULL)
        {
          g_free (item->reason);
          item->reason = strcmp (schedule, "manual") == 0 ? g_strdup ("taken by hand")
                                                          : g_strdup_printf ("schedule '%s' no longer exists", schedule);
        }
    }
}

/* Of @dumps (VthDump), which are taken over. */
GPtrArray *
vth_prune_plan_of (GPtrArray *dumps, const VthConfig *config, const char *schedule, GTimeZone *zone)
{
  GPtrArray *items = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_prune_item_free);
  g_autoptr (GHashTable) schedules = g_hash_table_new (g_str_hash, g_str_equal);
  GHashTableIter iter;
  void *name;

  for (unsigned int i = dumps->len; i-- > 0;)
    {
      VthDump *dump = g_ptr_array_steal_index (dumps, i);
      if (schedule != NULL && g_strcmp0 (dump->schedule, schedule) != 0)
        {
          vth_dump_free (dump);
          continue;
        }
      VthPruneItem *item = g_new0 (VthPruneItem, 1);
      item->dump = dump;
      item->keep = true;
      g_ptr_array_add (items, item);
      g_hash_table_add (schedules, dump->schedule);
    }
  g_hash_table_iter_init (&iter, schedules);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    decide (items, name, vth_config_find_schedule (config, name), zone);
  return items;
}

/* --- chains --- */

static VthPruneItem *
find_item (GPtrArray *items, const char *name)
{
  for (unsigned int i = 0; i < items->len; i++)
    if (strcmp (((VthPruneItem *) items->pdata[i])->dump->name, name) == 0)
      return items->pdata[i];
  return NULL;
}

/*
 * What a file that stays builds on stays, and so on down its chain.  @backing
 * is of all files there are, for those that are none of ours need theirs too.
 */
static void
keep_needed (GPtrArray *items, GHashTable *backing)
{
  GHashTableIter iter;
  void *file, *needed;

  g_hash_table_iter_init (&iter, backing);
  while (g_hash_table_iter_next (&iter, &file, &needed))
    {
      const VthPruneItem *top = find_item (items, file);
      const char *by = file;
      if (top != NULL && !top->keep)
        continue;
      /* A loop of backing files ends where one is kept already. */
      for (VthPruneItem *item; needed != NULL && (item = find_item (items, needed)) != NULL && !item->keep;)
        {
          item->keep = true;
          g_free (item->reason);
          item->reason = g_strdup_printf ("needed by %s", by);
          by = needed;
          needed = g_hash_table_lookup (backing, by);
        }
    }
}

static bool
keep_needed_in (VthOutput *output, GPtrArray *items, GError **error)
{
  bool any = false;

  for (unsigned int i = 0; i < items->len; i++)
    any = any || !((VthPruneItem *) items->pdata[i])->keep;
  if (!any)
    return true;
  g_autoptr (GHashTable) backing = vth_output_backing (output, error);
  if (backing == NULL)
    return false;
  keep_needed (items, backing);
  return true;
}

GPtrArray *
vth_prune_plan (VthOutput *output, virDomainPtr domain, const VthConfig *config, const char *schedule, GTimeZone *zone, GError **error)
{
  g_autoptr (GPtrArray) dumps = vth_dump_list (output, domain, error);
  if (dumps == NULL)
    return NULL;
  g_autoptr (GPtrArray) plan = vth_prune_plan_of (dumps, config, schedule, zone);
  return keep_needed_in (output, plan, error) ? g_steal_pointer (&plan) : NULL;
}

GPtrArray *
vth_prune_plan_last (VthOutput *output, virDomainPtr domain, const char *const *names, unsigned int keep, GError **error)
{
  g_autoptr (GPtrArray) dumps = vth_dump_list (output, domain, error);
  g_autoptr (GPtrArray) plan = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_prune_item_free);

  for (unsigned int i = g_strv_length ((char **) names), n = 0; dumps != NULL && i-- > 0;)
    for (unsigned int k = 0; k < dumps->len; k++)
      {
        if (strcmp (((VthDump *) dumps->pdata[k])->name, names[i]) != 0)
          continue;
        VthPruneItem *item = g_new0 (VthPruneItem, 1);
        item->dump = g_ptr_array_steal_index (dumps, k);
        item->keep = n++ < keep;
        item->reason = g_strdup_printf (item->keep ? "last %u" : "older than the last %u", keep);
        g_ptr_array_add (plan, item);
        break;
      }
  return dumps != NULL && keep_needed_in (output, plan, error) ? g_steal_pointer (&plan) : NULL;
}

/* Since the plan was made a dump may have been taken on top. */
static bool
check_not_needed (GHashTable *backing, const char *name, GError **error)
{
  const char *by = vth_backing_find (backing, name);

  if (by != NULL)
    g_set_error (error, VTH_ERROR, VTH_ERROR_LOCKED, "'%s' is not removed: '%s' builds on it", name, by);
  return by == NULL;
}

static bool
remove_one (VthOutput *output, const VthDump *dump, GError **error)
{
  /* Between plan and now the name may have gone to another file. */
  g_autoptr (VthDump) now = vth_dump_of_file (output, dump->uuid, dump->name, error);
  if (now == NULL || g_strcmp0 (now->uuid, dump->uuid) != 0 || g_strcmp0 (now->schedule, dump->schedule) != 0
      || now->time_s != dump->time_s)
    {
      if (error != NULL && *error == NULL)
        g_set_error (error, VTH_ERROR, VTH_ERROR_NOT_FOUND, "'%s' is no longer the dump it was", dump->name);
      return false;
    }
  /* The dump first: a record or manifest that is left over names what it belonged to, a dump without them does not. */
  if (!vth_output_remove (output, dump->name, error))
    return false;
  g_autofree char *record = g_strconcat (dump->name, VTH_RECORD_SUFFIX, NULL);
  g_autofree char *manifest = g_strconcat (dump->name, VTH_MANIFEST_SUFFIX, NULL);
  const char *const names[] = { record, manifest, dump->name, NULL };
  for (unsigned int i = 0; i < 2; i++)
    if (vth_output_owns (output, dump->uuid, names[i]))
      vth_output_remove (output, names[i], NULL);
  vth_register_drop (output, dump->uuid, names);
  return true;
}

/* Removes what nothing builds on; false if that was nothing. */
static bool
remove_free (VthOutput *output, GPtrArray *plan, GHashTable *backing)
{
  bool any = false;

  for (unsigned int i = 0; i < plan->len; i++)
    {
      VthPruneItem *item = plan->pdata[i];
      if (item->keep || item->removed)
        continue;
      g_clear_error (&item->error);
      if (!check_not_needed (backing, item->dump->name, &item->error))
        continue;
      item->removed = remove_one (output, item->dump, &item->error);
      if (item->removed)
        any = g_hash_table_remove (backing, item->dump->name) || any;
    }
  return any;
}

unsigned int
vth_prune_execute (VthOutput *output, GPtrArray *plan)
{
  g_autoptr (GError) unknown = NULL;
  g_autoptr (GHashTable) backing = NULL;
  unsigned int failed = 0, n = 0;

  for (unsigned int i = 0; i < plan->len; i++)
    n += !((VthPruneItem *) plan->pdata[i])->keep && !((VthPruneItem *) plan->pdata[i])->removed;
  if (n > 0)
    backing = vth_output_backing (output, &unknown);
  /* From the top of each chain down, so that being killed leaves no file without what it builds on. */
  while (backing != NULL && remove_free (output, plan, backing))
    ;
  for (unsigned int i = 0; i < plan->len; i++)
    {
      VthPruneItem *item = plan->pdata[i];
      if (item->keep || item->removed)
        continue;
      if (item->error == NULL && unknown != NULL)
        item->error = g_error_copy (unknown);
      failed++;
    }
  return failed;
}
