/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Batch runs under a fake clock with fake dumps: months with 50 domains, and
 * runs killed at random points.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <libvirt/virterror.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "vthunder.h"

#define MINUTE 60
#define DAY 86400

/* --- a world --- */

typedef struct {
  char *domain, *schedule;
  int64_t due_s, time_s;
} Taken;

typedef struct {
  int64_t now_s;
  GPtrArray *domains; /* VthBatchDomain, the originals */
  GMutex mutex;
  GHashTable *busy;
  unsigned int n_busy, most_busy;
  GPtrArray *dumps; /* VthDump: there now */
  GPtrArray *taken; /* Taken: by events */
  GPtrArray *log;   /* "kind domain schedule", all events */
  bool fail;
  int fail_code; /* VTH_ERROR_LIBVIRT if 0 */
  GCancellable *cancellable; /* of the runs */
  bool interrupted; /* a dump that begins ends with the run */
  unsigned int n_chain; /* of mode incremental: dumps since the last full one */
  uint64_t free_bytes;
  uint64_t dump_bytes; /* that each dump takes away of it */
  char *state_dir;
  VthHost *host;
  GTimeZone *zone;
} World;

static void
taken_free (void *data)
{
  Taken *taken = data;
  g_free (taken->domain);
  g_free (taken->schedule);
  g_free (taken);
}

static int64_t
world_now (void *data)
{
  return ((World *) data)->now_s;
}

static GPtrArray *
world_domains (void *data, GError **error)
{
  World *world = data;
  GPtrArray *copy = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_batch_domain_free);
  for (unsigned int i = 0; i < world->domains->len; i++)
    {
      const VthBatchDomain *from = world->domains->pdata[i];
      VthBatchDomain *domain = vth_batch_domain_new (from->name, from->uuid, from->active, from->config);
      domain->error = from->error != NULL ? g_error_copy (from->error) : NULL;
      g_ptr_array_add (copy, domain);
    }
  return copy;
}

static VthDump *
make_dump (const char *domain, const char *schedule, int64_t time_s)
{
  VthDump *dump = g_new0 (VthDump, 1);
  dump->domain = g_strdup (domain);
  dump->schedule = g_strdup (schedule);
  dump->name = g_strdup_printf ("%s-%s-%" G_GINT64_FORMAT, domain, schedule, time_s);
  dump->path = g_build_filename ("/fake", dump->name, NULL);
  dump->time_s = time_s;
  dump->own = true;
  return dump;
}

static VthDump *
world_take (const VthBatchDomain *domain, const VthDumpRequest *request, void *data, GCancellable *cancellable, GError **error)
{
  World *world = data;
  bool fail;
  g_mutex_lock (&world->mutex);
  g_assert_true (g_hash_table_add (world->busy, domain->name)); /* never a second dump of a domain */
  world->n_busy++;
  world->most_busy = MAX (world->most_busy, world->n_busy);
  fail = world->fail;
  g_mutex_unlock (&world->mutex);
  g_thread_yield ();
  g_mutex_lock (&world->mutex);
  g_hash_table_remove (world->busy, domain->name);
  world->n_busy--;
  VthDump *dump = NULL;
  if (!fail)
    {
      g_ptr_array_add (world->dumps, make_dump (domain->name, request->schedule, request->time_s));
      dump = make_dump (domain->name, request->schedule, request->time_s);
    }
  /* as vth_dump_take () does it */
  if (dump != NULL && request->mode == VTH_MODE_INCREMENTAL)
    {
      g_assert_true (request->use_config_format);
      world->n_chain = world->n_chain >= request->full_every ? 0 : world->n_chain;
      if (world->n_chain++ == 0)
        dump->tracking.full_reason = g_strdup ("new chain");
      else
        dump->base = g_strdup ("base");
    }
  g_mutex_unlock (&world->mutex);
  if (dump != NULL)
    return dump;
  if (world->interrupted)
    g_cancellable_cancel (cancellable);
  g_set_error_literal (error, VTH_ERROR, world->fail_code != 0 ? world->fail_code : VTH_ERROR_LIBVIRT, "the fake failed");
  return NULL;
}

static GPtrArray *
world_plan (const VthBatchDomain *domain, const char *schedule, void *data, GError **error)
{
  World *world = data;
  if (schedule == NULL)
    {
      GPtrArray *all = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_prune_item_free);
      for (unsigned int i = 0; i < vth_config_get_n_schedules (domain->config); i++)
        g_ptr_array_extend_and_steal (
            all, world_plan (domain, vth_schedule_get_name (vth_config_get_schedule (domain->config, i)), data, error));
      return all;
    }
  GPtrArray *plan = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_prune_item_free);
  g_mutex_lock (&world->mutex);
  for (unsigned int i = 0; i < world->dumps->len; i++)
    {
      const VthDump *dump = world->dumps->pdata[i];
      if (strcmp (dump->domain, domain->name) != 0 || strcmp (dump->schedule, schedule) != 0)
        continue;
      VthPruneItem *item = g_new0 (VthPruneItem, 1);
      item->dump = make_dump (dump->domain, dump->schedule, dump->time_s);
      g_ptr_array_add (plan, item);
    }
  g_mutex_unlock (&world->mutex);
  g_autofree VthRetentionItem *items = g_new0 (VthRetentionItem, plan->len + 1);
  for (unsigned int i = 0; i < plan->len; i++)
    {
      VthPruneItem *item = plan->pdata[i];
      items[i].time_s = item->dump->time_s;
      items[i].name = item->dump->name;
    }
  vth_retention_apply (vth_schedule_get_retention (vth_config_find_schedule (domain->config, schedule)), world->zone, items,
                       plan->len);
  for (unsigned int i = 0; i < plan->len; i++)
    {
      VthPruneItem *item = plan->pdata[i];
      item->keep = items[i].keep;
      item->reason = items[i].reason;
    }
  return plan;
}

static unsigned int
world_execute (const VthBatchDomain *domain, GPtrArray *plan, void *data)
{
  World *world = data;
  g_mutex_lock (&world->mutex);
  for (unsigned int i = 0; i < plan->len; i++)
    {
      VthPruneItem *item = plan->pdata[i];
      for (unsigned int k = 0; k < world->dumps->len && !item->keep && !item->removed; k++)
        if (strcmp (((VthDump *) world->dumps->pdata[k])->name, item->dump->name) == 0)
          {
            g_ptr_array_remove_index (world->dumps, k);
            item->removed = true;
          }
    }
  g_mutex_unlock (&world->mutex);
  return 0;
}

static bool
world_space (const VthBatchDomain *domain, uint64_t *available_bytes, void *data, GError **error)
{
  World *world = data;
  g_mutex_lock (&world->mutex);
  *available_bytes = world->free_bytes - world->dumps->len * world->dump_bytes;
  g_mutex_unlock (&world->mutex);
  return true;
}

static VthDump *
world_find (const VthBatchDomain *domain, const char *schedule, const char *name, void *data, GError **error)
{
  return NULL;
}

static const VthBatchOps world_ops = {
  .now = world_now,
  .domains = world_domains,
  .take = world_take,
  .find = world_find,
  .prune_plan = world_plan,
  .prune_execute = world_execute,
  .get_space = world_space,
};

static const char *const kinds[]
    = { "started", "done", "failed", "skipped", "broken", "hook-failed", "pruned", "prune-failed", "recovered", "metrics-failed",
        "warning" };

static void
on_event (const VthBatchEvent *event, void *data)
{
  World *world = data;
  g_ptr_array_add (world->log, g_strdup_printf ("%s %s %s", kinds[event->kind], event->domain != NULL ? event->domain : "host",
                                                event->schedule != NULL ? event->schedule : "-"));
  if (event->kind != VTH_BATCH_DONE)
    return;
  if (event->dump->tracking.full_reason != NULL || event->dump->base != NULL)
    g_ptr_array_add (world->log, g_strdup (event->dump->base != NULL ? "on a base" : event->dump->tracking.full_reason));
  Taken *taken = g_new0 (Taken, 1);
  taken->domain = g_strdup (event->domain);
  taken->schedule = g_strdup (event->schedule);
  taken->due_s = event->due_s;
  taken->time_s = event->dump->time_s;
  g_ptr_array_add (world->taken, taken);
}

static char *
make_dir (void)
{
  const char *base = g_access ("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir ();
  g_autofree char *template = g_build_filename (base, "vth-batch-XXXXXX", NULL);
  g_assert_nonnull (g_mkdtemp (template));
  return g_steal_pointer (&template);
}

static World *
world_new (void)
{
  World *world = g_new0 (World, 1);
  world->now_s = 1772323200; /* 2026-03-01 */
  world->domains = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_batch_domain_free);
  world->busy = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, NULL);
  world->dumps = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_dump_free);
  world->taken = g_ptr_array_new_with_free_func (taken_free);
  world->log = g_ptr_array_new_with_free_func (g_free);
  world->free_bytes = UINT64_C (1) << 40;
  world->state_dir = make_dir ();
  world->host = vth_host_load ("/nonexistent/vthunder.conf", NULL);
  g_assert_nonnull (world->host);
  vth_host_set_state_dir (world->host, world->state_dir);
  vth_host_set_hooks_dir (world->host, NULL);
  world->zone = g_time_zone_new_identifier ("Europe/Berlin");
  return world;
}

static void
world_free (World *world)
{
  remove_tree (world->state_dir);
  g_ptr_array_unref (world->domains);
  g_hash_table_unref (world->busy);
  g_ptr_array_unref (world->dumps);
  g_ptr_array_unref (world->taken);
  g_ptr_array_unref (world->log);
  g_free (world->state_dir);
  vth_host_free (world->host);
  g_time_zone_unref (world->zone);
  g_free (world);
}

static VthBatchDomain *
add_domain (World *world, const char *name)
{
  g_autofree char *uuid = g_uuid_string_random ();
  g_autoptr (VthConfig) config = vth_config_new ();
  VthBatchDomain *domain = vth_batch_domain_new (name, uuid, true, config);
  g_ptr_array_add (world->domains, domain);
  return domain;
}

static void
put_schedule (VthBatchDomain *domain, const char *name, const char *cron, const VthRetention *retention)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VthSchedule) schedule = vth_schedule_new (name, cron, &error);
  g_assert_no_error (error);
  if (retention != NULL)
    vth_schedule_set_retention (schedule, retention);
  vth_schedule_set_since (schedule, 0); /* the real clock has no say in this world */
  vth_config_put_schedule (domain->config, schedule);
}

static VthBatchSummary
run_batch (World *world)
{
  g_autoptr (VthBatch) batch = vth_batch_new (NULL, world->host, &world_ops, world);
  g_autoptr (GError) error = NULL;
  VthBatchSummary summary;
  vth_batch_set_zone (batch, world->zone);
  g_assert_true (vth_batch_run (batch, on_event, world, world->cancellable, &summary, &error));
  g_assert_no_error (error);
  return summary;
}

static char *
take_log (World *world)
{
  g_ptr_array_add (world->log, NULL);
  char *text = g_strjoinv (", ", (char **) world->log->pdata);
  g_ptr_array_set_size (world->log, 0);
  return text;
}

#define assert_log(world, expected) \
  G_STMT_START \
  { \
    g_autofree char *log_ = take_log (world); \
    g_assert_cmpstr (log_, ==, expected); \
  } \
  G_STMT_END

static void
write_hook (const char *dir, const char *event, const char *name, const char *script)
{
  g_autofree char *sub = g_strdup_printf ("%s/%s.d", dir, event);
  g_autofree char *path = g_build_filename (sub, name, NULL);
  g_assert_cmpint (g_mkdir_with_parents (sub, 0755), ==, 0);
  g_assert_true (g_file_set_contents_full (path, script, -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
  g_assert_cmpint (chmod (path, 0755), ==, 0);
}

/* Fifty times slower there, and nothing new to be seen. */
static bool
in_valgrind (void)
{
  const char *preload = g_getenv ("LD_PRELOAD");
  return preload != NULL && strstr (preload, "vgpreload") != NULL;
}

/* The schedule's full-every reaches the dump, and what became of it the events. */
static void
test_full_every (void)
{
  World *world = world_new ();
  g_autoptr (GError) error = NULL;
  VthBatchDomain *domain = add_domain (world, "vm");
  g_autoptr (VthSchedule) schedule = vth_schedule_new ("inc", "0 * * * *", &error);
  vth_schedule_set_mode (schedule, VTH_MODE_INCREMENTAL);
  vth_schedule_set_full_every (schedule, 3, 0);
  vth_schedule_set_since (schedule, 0);
  vth_config_set_format (domain->config, VTH_FORMAT_KDUMP_ZLIB);
  vth_config_put_schedule (domain->config, schedule);
  g_autoptr (GString) got = g_string_new (NULL);
  for (unsigned int hour = 0; hour < 7; hour++)
    {
      run_batch (world);
      g_autofree char *text = take_log (world);
      g_string_append (got, strstr (text, "done vm inc, on a base") != NULL    ? "i"
                            : strstr (text, "done vm inc, new chain") != NULL ? "F"
                                                                              : "?");
      world->now_s += 3600;
    }
  g_assert_cmpstr (got->str, ==, "FiiFiiF");
  world_free (world);
}

/* --- months --- */

static const char *const crons[] = { "0 * * * *",   "30 2 * * *",     "0 3 * * 1-5", "*/20 8-17 * * *", "0 0 1 * *",
                                     "0 2,14 * * *", "10,40 */4 * * *", "@daily",      "0 12 * * SUN",    "50 23 29 * *" };

static void
test_months (void)
{
  World *world = world_new ();
  const unsigned int n_domains = in_valgrind () ? 4 : 50, n_days = g_test_slow () ? 92 : 11;
  world->now_s = 1774137600; /* 2026-03-22: a week before the clocks change */
  const int64_t start_s = world->now_s, end_s = start_s + n_days * DAY;
  /* The host is down for these: over a change of the clock too. */
  const int64_t down[][2] = { { start_s + 3 * DAY + 1234, start_s + 3 * DAY + 8 * 3600 },
                              { start_s + 6 * DAY + 80000, start_s + 7 * DAY + 20000 },
                              { start_s + 9 * DAY, start_s + 9 * DAY + 1800 } };
  unsigned int n_runs = 0;

  vth_host_set_max_parallel (world->host, 4);
  for (unsigned int i = 0; i < n_domains; i++)
    {
      g_autofree char *name = g_strdup_printf ("vm%u", i);
      VthBatchDomain *domain = add_domain (world, name);
      VthRetention retention = { .keep_last = i % 4, .keep_daily = 1 + i % 7 };
      put_schedule (domain, "first", crons[i % G_N_ELEMENTS (crons)], &retention);
      if (i % 3 == 0)
        put_schedule (domain, "second", crons[(i + 3) % G_N_ELEMENTS (crons)], NULL);
    }
  run_batch (world);
  g_assert_cmpuint (world->taken->len, <=, n_domains * 2); /* what fires at the very first minute */

  /* Every expression fires on a multiple of ten minutes: those minutes, and some between. */
  for (world->now_s = start_s + MINUTE; world->now_s < end_s; world->now_s += MINUTE)
    {
      bool is_down = false;
      for (unsigned int d = 0; d < G_N_ELEMENTS (down); d++)
        is_down = is_down || (world->now_s >= down[d][0] && world->now_s < down[d][1]);
      if (is_down || (world->now_s % 600 != 0 && g_test_rand_int_range (0, 100) > 2))
        continue;
      run_batch (world);
      n_runs++;
    }

  /* Nothing missed, nothing doubled: the times taken are the times that fire, the last of each downtime for all in it. */
  for (unsigned int i = 0; i < n_domains; i++)
    {
      const VthBatchDomain *domain = world->domains->pdata[i];
      for (unsigned int s = 0; s < vth_config_get_n_schedules (domain->config); s++)
        {
          const VthSchedule *schedule = vth_config_get_schedule (domain->config, s);
          const char *name = vth_schedule_get_name (schedule);
          g_autoptr (GArray) expected = g_array_new (FALSE, FALSE, sizeof (int64_t));
          int64_t t = start_s - 1;
          while (vth_cron_next (vth_schedule_get_cron (schedule), world->zone, t, &t, NULL) && t < end_s)
            {
              int64_t next;
              bool replaced = false;
              for (unsigned int d = 0; d < G_N_ELEMENTS (down); d++)
                if (t >= down[d][0] && t < down[d][1]
                    && vth_cron_next (vth_schedule_get_cron (schedule), world->zone, t, &next, NULL)
                    /* the first run after the downtime is at a multiple of ten minutes or a random one before */
                    && next < down[d][1])
                  replaced = true;
              if (!replaced)
                g_array_append_val (expected, t);
            }
          unsigned int n = 0;
          for (unsigned int k = 0; k < world->taken->len; k++)
            {
              const Taken *taken = world->taken->pdata[k];
              if (strcmp (taken->domain, domain->name) != 0 || strcmp (taken->schedule, name) != 0)
                continue;
              /* a time that fires while the first run after the downtime is still to come may stand for it */
              while (n < expected->len && g_array_index (expected, int64_t, n) < taken->due_s
                     && n + 1 < expected->len)
                {
                  int64_t skipped = g_array_index (expected, int64_t, n);
                  bool in_downtime = false;
                  for (unsigned int d = 0; d < G_N_ELEMENTS (down); d++)
                    in_downtime = in_downtime || (skipped >= down[d][0] && skipped < down[d][1] && taken->time_s - down[d][1] < 600);
                  if (!in_downtime)
                    g_error ("%s/%s: %" G_GINT64_FORMAT " was missed", domain->name, name, skipped);
                  n++;
                }
              g_assert_cmpuint (n, <, expected->len);
              g_assert_cmpint (taken->due_s, ==, g_array_index (expected, int64_t, n));
              n++;
            }
          g_assert_cmpuint (n, ==, expected->len);

          /* Retention exact: what is left is what the policy keeps of all dumps ever taken, applied after each. */
          g_autoptr (GArray) left = g_array_new (FALSE, TRUE, sizeof (VthRetentionItem));
          for (unsigned int k = 0; k < world->taken->len; k++)
            {
              const Taken *taken = world->taken->pdata[k];
              if (strcmp (taken->domain, domain->name) != 0 || strcmp (taken->schedule, name) != 0)
                continue;
              VthRetentionItem item = { .time_s = taken->time_s, .name = "" };
              g_array_append_val (left, item);
              vth_retention_apply (vth_schedule_get_retention (schedule), world->zone,
                                   (VthRetentionItem *) (void *) left->data, left->len);
              for (unsigned int m = left->len; m-- > 0;)
                {
                  VthRetentionItem *r = &g_array_index (left, VthRetentionItem, m);
                  bool keep = r->keep;
                  g_free (r->reason);
                  if (!keep)
                    g_array_remove_index (left, m);
                }
            }
          unsigned int found = 0;
          for (unsigned int k = 0; k < world->dumps->len; k++)
            {
              const VthDump *dump = world->dumps->pdata[k];
              if (strcmp (dump->domain, domain->name) != 0 || strcmp (dump->schedule, name) != 0)
                continue;
              bool known = false;
              for (unsigned int m = 0; m < left->len; m++)
                known = known || g_array_index (left, VthRetentionItem, m).time_s == dump->time_s;
              g_assert_true (known);
              found++;
            }
          g_assert_cmpuint (found, ==, left->len);
        }
    }
  g_assert_cmpuint (world->most_busy, <=, 4);
  g_test_message ("%u days, %u domains, %u runs, %u dumps", n_days, n_domains, n_runs, world->taken->len);
  world_free (world);
}

/* --- single rules --- */

static void
test_first_seen (void)
{
  World *world = world_new ();
  VthBatchDomain *a = add_domain (world, "a");
  put_schedule (a, "s", "30 * * * *", NULL);
  run_batch (world);
  assert_log (world, ""); /* never for the past */
  world->now_s += 30 * MINUTE;
  run_batch (world);
  assert_log (world, "started a s, done a s");
  run_batch (world);
  assert_log (world, ""); /* once */

  /* disabled for a day, then enabled: due from then on */
  g_autoptr (VthSchedule) off = vth_schedule_copy (vth_config_find_schedule (a->config, "s"));
  vth_schedule_set_enabled (off, false);
  vth_config_put_schedule (a->config, off);
  run_batch (world);
  world->now_s += DAY + MINUTE;
  run_batch (world);
  vth_schedule_set_enabled (off, true);
  vth_config_put_schedule (a->config, off);
  run_batch (world);
  assert_log (world, "");

  /* another expression likewise */
  put_schedule (a, "s", "0 * * * *", NULL);
  run_batch (world);
  assert_log (world, "");
  world->now_s += 29 * MINUTE;
  run_batch (world);
  assert_log (world, "started a s, done a s");
  world_free (world);
}

static void
put_since (World *world, VthBatchDomain *domain, const char *name, int64_t since_s)
{
  g_autoptr (VthSchedule) schedule = vth_schedule_copy (vth_config_find_schedule (domain->config, name));
  vth_schedule_set_since (schedule, since_s);
  vth_config_put_schedule (domain->config, schedule);
  run_batch (world);
}

/* No run sees the schedule gone, or disabled: only its since tells. */
static void
test_added_again (void)
{
  World *world = world_new ();
  VthBatchDomain *a = add_domain (world, "a");
  put_schedule (a, "s", "30 * * * *", NULL);
  run_batch (world);
  world->now_s += 3 * DAY;
  put_since (world, a, "s", world->now_s - 60);
  assert_log (world, ""); /* nothing of its predecessor's */
  world->now_s += 30 * MINUTE;
  run_batch (world);
  assert_log (world, "started a s, done a s");

  /* seen before, so what came since then is due: that is catching up */
  world->now_s += 3 * DAY;
  put_since (world, a, "s", world->now_s - 2 * DAY);
  assert_log (world, "started a s, done a s");
  /* a clock that was wrong when it was added does not silence it */
  world->now_s += 3600;
  put_since (world, a, "s", world->now_s + 1000 * DAY);
  assert_log (world, "started a s, done a s");
  world_free (world);

  g_autoptr (GError) error = NULL;
  int64_t now_s = g_get_real_time () / G_USEC_PER_SEC;
  g_autoptr (VthSchedule) schedule = vth_schedule_new ("s", "@daily", &error);
  g_assert_cmpint (vth_schedule_get_since (schedule), >=, now_s);
  vth_schedule_set_since (schedule, 5);
  vth_schedule_set_enabled (schedule, true); /* it is */
  g_assert_true (vth_schedule_set_cron (schedule, "@daily", &error));
  vth_schedule_set_enabled (schedule, false);
  g_assert_cmpint (vth_schedule_get_since (schedule), ==, 5);
  vth_schedule_set_enabled (schedule, true);
  g_assert_cmpint (vth_schedule_get_since (schedule), >=, now_s);
  vth_schedule_set_since (schedule, 5);
  g_assert_true (vth_schedule_set_cron (schedule, "@hourly", &error));
  g_assert_cmpint (vth_schedule_get_since (schedule), >=, now_s);
}

/* A domain that went away since it was listed has no dumps to miss. */
static virConnectPtr gone_conn;

static GPtrArray *
gone_domains (void *data, GError **error)
{
  GPtrArray *domains = world_domains (data, error);
  VthBatchDomain *domain = domains->pdata[0];
  domain->handle = virDomainCreateXML (gone_conn, "<domain type='test'><name>gone</name><memory>2048</memory><os><type>hvm</type></os>"
                                                  "</domain>", 0);
  g_assert_nonnull (domain->handle);
  g_assert_cmpint (virDomainDestroy (domain->handle), ==, 0);
  return domains;
}

static void
quiet (void *data, virErrorPtr error)
{
}

static void
test_gone (void)
{
  World *world = world_new ();
  VthBatchOps ops = world_ops;
  g_autoptr (GError) error = NULL;
  VthBatchSummary summary;
  virSetErrorFunc (NULL, quiet);
  gone_conn = virConnectOpen ("test:///default");
  put_schedule (add_domain (world, "a"), "s", "* * * * *", NULL);
  run_batch (world);
  g_ptr_array_set_size (world->log, 0);
  world->now_s += 2 * MINUTE;
  ops.domains = gone_domains;
  g_autoptr (VthBatch) batch = vth_batch_new (gone_conn, world->host, &ops, world);
  g_assert_true (vth_batch_run (batch, on_event, world, NULL, &summary, &error));
  g_assert_no_error (error);
  assert_log (world, "");
  g_assert_cmpuint (summary.due, ==, 0);
  run_batch (world);
  assert_log (world, "started a s, done a s"); /* back again: it is due */
  world_free (world);
  virConnectClose (gone_conn);
}

/* What was done at times that are yet to come again holds up nothing: from a clock that was set back dumps are due as ever. */
static void
test_clock_set_back (void)
{
  World *world = world_new ();
  VthBatchDomain *a = add_domain (world, "a");
  put_schedule (a, "s", "* * * * *", NULL);
  world->now_s += 1; /* as cron starts it */
  run_batch (world);
  world->now_s += MINUTE;
  run_batch (world);
  assert_log (world, "started a s, done a s");

  world->now_s -= 20 * 3600;
  for (unsigned int i = 0; i < 3; i++, world->now_s += MINUTE)
    {
      run_batch (world);
      assert_log (world, i == 0 ? "warning a -, started a s, done a s" : "started a s, done a s"); /* told once */
    }
  run_batch (world);
  world->now_s -= 10; /* as time servers do it */
  run_batch (world);
  world->now_s -= 200;
  run_batch (world);
  assert_log (world, "started a s, done a s"); /* not twice */
  world_free (world);

  /* one a day: not again for a little, and not left out for more */
  world = world_new ();
  put_schedule (add_domain (world, "a"), "s", "30 2 * * *", NULL);
  put_schedule (add_domain (world, "b"), "t", "0 12 * * *", NULL);
  world->now_s += 2 * 3600 + 1; /* of Berlin, which is an hour ahead: 03:00:01 */
  run_batch (world);
  world->now_s += 23 * 3600 + 30 * MINUTE; /* 02:30:01 */
  run_batch (world);
  assert_log (world, "started a s, done a s, started b t, done b t");
  world->now_s -= 4 * MINUTE;
  for (unsigned int i = 0; i < 10; i++, world->now_s += MINUTE)
    run_batch (world);
  assert_log (world, "");
  world->now_s -= 30 * 86400 + 10 * MINUTE; /* 02:26:01 */
  for (unsigned int i = 0; i < 3; i++, world->now_s += MINUTE)
    run_batch (world);
  assert_log (world, "warning a -, warning b -");
  world->now_s += MINUTE;
  run_batch (world);
  world->now_s += DAY;
  run_batch (world);
  assert_log (world, "started a s, done a s, started a s, done a s, started b t, done b t");
  world_free (world);
}

static void
test_catch_up (void)
{
  World *world = world_new ();
  put_schedule (add_domain (world, "a"), "s", "* * * * *", NULL);
  run_batch (world);
  g_ptr_array_set_size (world->taken, 0);
  world->now_s += 700 * DAY + 30;
  int64_t start_us = g_get_monotonic_time ();
  run_batch (world);
  g_assert_cmpint (g_get_monotonic_time () - start_us, <, 5 * G_USEC_PER_SEC);
  g_assert_cmpuint (world->taken->len, ==, 1);
  g_assert_cmpint (((Taken *) world->taken->pdata[0])->due_s, ==, world->now_s - 30);
  /* a clock that goes back a year does not silence it for a year */
  world->now_s -= 365 * DAY;
  run_batch (world);
  g_assert_cmpuint (world->taken->len, ==, 2); /* the minute that is now */
  world->now_s += MINUTE;
  run_batch (world);
  g_assert_cmpuint (world->taken->len, ==, 3);
  world_free (world);
}

static void
test_skipped (void)
{
  World *world = world_new ();
  VthBatchDomain *a = add_domain (world, "a");
  put_schedule (a, "s", "0 * * * *", NULL);
  run_batch (world);
  g_autofree char *first = take_log (world);
  a->active = false;
  world->now_s += 3600;
  run_batch (world);
  assert_log (world, "skipped a s");
  world->now_s += MINUTE;
  run_batch (world);
  assert_log (world, ""); /* said once */
  a->active = true;
  run_batch (world);
  assert_log (world, "started a s, done a s"); /* and still due */

  world->free_bytes = 1 << 20;
  world->now_s += 3600;
  VthBatchSummary summary = run_batch (world);
  g_assert_cmpuint (summary.skipped, ==, 1);
  assert_log (world, "skipped a s");
  world->free_bytes = UINT64_C (1) << 40;
  run_batch (world);
  assert_log (world, "started a s, done a s");
  world_free (world);
}

static void
test_failed (void)
{
  World *world = world_new ();
  VthBatchDomain *a = add_domain (world, "a");
  VthBatchDomain *broken = add_domain (world, "broken");
  g_clear_pointer (&broken->config, vth_config_free);
  g_set_error_literal (&broken->error, VTH_ERROR, VTH_ERROR_CONFIG, "domain 'broken': not valid");
  put_schedule (a, "s", "30 * * * *", NULL);
  run_batch (world);
  g_ptr_array_set_size (world->log, 0);
  world->fail = true;
  world->now_s += 30 * MINUTE;
  VthBatchSummary summary = run_batch (world);
  g_assert_cmpuint (summary.failed, ==, 1);
  g_assert_cmpuint (summary.broken, ==, 1);
  assert_log (world, "broken broken -, started a s, failed a s");
  world->fail = false;
  run_batch (world);
  assert_log (world, "broken broken -"); /* not every minute */
  world->now_s += 3600;
  run_batch (world);
  assert_log (world, "broken broken -, started a s, done a s");
  /* a broken state file is not taken for an empty one without a word, nor in the way for ever */
  g_autofree char *name = g_strconcat (a->uuid, ".json", NULL);
  g_autofree char *path = g_build_filename (world->state_dir, name, NULL);
  g_assert_true (g_file_set_contents (path, "{", -1, NULL));
  world->now_s += MINUTE;
  summary = run_batch (world);
  g_assert_cmpuint (summary.failed, ==, 0);
  assert_log (world, "broken broken -, warning a -");
  g_autofree char *aside = g_strconcat (path, ".broken", NULL), *kept = NULL;
  g_assert_true (g_file_get_contents (aside, &kept, NULL, NULL));
  g_assert_cmpstr (kept, ==, "{");
  world->now_s += 3600 - MINUTE;
  run_batch (world);
  assert_log (world, "broken broken -, started a s, done a s");
  world_free (world);
}

static int64_t
due_of_last (const World *world)
{
  return ((const Taken *) world->taken->pdata[world->taken->len - 1])->due_s;
}

/* Another job came before the dump: it is taken when that has ended, or its schedule comes again. */
static void
test_busy (void)
{
  World *world = world_new ();
  g_autofree char *dir = make_dir ();
  g_autofree char *out = g_build_filename (dir, "out", NULL);
  g_autofree char *env = g_strdup_printf ("#!/bin/sh\necho $VTHUNDER_EVENT $VTHUNDER_STAYS_DUE >>%s\n", out);
  write_hook (dir, "pre", "log", env);
  write_hook (dir, "post", "log", env);
  write_hook (dir, "fail", "log", env);
  vth_host_set_hooks_dir (world->host, dir);
  put_schedule (add_domain (world, "a"), "s", "0 * * * *", NULL);
  run_batch (world);
  g_autofree char *first = take_log (world);
  const int64_t due_s = world->now_s += 3600;
  world->fail = true;
  world->fail_code = VTH_ERROR_LOCKED;
  VthBatchSummary summary = run_batch (world);
  assert_log (world, "started a s, skipped a s");
  g_assert_cmpuint (summary.due, ==, 1);
  g_assert_cmpuint (summary.skipped, ==, 1);
  g_assert_cmpuint (summary.failed, ==, 0);
  world->now_s += MINUTE;
  world->fail = false;
  run_batch (world);
  assert_log (world, "started a s, done a s");
  g_assert_cmpint (due_of_last (world), ==, due_s);
  g_autofree char *hooked = NULL;
  g_assert_true (g_file_get_contents (out, &hooked, NULL, NULL));
  /* the first was due at once */
  g_assert_true (g_str_has_suffix (hooked, "pre\nfail yes\npre\npost\n"));

  /* for as long as that takes: then one makes up for both */
  world->now_s += 3600 - MINUTE;
  world->fail = true;
  run_batch (world);
  world->now_s += 3600;
  run_batch (world);
  world->fail = false;
  run_batch (world);
  assert_log (world, "started a s, skipped a s, started a s, skipped a s, started a s, done a s");
  g_assert_cmpint (due_of_last (world), ==, world->now_s);
  run_batch (world);
  assert_log (world, "");
  remove_tree (dir);
  world_free (world);
}

/* A run that is told to end takes its dumps with it, and leaves them to the next as one that is killed does. */
static void
test_cancelled (void)
{
  World *world = world_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  put_schedule (add_domain (world, "a"), "s", "0 * * * *", NULL);
  put_schedule (add_domain (world, "b"), "s", "0 * * * *", NULL);
  run_batch (world);
  g_autofree char *first = take_log (world);
  const int64_t due_s = world->now_s += 3600;
  world->cancellable = cancellable;
  world->fail = world->interrupted = true;
  world->fail_code = VTH_ERROR_CANCELLED;
  VthBatchSummary summary = run_batch (world);
  assert_log (world, "started a s, skipped a s"); /* b was not begun */
  g_assert_cmpuint (summary.failed, ==, 0);
  world->cancellable = NULL;
  world->fail = false;
  world->now_s += MINUTE;
  run_batch (world);
  assert_log (world, "started a s, done a s, started b s, done b s");
  g_assert_cmpint (due_of_last (world), ==, due_s);

  /* one that somebody aborted, and not the run, has had its turn */
  world->now_s += 3600 - MINUTE;
  world->fail = true;
  world->interrupted = false;
  run_batch (world);
  assert_log (world, "started a s, failed a s, started b s, failed b s");
  world->fail = false;
  run_batch (world);
  assert_log (world, "");
  world_free (world);
}

static void
test_locked (void)
{
  World *world = world_new ();
  VthBatchDomain *a = add_domain (world, "a");
  put_schedule (a, "s", "0 * * * *", NULL);
  run_batch (world);
  g_autofree char *first = take_log (world);
  world->now_s += 3600;
  g_autofree char *name = g_strconcat (a->uuid, ".lock", NULL);
  const char *const names[] = { name, "slot-0.lock" };
  for (unsigned int i = 0; i < G_N_ELEMENTS (names); i++)
    {
      /* the domain by another dump, then the only slot by another run: left alone, and due still */
      g_autofree char *path = g_build_filename (world->state_dir, names[i], NULL);
      int fd = open (path, O_RDWR | O_CREAT, 0600);
      g_assert_cmpint (flock (fd, LOCK_EX), ==, 0);
      run_batch (world);
      assert_log (world, "");
      close (fd);
    }
  run_batch (world);
  assert_log (world, "started a s, done a s");
  world_free (world);
}

static void
test_jitter (void)
{
  if (in_valgrind ())
    {
      g_test_skip ("too slow in valgrind");
      return;
    }
  World *world = world_new ();
  for (unsigned int i = 0; i < 20; i++)
    {
      g_autofree char *name = g_strdup_printf ("vm%02u", i);
      put_schedule (add_domain (world, name), "s", "0 0 * * *", NULL);
    }
  vth_host_set_jitter_s (world->host, 1800);
  vth_host_set_max_parallel (world->host, 8);
  world->now_s -= 3600;
  run_batch (world);
  for (unsigned int i = 0; i < 2 * 1440 + 120; i++, world->now_s += MINUTE)
    run_batch (world);
  g_assert_cmpuint (world->taken->len, ==, 20 * 3);
  int64_t delays[20];
  unsigned int n_late = 0;
  for (unsigned int i = 0; i < world->taken->len; i++)
    {
      const Taken *taken = world->taken->pdata[i];
      int vm = atoi (taken->domain + 2);
      int64_t delay = taken->time_s - taken->due_s;
      g_assert_cmpint (delay, >=, 0);
      g_assert_cmpint (delay, <=, 1800 + MINUTE);
      if (i < 20)
        delays[vm] = delay;
      else
        g_assert_cmpint (delay, ==, delays[vm]); /* the same every day */
      n_late += delay > MINUTE;
    }
  g_assert_cmpuint (n_late, >, 20); /* and not all at once */
  world_free (world);
}

/* Retention is decided for each schedule by itself, so each has its dump though they are due at once. */
static void
test_same_time (void)
{
  World *world = world_new ();
  VthBatchDomain *domain = add_domain (world, "a");
  put_schedule (domain, "s", "0 * * * *", NULL);
  put_schedule (domain, "t", "0 * * * *", NULL);
  VthBatchSummary summary = run_batch (world);
  g_assert_cmpuint (summary.done, ==, 2);
  g_assert_cmpuint (world->most_busy, ==, 1);
  assert_log (world, "started a s, done a s, started a t, done a t");
  world_free (world);
}

/* What retention keeps no longer must not be what the next dump fails for. */
static void
test_prune_first (void)
{
  World *world = world_new ();
  const VthRetention one = { .keep_last = 1 };
  VthBatchDomain *domain = add_domain (world, "a");
  vth_host_set_min_free_bytes (world->host, 100);
  world->free_bytes = 130;
  world->dump_bytes = 10;
  put_schedule (domain, "s", "0 * * * *", NULL);
  put_schedule (domain, "t", "30 23 * * *", NULL);
  run_batch (world);
  for (unsigned int i = 0; i < 3; i++)
    {
      world->now_s += 3600;
      g_assert_cmpuint (run_batch (world).done, ==, 1);
    }
  world->dump_bytes = 11;
  g_free (take_log (world));
  /* all are to be kept: nothing helps, and that is said once */
  world->now_s += 3600;
  run_batch (world);
  world->now_s += MINUTE;
  run_batch (world);
  assert_log (world, "skipped a s");
  /* less is to be kept: the dump that was due is taken */
  put_schedule (domain, "s", "0 * * * *", &one);
  world->now_s += MINUTE;
  VthBatchSummary summary = run_batch (world);
  g_assert_cmpuint (summary.done, ==, 1);
  g_assert_cmpuint (summary.skipped, ==, 0);
  assert_log (world, "pruned a s, pruned a s, pruned a s, started a s, done a s, pruned a s");

  /* and so after a dump that failed, for whatever reason; others' schedules are not touched by that */
  put_schedule (domain, "s", "0 * * * *", NULL);
  world->now_s += 3600;
  run_batch (world);
  g_free (take_log (world));
  put_schedule (domain, "s", "0 * * * *", &one);
  world->fail = true;
  world->now_s += 3600;
  run_batch (world);
  assert_log (world, "started a s, failed a s, pruned a s");
  world_free (world);
}

static void
test_hooks (void)
{
  World *world = world_new ();
  g_autofree char *dir = make_dir ();
  g_autofree char *out = g_build_filename (dir, "out", NULL);
  g_autofree char *pid_file = g_build_filename (dir, "pid", NULL);
  g_autofree char *env = g_strdup_printf ("#!/bin/sh\necho $VTHUNDER_EVENT $VTHUNDER_DOMAIN $VTHUNDER_SCHEDULE $VTHUNDER_PATH"
                                          " $VTHUNDER_ERROR >>%s\n", out);
  g_autofree char *hang = g_strdup_printf ("#!/bin/sh\ntrap '' TERM\nsleep 600 & echo $! >%s\nwait\nsleep 600\n", pid_file);
  write_hook (dir, "pre", "10-log", env);
  write_hook (dir, "pre", "ignored.bak", "#!/bin/sh\nexit 1\n");
  write_hook (dir, "post", "10-log", env);
  write_hook (dir, "post", "20-fails", "#!/bin/sh\nexit 3\n");
  write_hook (dir, "post", "30-hangs", hang);
  write_hook (dir, "post", "40-log", env);
  write_hook (dir, "fail", "10-log", env);
  vth_host_set_hooks_dir (world->host, dir);
  vth_host_set_hook_timeout_s (world->host, 1);
  put_schedule (add_domain (world, "a"), "s", "30 * * * *", NULL);
  run_batch (world);
  world->now_s += 30 * MINUTE;
  VthBatchSummary summary = run_batch (world);
  g_assert_cmpuint (summary.done, ==, 1);
  g_assert_cmpuint (summary.hooks_failed, ==, 2);
  assert_log (world, "started a s, hook-failed a s, hook-failed a s, done a s");
  g_autofree char *pid = NULL;
  g_assert_true (g_file_get_contents (pid_file, &pid, NULL, NULL));
  for (unsigned int i = 0; i < 100 && kill (atoi (pid), 0) == 0; i++)
    {
      g_autofree char *stat_path = g_strdup_printf ("/proc/%d/stat", atoi (pid));
      g_autofree char *stat_text = NULL;
      /* killed with its group; nobody may have reaped it */
      if (!g_file_get_contents (stat_path, &stat_text, NULL, NULL) || strstr (stat_text, ") Z") != NULL)
        break;
      g_usleep (20000);
      g_assert_cmpuint (i, <, 99);
    }
  world->fail = true;
  world->now_s += 3600;
  run_batch (world);
  g_autofree char *text = NULL;
  g_assert_true (g_file_get_contents (out, &text, NULL, NULL));
  g_autofree char *expected = g_strdup_printf ("pre a s\npost a s /fake/a-s-%d\npost a s /fake/a-s-%d\npre a s\nfail a s the fake failed\n",
                                               1772323200 + 1800, 1772323200 + 1800);
  g_assert_cmpstr (text, ==, expected);
  remove_tree (dir);
  world_free (world);
}

/* One that somebody else may write to is not run. */
static void
test_hook_unsafe (void)
{
  g_autoptr (VthHost) host = vth_host_load ("/nonexistent/vthunder.conf", NULL);
  g_autofree char *dir = make_dir ();
  g_autofree char *hook = g_build_filename (dir, "pre.d", "x", NULL);
  g_autoptr (VthDump) dump = make_dump ("a", "s", 1);
  g_autoptr (GError) error = NULL;

  write_hook (dir, "pre", "x", "#!/bin/sh\n");
  g_assert_true (vth_hook_run (hook, host, "pre", dump, &error));
  g_assert_no_error (error);
  g_assert_cmpint (chmod (hook, 0757), ==, 0);
  g_assert_false (vth_hook_run (hook, host, "pre", dump, &error));
  g_assert_error (error, VTH_ERROR, VTH_ERROR_UNSAFE);
  g_clear_error (&error);
  if (geteuid () == 0)
    {
      g_assert_cmpint (chown (hook, 0, 12345) | chmod (hook, 0775), ==, 0);
      g_assert_false (vth_hook_run (hook, host, "pre", dump, &error));
      g_assert_error (error, VTH_ERROR, VTH_ERROR_UNSAFE);
    }
  remove_tree (dir);
}

static void
test_metrics (void)
{
  World *world = world_new ();
  g_autofree char *dir = make_dir ();
  g_autofree char *path = g_build_filename (dir, "vthunder.prom", NULL);
  vth_host_set_metrics_path (world->host, path);
  put_schedule (add_domain (world, "a\"b"), "s", "30 * * * *", NULL);
  run_batch (world);
  world->now_s += 30 * MINUTE;
  run_batch (world);
  g_autofree char *text = NULL;
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_nonnull (strstr (text, "vthunder_last_dump_timestamp_seconds{domain=\"a\\\"b\",uuid=\""));
  g_assert_nonnull (strstr (text, "} 1772325000\n"));
  g_assert_nonnull (strstr (text, "vthunder_batch_events{kind=\"done\"} 1\n"));
  remove_tree (dir);
  world_free (world);
}

/* What was done is told all the same. */
static void
test_metrics_failed (void)
{
  World *world = world_new ();
  vth_host_set_metrics_path (world->host, "/nonexistent/vthunder.prom");
  put_schedule (add_domain (world, "a"), "s", "30 * * * *", NULL);
  run_batch (world);
  assert_log (world, "metrics-failed host -");
  world->now_s += 30 * MINUTE;
  VthBatchSummary summary = run_batch (world);
  assert_log (world, "started a s, done a s, metrics-failed host -");
  g_assert_cmpuint (summary.done, ==, 1);
  g_assert_cmpuint (summary.failed, ==, 0);
  g_assert_cmpuint (summary.metrics_failed, ==, 1);
  world_free (world);
}

/* Runs overlap: each writes all of its metrics, and whoever reads them finds those of one run. */
static void
test_metrics_together (void)
{
  enum { WRITERS = 6 };
  World *world = world_new ();
  g_autofree char *dir = make_dir ();
  g_autofree char *path = g_build_filename (dir, "vthunder.prom", NULL);
  const unsigned int n_rounds = in_valgrind () ? 3 : 60;
  pid_t pids[WRITERS];
  unsigned int left = WRITERS;
  int status;
  struct stat st;

  vth_host_set_metrics_path (world->host, path);
  for (unsigned int i = 0; i < 40; i++)
    {
      g_autofree char *name = g_strdup_printf ("vm%u", i);
      put_schedule (add_domain (world, name), "s", "@daily", NULL);
    }
  run_batch (world);
  for (unsigned int i = 0; i < WRITERS; i++)
    if ((pids[i] = fork ()) == 0)
      {
        unsigned int failed = 0;
        for (unsigned int n = 0; n < n_rounds; n++)
          failed += run_batch (world).metrics_failed;
        _exit (failed == 0 ? 0 : 1);
      }
  while (left > 0)
    {
      g_autofree char *text = NULL;
      gsize length = 0;
      g_assert_true (g_file_get_contents (path, &text, &length, NULL));
      g_assert_true (g_str_has_prefix (text, "# HELP vthunder_last_dump_timestamp_seconds"));
      g_assert_true (g_str_has_suffix (text, "vthunder_batch_events{kind=\"prune_failed\"} 0\n"));
      if (waitpid (-1, &status, WNOHANG) > 0)
        {
          g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
          left--;
        }
    }
  g_assert_cmpint (stat (path, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 07777, ==, 0644); /* whatever the umask */
  g_autoptr (GDir) entries = g_dir_open (dir, 0, NULL);
  g_assert_cmpstr (g_dir_read_name (entries), ==, "vthunder.prom");
  g_assert_null (g_dir_read_name (entries));
  remove_tree (dir);
  world_free (world);
}

/* What is in the place of the temporary file is nobody's way to a file of theirs. */
static void
test_metrics_planted (void)
{
  World *world = world_new ();
  g_autofree char *dir = make_dir ();
  g_autofree char *path = g_build_filename (dir, "vthunder.prom", NULL);
  g_autofree char *temporary = g_strconcat (path, ".tmp", NULL);
  g_autofree char *victim = g_build_filename (dir, "victim", NULL);
  g_autofree char *text = NULL;
  vth_host_set_metrics_path (world->host, path);
  for (unsigned int i = 0; i < 4; i++)
    {
      g_assert_true (g_file_set_contents (victim, "precious", -1, NULL));
      g_assert_cmpint (i == 0   ? symlink (victim, temporary)
                       : i == 1 ? link (victim, temporary)
                       : i == 2 ? mkfifo (temporary, 0600)
                                : symlink (temporary, temporary),
                       ==, 0);
      VthBatchSummary summary = run_batch (world);
      g_assert_cmpuint (summary.metrics_failed, ==, 0);
      g_assert_false (g_file_test (temporary, G_FILE_TEST_EXISTS | G_FILE_TEST_IS_SYMLINK));
      g_free (text);
      g_assert_true (g_file_get_contents (victim, &text, NULL, NULL));
      g_assert_cmpstr (text, ==, "precious");
      g_assert_true (g_file_test (path, G_FILE_TEST_IS_REGULAR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK));
    }
  remove_tree (dir);
  world_free (world);
}

static void
test_dry_run (void)
{
  World *world = world_new ();
  put_schedule (add_domain (world, "a"), "s", "30 * * * *", NULL);
  run_batch (world);
  world->now_s += 30 * MINUTE;
  g_autoptr (VthBatch) batch = vth_batch_new (NULL, world->host, &world_ops, world);
  vth_batch_set_dry_run (batch, true);
  VthBatchSummary summary;
  g_assert_true (vth_batch_run (batch, on_event, world, NULL, &summary, NULL));
  g_assert_cmpuint (summary.due, ==, 1);
  g_assert_cmpuint (world->dumps->len, ==, 0);
  assert_log (world, "started a s");
  run_batch (world);
  g_assert_cmpuint (world->dumps->len, ==, 1);
  world_free (world);
}

/* --- killed --- */

typedef struct {
  World *world;
  char *dir; /* where fake dumps are real files */
} Killed;

static int64_t
killed_now (void *data)
{
  return world_now (((Killed *) data)->world);
}

static GPtrArray *
killed_domains (void *data, GError **error)
{
  return world_domains (((Killed *) data)->world, error);
}

static VthDump *
file_dump (const VthBatchDomain *domain, const char *schedule, const char *path)
{
  VthDump *dump = make_dump (domain->name, schedule, 1);
  g_free (dump->name);
  dump->name = g_path_get_basename (path);
  g_free (dump->path);
  dump->path = g_strdup (path);
  return dump;
}

/* As libvirt does it: hidden, then whole under its name; a name that is there already is a double. */
static VthDump *
killed_take (const VthBatchDomain *domain, const VthDumpRequest *request, void *data, GCancellable *cancellable, GError **error)
{
  Killed *killed = data;
  g_autofree char *path = g_build_filename (killed->dir, request->name, NULL);
  g_autofree char *hidden = g_strdup_printf ("%s/.%s.part", killed->dir, request->name);
  g_autofree char *twice = g_strdup_printf ("%s/TWICE-%s", killed->dir, request->name);
  int fd = open (hidden, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  g_assert_cmpint (write (fd, "dump", 4), ==, 4);
  close (fd);
  g_usleep (g_random_int_range (0, 2000));
  if (link (hidden, path) < 0)
    g_assert_true (g_file_set_contents (twice, "", -1, NULL));
  g_unlink (hidden);
  g_usleep (g_random_int_range (0, 500));
  return file_dump (domain, request->schedule, path);
}

static VthDump *
killed_find (const VthBatchDomain *domain, const char *schedule, const char *name, void *data, GError **error)
{
  Killed *killed = data;
  g_autofree char *path = g_build_filename (killed->dir, name, NULL);
  g_autofree char *hidden = g_strdup_printf ("%s/.%s.part", killed->dir, name);
  g_unlink (hidden);
  return g_file_test (path, G_FILE_TEST_EXISTS) ? file_dump (domain, schedule, path) : NULL;
}

static GPtrArray *
killed_plan (const VthBatchDomain *domain, const char *schedule, void *data, GError **error)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) vth_prune_item_free);
}

static unsigned int
killed_execute (const VthBatchDomain *domain, GPtrArray *plan, void *data)
{
  return 0;
}

/* Returns how long it took. */
static int64_t
run_in_child (Killed *killed, int64_t kill_after_us)
{
  const int64_t start_us = g_get_monotonic_time ();
  static const VthBatchOps ops = { .now = killed_now, .domains = killed_domains, .take = killed_take, .find = killed_find,
                                   .prune_plan = killed_plan, .prune_execute = killed_execute, .get_space = NULL };
  pid_t pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      g_autoptr (VthBatch) batch = vth_batch_new (NULL, killed->world->host, &ops, killed);
      vth_batch_set_zone (batch, killed->world->zone);
      bool ok = vth_batch_run (batch, NULL, NULL, NULL, NULL, NULL);
      _exit (ok ? 0 : 1);
    }
  int status;
  if (kill_after_us >= 0)
    {
      g_usleep ((gulong) kill_after_us);
      kill (pid, SIGKILL);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  if (kill_after_us < 0)
    g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  return g_get_monotonic_time () - start_us;
}

static void
test_killed (void)
{
  World *world = world_new ();
  g_autofree char *dir = make_dir ();
  Killed killed = { world, dir };
  const unsigned int n_domains = 6, n_rounds = in_valgrind () ? 10 : 200;
  unsigned int interrupted = 0;

  vth_host_set_max_parallel (world->host, 2);
  vth_host_set_min_free_bytes (world->host, 0);
  for (unsigned int i = 0; i < n_domains; i++)
    {
      g_autofree char *name = g_strdup_printf ("vm%u", i);
      put_schedule (add_domain (world, name), "s", "* * * * *", NULL);
    }
  /* Killed at any point of it, however fast the machine is just now. */
  int32_t span_us = (int32_t) MIN (run_in_child (&killed, -1), G_USEC_PER_SEC);
  for (unsigned int round = 1; round <= n_rounds; round++)
    {
      world->now_s += MINUTE;
      run_in_child (&killed, g_test_rand_int_range (0, span_us + 1));
      if (round % 3 == 0)
        run_in_child (&killed, g_test_rand_int_range (0, span_us / 2 + 1));
      g_autoptr (GDir) before = g_dir_open (dir, 0, NULL);
      const char *name;
      while ((name = g_dir_read_name (before)) != NULL)
        interrupted += name[0] == '.';
      span_us = (int32_t) MIN ((span_us + run_in_child (&killed, -1)) / 2, G_USEC_PER_SEC);

      /* one dump of each domain for this minute, nothing half done */
      g_autoptr (GDir) entries = g_dir_open (dir, 0, NULL);
      unsigned int n = 0;
      while ((name = g_dir_read_name (entries)) != NULL)
        {
          if (name[0] == '.' || g_str_has_prefix (name, "TWICE"))
            g_error ("round %u left '%s'", round, name);
          n++;
        }
      g_assert_cmpuint (n, ==, n_domains * (round + 1));
      g_autoptr (GDir) states = g_dir_open (world->state_dir, 0, NULL);
      while ((name = g_dir_read_name (states)) != NULL)
        {
          g_autofree char *path = g_build_filename (world->state_dir, name, NULL);
          if (g_str_has_suffix (name, ".tmp"))
            g_error ("round %u left '%s'", round, name);
          if (!g_str_has_suffix (name, ".lock"))
            continue;
          int fd = open (path, O_RDWR);
          g_assert_cmpint (flock (fd, LOCK_EX | LOCK_NB), ==, 0);
          close (fd);
        }
    }
  g_test_message ("%u rounds, %u dumps were cut short", n_rounds, interrupted);
  if (n_rounds >= 200)
    g_assert_cmpuint (interrupted, >, 0);
  remove_tree (dir);
  world_free (world);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* first: it forks, and the others leave threads behind */
  g_test_add_func ("/batch/killed", test_killed);
  g_test_add_func ("/batch/first-seen", test_first_seen);
  g_test_add_func ("/batch/added-again", test_added_again);
  g_test_add_func ("/batch/gone", test_gone);
  g_test_add_func ("/batch/clock-set-back", test_clock_set_back);
  g_test_add_func ("/batch/catch-up", test_catch_up);
  g_test_add_func ("/batch/skipped", test_skipped);
  g_test_add_func ("/batch/failed", test_failed);
  g_test_add_func ("/batch/busy", test_busy);
  g_test_add_func ("/batch/cancelled", test_cancelled);
  g_test_add_func ("/batch/locked", test_locked);
  g_test_add_func ("/batch/full-every", test_full_every);
  g_test_add_func ("/batch/jitter", test_jitter);
  g_test_add_func ("/batch/same-time", test_same_time);
  g_test_add_func ("/batch/prune-first", test_prune_first);
  g_test_add_func ("/batch/hooks", test_hooks);
  g_test_add_func ("/batch/hook-unsafe", test_hook_unsafe);
  g_test_add_func ("/batch/metrics", test_metrics);
  g_test_add_func ("/batch/metrics-failed", test_metrics_failed);
  g_test_add_func ("/batch/metrics-together", test_metrics_together);
  g_test_add_func ("/batch/metrics-planted", test_metrics_planted);
  g_test_add_func ("/batch/dry-run", test_dry_run);
  g_test_add_func ("/batch/months", test_months);
  return g_test_run ();
}
