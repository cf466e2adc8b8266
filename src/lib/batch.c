/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A batch run: take what is due, then prune.
 *
 * What makes it safe to kill at any point is the order in which a dump is
 * recorded, under the domain's lock:
 *
 *   1. state: "running: schedule, due time, file name", and the time counts as seen
 *   2. the dump, which libvirt puts under that name only when it is whole
 *   3. state: the result, no longer running
 *
 * A run that finds "running" without a holder of the lock looks for the file.
 * If it is there the dump is accounted for; if not, its time is due again.
 */
#include <config.h>

#include <glib/gstdio.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <unistd.h>

#include "dump-call.h"

struct _VthBatch {
  virConnectPtr conn;
  const VthHost *host;
  VthBatchOps ops;
  void *ops_data;
  GTimeZone *zone;
  bool dry_run;
  char *host_id;
  VthDomainFiles *used; /* NULL without a connection */
};

/* --- domains --- */

VthBatchDomain *
vth_batch_domain_new (const char *name, const char *uuid, bool active, const VthConfig *config)
{
  VthBatchDomain *domain = g_new0 (VthBatchDomain, 1);
  domain->name = g_strdup (name);
  domain->uuid = g_strdup (uuid);
  domain->active = active;
  domain->config = config != NULL ? vth_config_copy (config) : NULL;
  return domain;
}

void
vth_batch_domain_free (VthBatchDomain *domain)
{
  if (domain == NULL)
    return;
  g_free (domain->name);
  g_free (domain->uuid);
  vth_config_free (domain->config);
  g_clear_error (&domain->error);
  if (domain->handle != NULL)
    virDomainFree (domain->handle);
  g_free (domain);
}

/* --- the real world --- */

static int64_t
real_now (VthBatch *batch)
{
  return batch->ops.now != NULL ? batch->ops.now (batch->ops_data) : g_get_real_time () / G_USEC_PER_SEC;
}

static GPtrArray *
real_domains (VthBatch *batch, GError **error)
{
  if (batch->ops.domains != NULL)
    return batch->ops.domains (batch->ops_data, error);
  g_autoptr (GPtrArray) list = vth_domain_list (batch->conn, VTH_DOMAIN_LIST_ACTIVE | VTH_DOMAIN_LIST_INACTIVE, NULL, error);
  if (list == NULL)
    return NULL;
  GPtrArray *domains = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_batch_domain_free);
  for (unsigned int i = 0; i < list->len; i++)
    {
      VthDomain *from = list->pdata[i];
      VthBatchDomain *domain = vth_batch_domain_new (from->name, from->uuid, from->active, NULL);
      domain->config = g_steal_pointer (&from->config);
      domain->error = g_steal_pointer (&from->config_error);
      domain->handle = g_steal_pointer (&from->handle);
      g_ptr_array_add (domains, domain);
    }
  return domains;
}

static VthDump *
real_take (VthBatch *batch, const VthBatchDomain *domain, const VthDumpRequest *request, GCancellable *cancellable, GError **error)
{
  if (batch->ops.take != NULL)
    return batch->ops.take (domain, request, batch->ops_data, cancellable, error);
  return vth_dump_take_locked (domain->handle, request, NULL, NULL, cancellable, error);
}

static VthOutput *
output_of (VthBatch *batch, const VthBatchDomain *domain, GError **error)
{
  VthOutput *output = vth_output_resolve (batch->conn, domain->config, batch->host, error);

  if (output != NULL && batch->used != NULL)
    vth_output_share_domain_files (output, batch->used);
  return output;
}

/* Whether there is a place for a dump at all. */
static bool
real_has_place (VthBatch *batch, const VthBatchDomain *domain, GError **error)
{
  if (batch->ops.take != NULL)
    return true;
  g_autoptr (VthOutput) output = output_of (batch, domain, error);
  return output != NULL;
}

static bool
is_whole (GPtrArray *checks)
{
  for (unsigned int i = 0; i < checks->len; i++)
    if (((const VthCheck *) checks->pdata[i])->status == VTH_CHECK_FAILED)
      return false;
  return true;
}

static VthDump *
real_find (VthBatch *batch, const VthBatchDomain *domain, const char *schedule, const char *name, int64_t start_s, GError **error)
{
  if (batch->ops.find != NULL)
    return batch->ops.find (domain, schedule, name, batch->ops_data, error);

  g_autoptr (VthOutput) output = output_of (batch, domain, error);
  if (output == NULL)
    return NULL;
  if (!vth_output_exists (output, name))
    return NULL;
  g_autoptr (VthDump) dump = vth_dump_of_file (output, domain->uuid, name, NULL);
  if (dump == NULL || !vth_output_owns (output, domain->uuid, name))
    {
      g_clear_pointer (&dump, vth_dump_free);
      /* Killed between the dump and its explanation, or entry in the register: the state has its name.  What was there
         before it was begun, and what is not root's or ours, is somebody else's. */
      g_auto (VthIdentity) file = { 0 };
      if (!vth_output_identify (output, name, &file, error) || !vth_output_check_unused (output, name, "recovered", error))
        return NULL;
      if ((file.is_foreign && vth_output_get_kind (output) == VTH_OUTPUT_DIR)
          || (file.written_ns != 0 && file.written_ns / 1000000000 < start_s - 1))
        return NULL;
      g_autoptr (GPtrArray) checks = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_check_free);
      VthNoteInfo info = { .checks = checks };
      g_autoptr (GError) reason = NULL;
      dump = vth_output_inspect (output, name, &info, &reason);
      if (dump == NULL && !g_error_matches (reason, VTH_ERROR, VTH_ERROR_FORMAT))
        {
          g_propagate_error (error, g_steal_pointer (&reason));
          return NULL;
        }
      if (dump == NULL || !is_whole (checks))
        {
          /* In a pool a dump that stops the guest has its final name from the start; QEMU or the host ended with it. */
          vth_output_remove (output, name, error);
          return NULL;
        }
      char *uri = virConnectGetURI (batch->conn);
      g_free (dump->uri);
      dump->uri = g_strdup (uri);
      free (uri);
      g_free (dump->domain);
      dump->domain = g_strdup (domain->name);
      g_free (dump->uuid);
      dump->uuid = g_strdup (domain->uuid);
      g_free (dump->schedule);
      dump->schedule = g_strdup (schedule);
      g_free (dump->name);
      dump->name = g_strdup (name);
      if (!vth_dump_explain (output, dump, error) || !vth_register_add (output, dump, error))
        return NULL;
    }
  return g_steal_pointer (&dump);
}

static GPtrArray *
real_prune_plan (VthBatch *batch, const VthBatchDomain *domain, const char *schedule, GError **error)
{
  if (batch->ops.prune_plan != NULL)
    return batch->ops.prune_plan (domain, schedule, batch->ops_data, error);
  g_autoptr (VthOutput) output = output_of (batch, domain, error);
  return output != NULL ? vth_prune_plan (output, domain->handle, domain->config, schedule, batch->zone, error) : NULL;
}

static void
real_prune_execute (VthBatch *batch, const VthBatchDomain *domain, GPtrArray *plan)
{
  if (batch->ops.prune_execute != NULL)
    {
      batch->ops.prune_execute (domain, plan, batch->ops_data);
      return;
    }
  g_autoptr (VthOutput) output = output_of (batch, domain, NULL);
  if (output != NULL)
    vth_prune_execute (output, plan);
}

/* What would be left after a dump with no page of zeroes in it. */
static bool
real_space (VthBatch *batch, const VthBatchDomain *domain, uint64_t *available_bytes, GError **error)
{
  if (batch->ops.get_space != NULL)
    return batch->ops.get_space (domain, available_bytes, batch->ops_data, error);
  g_autoptr (VthOutput) output = output_of (batch, domain, error);
  uint64_t available = 0, capacity = 0;
  if (output == NULL || !vth_output_get_space (output, &available, &capacity, error))
    return false;
  uint64_t memory_bytes = (uint64_t) virDomainGetMaxMemory (domain->handle) << 10;
  *available_bytes = available > memory_bytes ? available - memory_bytes : 0;
  return true;
}

/* --- what is due --- */

/* The same on every run of this host, another on another host: many hosts do not start at once. */
static int64_t
jitter_of (VthBatch *batch, const VthBatchDomain *domain, const char *schedule)
{
  unsigned int jitter_s = vth_host_get_jitter_s (batch->host);
  if (jitter_s == 0)
    return 0;
  g_autofree char *key = g_strjoin ("/", batch->host_id, domain->uuid, schedule, NULL);
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, key, -1);
  hash[8] = '\0';
  return (int64_t) (g_ascii_strtoull (hash, NULL, 16) % (jitter_s + 1));
}

/* The last time @cron fires after @after_s and not after @until_s; 0 if none. */
static int64_t
last_fire (const VthCron *cron, GTimeZone *zone, int64_t after_s, int64_t until_s)
{
  static const int64_t steps_s[] = { 3600, 86400, 32 * INT64_C (86400), 400 * INT64_C (86400) };
  int64_t found = 0, t;

  if (!vth_cron_next (cron, zone, after_s, &t, NULL) || t > until_s)
    return 0;
  /* After long downtime a frequent schedule has many: begin close to the end. */
  found = t;
  for (unsigned int i = 0; i < G_N_ELEMENTS (steps_s); i++)
    if (until_s - steps_s[i] > found && vth_cron_next (cron, zone, until_s - steps_s[i], &t, NULL) && t <= until_s)
      {
        found = t;
        break;
      }
  while (vth_cron_next (cron, zone, found, &t, NULL) && t <= until_s)
    found = t;
  return found;
}

/* 0: not due.  Takes note of schedules that are new. */
static int64_t
due_time (VthBatch *batch, const VthBatchDomain *domain, const VthSchedule *schedule, VthState *state, int64_t now_s, bool *changed)
{
  const char *name = vth_schedule_get_name (schedule);
  const VthCron *cron = vth_schedule_get_cron (schedule);

  if (!vth_schedule_get_enabled (schedule))
    {
      *changed = *changed || vth_state_schedule (state, name, false) != NULL;
      vth_state_remove_schedule (state, name);
      return 0;
    }
  VthScheduleState *s = vth_state_schedule (state, name, true);
  if (g_strcmp0 (s->cron, vth_cron_get_expression (cron)) != 0)
    {
      g_free (s->cron);
      s->cron = g_strdup (vth_cron_get_expression (cron));
      s->seen_s = now_s - 1; /* so that a time that is now counts */
      s->last_due_s = 0;
      *changed = true;
    }
  /* A clock that was set back must not make everything due again, nor nothing until it is where it was.  A run comes each
     minute: what is due since the last one is not passed over. */
  if (s->seen_s > now_s + VTH_CLOCK_TOLERANCE_S)
    {
      s->seen_s = now_s - jitter_of (batch, domain, name) - 60;
      s->last_due_s = 0;
      *changed = true;
    }
  /* Of a schedule of that name that was removed, or while it was disabled, there is nothing to make up for.  A time in
     the future was written by a clock that was wrong. */
  int64_t since_s = vth_schedule_get_since (schedule);
  return last_fire (cron, batch->zone, MAX (s->seen_s, since_s <= now_s ? since_s : 0), now_s - jitter_of (batch, domain, name));
}

static bool
drop_unknown_schedules (const VthBatchDomain *domain, VthState *state)
{
  bool changed = false;
  for (unsigned int i = state->schedules->len; i-- > 0;)
    {
      const VthScheduleState *s = state->schedules->pdata[i];
      if (vth_config_find_schedule (domain->config, s->schedule) != NULL)
        continue;
      g_ptr_array_remove_index (state->schedules, i);
      changed = true;
    }
  return changed;
}

/* --- events, which go to the caller's thread --- */

typedef struct {
  VthBatchEventKind kind;
  bool last;  /* the worker's end */
  bool begun; /* the dump it is about was counted as due */
  const VthBatchDomain *domain;
  char *schedule;
  int64_t due_s;
  VthDump *dump;
  char *message;
  GError *error;
} Event;

static void
event_free (Event *event)
{
  g_free (event->schedule);
  vth_dump_free (event->dump);
  g_free (event->message);
  g_clear_error (&event->error);
  g_free (event);
}

typedef struct {
  VthBatch *batch;
  GAsyncQueue *events;
  GCancellable *cancellable;
} Run;

typedef struct {
  Run *run;
  const VthBatchDomain *domain;
  const char *schedule;
  int64_t due_s;
} Context;

static Event *
event_new (const Context *context, VthBatchEventKind kind, VthDump *dump, char *message, GError *error)
{
  Event *event = g_new0 (Event, 1);
  event->kind = kind;
  event->domain = context->domain;
  event->schedule = g_strdup (context->schedule);
  event->due_s = context->due_s;
  event->dump = dump;
  event->message = message;
  event->error = error;
  return event;
}

/* Takes @dump, @message and @error. */
static void
emit (const Context *context, VthBatchEventKind kind, VthDump *dump, char *message, GError *error)
{
  g_async_queue_push (context->run->events, event_new (context, kind, dump, message, error));
}

/* Of a dump that was begun, without one.  Takes @error. */
static void
emit_end (const Context *context, VthBatchEventKind kind, GError *error)
{
  Event *event = event_new (context, kind, NULL, NULL, error);
  event->begun = true;
  g_async_queue_push (context->run->events, event);
}

static VthDump *
dump_copy (const VthDump *dump)
{
  VthDump *copy = g_memdup2 (dump, sizeof *dump);
  copy->name = g_strdup (dump->name);
  copy->path = g_strdup (dump->path);
  copy->pool = g_strdup (dump->pool);
  copy->domain = g_strdup (dump->domain);
  copy->uuid = g_strdup (dump->uuid);
  copy->schedule = g_strdup (dump->schedule);
  copy->uri = g_strdup (dump->uri);
  copy->base = g_strdup (dump->base);
  copy->note_json = g_strdup (dump->note_json);
  copy->os_release = g_strdup (dump->os_release);
  copy->manifest_error = g_strdup (dump->manifest_error);
  vth_tracking_unshare (&copy->tracking);
  return copy;
}

/* --- hooks --- */

static void
hook_failed (const char *hook, const GError *error, void *user_data)
{
  emit (user_data, VTH_BATCH_HOOK_FAILED, NULL, g_strdup (hook), g_error_copy (error));
}

static void
run_hooks (Context *context, const char *event, const VthDump *dump, const GError *error, bool stays_due)
{
  const VthHost *host = context->run->batch->host;
  g_auto (GStrv) env = vth_hook_environment (event, dump, error);
  g_autofree char *due = g_strdup_printf ("%" G_GINT64_FORMAT, context->due_s);

  if (vth_host_get_hooks_dir (host) == NULL)
    return;
  env = g_environ_setenv (env, "VTHUNDER_DOMAIN", context->domain->name, TRUE);
  env = g_environ_setenv (env, "VTHUNDER_UUID", context->domain->uuid, TRUE);
  env = g_environ_setenv (env, "VTHUNDER_SCHEDULE", context->schedule, TRUE);
  env = g_environ_setenv (env, "VTHUNDER_DUE", due, TRUE);
  if (stays_due)
    env = g_environ_setenv (env, "VTHUNDER_STAYS_DUE", "yes", TRUE);
  vth_hooks_run (vth_host_get_hooks_dir (host), event, env, vth_host_get_hook_timeout_s (host), hook_failed, context);
}

/* --- one domain --- */

static bool
save (const Context *context, const VthState *state)
{
  GError *error = NULL;
  if (vth_state_save (state, vth_host_get_state_dir (context->run->batch->host), &error))
    return true;
  emit (context, VTH_BATCH_FAILED, NULL, NULL, error);
  return false;
}

static void
clear_running (VthState *state)
{
  g_clear_pointer (&state->running_schedule, g_free);
  g_clear_pointer (&state->running_name, g_free);
  state->running_due_s = 0;
  state->running_start_s = 0;
}

/* Of one schedule, or of all (NULL).  Without @failures it is a try, and what stands against it is not told. */
static void
prune (const Context *context, const char *schedule, bool failures)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) plan = real_prune_plan (context->run->batch, context->domain, schedule, &error);

  if (plan == NULL)
    {
      if (failures)
        emit (context, VTH_BATCH_PRUNE_FAILED, NULL, NULL, g_steal_pointer (&error));
      return;
    }
  real_prune_execute (context->run->batch, context->domain, plan);
  for (unsigned int i = 0; i < plan->len; i++)
    {
      const VthPruneItem *item = plan->pdata[i];
      Context of_item = *context;
      of_item.schedule = item->dump->schedule;
      if (item->removed)
        emit (&of_item, VTH_BATCH_PRUNED, dump_copy (item->dump), g_strdup (item->reason), NULL);
      else if (item->error != NULL && failures)
        emit (&of_item, VTH_BATCH_PRUNE_FAILED, dump_copy (item->dump), NULL, g_error_copy (item->error));
    }
}

/* libvirt completes a dump whose client is gone: until then nobody can tell what becomes of it. */
static bool
is_still_running (VthBatch *batch, const VthBatchDomain *domain)
{
  VthJob *job = NULL;
  if (batch->ops.find != NULL || domain->handle == NULL || !vth_job_get (domain->handle, false, &job, NULL) || job == NULL)
    return false;
  bool dump = job->is_dump;
  vth_job_free (job);
  return dump;
}

/* Notes how the dump that was due ended.  A full one is that of its due time: by its T0, which is later by what starting it
   took, the age at which the next is to be a full one would be missed by as much. */
static void
set_result (VthState *state, const VthBatchDomain *domain, VthDump *dump, int64_t due_s, const GError *error)
{
  if (dump != NULL)
    dump->chain_start_s = dump->base != NULL ? state->tracked_start_s : due_s;
  vth_state_set_result (state, domain->name, dump, error);
}

/* A run that was killed left "running": what became of it?  False if that cannot be told now. */
static bool
recover (Run *run, const VthBatchDomain *domain, VthState *state)
{
  Context context = { run, domain, state->running_schedule, state->running_due_s };
  g_autofree char *schedule = g_strdup (state->running_schedule);
  GError *error = NULL;

  if (state->running_start_s == 0 && state->hidden == NULL)
    return true;
  if (is_still_running (run->batch, domain) || !vth_dump_sweep (domain->handle, state))
    return false;
  if (state->running_start_s == 0)
    return save (&context, state);
  context.schedule = schedule;
  g_autoptr (VthDump) dump = state->running_name != NULL && schedule != NULL
                                 ? real_find (run->batch, domain, schedule, state->running_name, state->running_start_s, &error)
                                 : NULL;
  if (error != NULL)
    {
      emit (&context, VTH_BATCH_FAILED, NULL, NULL, error);
      return false;
    }
  VthScheduleState *s = schedule != NULL ? vth_state_schedule (state, schedule, false) : NULL;
  int64_t due_s = state->running_due_s;
  clear_running (state);
  if (dump != NULL)
    set_result (state, domain, dump, due_s, NULL);
  else if (s != NULL && due_s != 0)
    s->seen_s = MIN (s->seen_s, due_s - 1);
  if (!save (&context, state))
    return false;
  emit (&context, VTH_BATCH_RECOVERED, dump != NULL ? dump_copy (dump) : NULL,
        g_strdup (dump != NULL ? "an interrupted run had completed this dump" : "an interrupted run left no dump: it is due again"),
        NULL);
  if (dump != NULL)
    {
      run_hooks (&context, "post", dump, NULL, false);
      prune (&context, schedule, true);
    }
  return true;
}

static char *
choose_name (VthBatch *batch, const VthBatchDomain *domain, const VthSchedule *of, int64_t time_s, GError **error)
{
  const char *schedule = vth_schedule_get_name (of);
  VthFormat format = vth_dump_format (domain->config, vth_schedule_get_mode (of));
  if (batch->ops.take != NULL)
    {
      const char *template = vth_config_get_file_name (domain->config);
      return vth_template_expand (template != NULL ? template : VTH_TEMPLATE_DEFAULT, domain->name, domain->uuid, schedule,
                                  time_s, format, error);
    }
  g_autoptr (VthOutput) output = output_of (batch, domain, error);
  return output != NULL ? vth_dump_choose_name (output, domain->config, batch->host, domain->name, domain->uuid, schedule,
                                                time_s, format, error)
                        : NULL;
}

/* Why the dump cannot be taken now though it is due; it stays due. */
static bool
is_possible (Context *context, GError **error)
{
  VthBatch *batch = context->run->batch;
  uint64_t floor_bytes = vth_host_get_min_free_bytes (batch->host), available_bytes = 0;

  if (!context->domain->active)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FAILED, "domain '%s' is not running", context->domain->name);
      return false;
    }
  /* Not waited for: others have their dumps meanwhile, and the next run looks again. */
  if (context->domain->handle != NULL
      && !vth_dump_call_wait (context->domain->handle, 0, NULL, NULL, context->run->cancellable, error))
    return false;
  if (floor_bytes == 0)
    return real_has_place (batch, context->domain, error);
  g_autoptr (GError) unknown = NULL;
  if (!real_space (batch, context->domain, &available_bytes, &unknown))
    {
      /* A directory of a remote host: nobody can tell. */
      if (g_error_matches (unknown, VTH_ERROR, VTH_ERROR_UNSUPPORTED))
        return true;
      g_propagate_error (error, g_steal_pointer (&unknown));
      return false;
    }
  if (available_bytes >= floor_bytes)
    return true;
  g_autofree char *have = vth_size_to_string (available_bytes);
  g_autofree char *need = vth_size_to_string (floor_bytes);
  g_set_error (error, VTH_ERROR, VTH_ERROR_NO_SPACE, "%s would be left free after the dump, min-free is %s", have, need);
  return false;
}

/* The same, after what retention keeps no longer is gone if space is all that lacks. */
static bool
is_possible_after_pruning (Context *context, bool failures, GError **error)
{
  g_autoptr (GError) reason = NULL;

  if (is_possible (context, &reason))
    return true;
  if (!g_error_matches (reason, VTH_ERROR, VTH_ERROR_NO_SPACE))
    {
      g_propagate_error (error, g_steal_pointer (&reason));
      return false;
    }
  prune (context, NULL, failures);
  return is_possible (context, error);
}

/* Whether the dump was kept from beginning, or ended with the whole run: then its time has not been dealt with. */
static bool
stays_due (const Run *run, const GError *error)
{
  return g_error_matches (error, VTH_ERROR, VTH_ERROR_LOCKED)
         || (g_error_matches (error, VTH_ERROR, VTH_ERROR_CANCELLED) && g_cancellable_is_cancelled (run->cancellable));
}

static void
take_one (Context *context, const VthSchedule *schedule, VthState *state, VthScheduleState *s, int64_t now_s)
{
  VthBatch *batch = context->run->batch;
  const VthBatchDomain *domain = context->domain;
  GError *error = NULL;

  bool said = s->last_due_s == context->due_s;
  if (!is_possible_after_pruning (context, !said, &error))
    {
      if (g_error_matches (error, VTH_ERROR, VTH_ERROR_CANCELLED))
        {
          g_clear_error (&error);
          return; /* the run ends, and nothing was begun */
        }
      s->last_due_s = context->due_s;
      if (!said && save (context, state))
        emit (context, VTH_BATCH_SKIPPED, NULL, NULL, g_steal_pointer (&error));
      g_clear_error (&error);
      return;
    }
  g_autofree char *name = choose_name (batch, domain, schedule, now_s, &error);

  /* 1. */
  const int64_t seen_s = s->seen_s;
  s->seen_s = context->due_s;
  s->last_due_s = context->due_s;
  if (name != NULL)
    {
      clear_running (state);
      state->running_schedule = g_strdup (context->schedule);
      state->running_name = g_strdup (name);
      state->running_due_s = context->due_s;
      state->running_start_s = MAX (now_s, 1);
    }
  if (!save (context, state))
    {
      g_clear_error (&error);
      return;
    }

  /* 2. */
  emit (context, VTH_BATCH_STARTED, NULL, NULL, NULL);
  g_autoptr (VthDump) dump = NULL;
  if (name != NULL)
    {
      unsigned int full_every;
      int64_t full_every_s;
      vth_schedule_get_full_every (schedule, &full_every, &full_every_s);
      VthDumpRequest request = { .mode = vth_schedule_get_mode (schedule),
                                 .use_config_format = true,
                                 .full_every = full_every,
                                 .full_every_s = full_every_s,
                                 .allow_pause = vth_schedule_get_allow_pause (schedule),
                                 .manifest = vth_config_get_manifest (domain->config),
                                 .timeout_s = vth_config_get_timeout_s (domain->config),
                                 .schedule = context->schedule,
                                 .name = name,
                                 .config = domain->config,
                                 .host = batch->host,
                                 .time_s = now_s };
      run_hooks (context, "pre", NULL, NULL, false);
      dump = real_take (batch, domain, &request, context->run->cancellable, &error);
    }

  /* 3. */
  const bool again = dump == NULL && stays_due (context->run, error);
  clear_running (state);
  if (again)
    s->seen_s = seen_s;
  else
    set_result (state, domain, dump, context->due_s, error);
  if (!save (context, state))
    {
      g_clear_error (&error);
      return;
    }
  if (dump == NULL)
    {
      /* What pre.d did is to be undone, whatever the reason. */
      run_hooks (context, "fail", NULL, error, again);
      emit_end (context, again ? VTH_BATCH_SKIPPED : VTH_BATCH_FAILED, error);
      /* It may have been for want of space; after Ctrl-C nothing more is done. */
      if (!g_cancellable_is_cancelled (context->run->cancellable))
        prune (context, context->schedule, false);
      return;
    }
  run_hooks (context, "post", dump, NULL, false);
  emit (context, VTH_BATCH_DONE, dump_copy (dump), NULL, NULL);
  prune (context, context->schedule, true);
}

/* Once: due_time () puts it right. */
static void
warn_of_clock (const Context *context, const VthState *state)
{
  if (vth_state_is_ahead (state, real_now (context->run->batch)))
    emit (context, VTH_BATCH_WARNING, NULL,
          g_strdup ("the clock was set back since the last run: dumps are due by the present time from now on"), NULL);
}

static void
work_locked (Run *run, const VthBatchDomain *domain)
{
  VthBatch *batch = run->batch;
  Context context = { run, domain, NULL, 0 };
  GError *error = NULL;
  g_autofree char *put_away = NULL;
  g_autoptr (VthState) state = vth_state_load_locked (vth_host_get_state_dir (batch->host), domain->uuid, &put_away, &error);

  if (state == NULL)
    {
      emit (&context, VTH_BATCH_FAILED, NULL, NULL, error);
      return;
    }
  if (put_away != NULL)
    emit (&context, VTH_BATCH_WARNING, NULL, g_steal_pointer (&put_away), NULL);
  if (!recover (run, domain, state))
    return;

  bool changed = drop_unknown_schedules (domain, state) || state->put_away != NULL;
  if (state->put_away != NULL)
    emit (&context, VTH_BATCH_WARNING, NULL, g_steal_pointer (&state->put_away), NULL);
  warn_of_clock (&context, state);
  unsigned int n = vth_config_get_n_schedules (domain->config);
  int64_t now_s = real_now (batch);
  for (unsigned int i = 0; i < n && !g_cancellable_is_cancelled (run->cancellable); i++)
    {
      const VthSchedule *schedule = vth_config_get_schedule (domain->config, i);
      context.schedule = vth_schedule_get_name (schedule);
      context.due_s = due_time (batch, domain, schedule, state, now_s, &changed);
      if (context.due_s == 0)
        continue;
      take_one (&context, schedule, state, vth_state_schedule (state, context.schedule, true), now_s);
      changed = false; /* it was saved on the way */
    }
  context.schedule = NULL;
  context.due_s = 0;
  if (changed)
    save (&context, state);
}

/* It may have ended while others had their dumps taken. */
static bool
is_gone (const VthBatchDomain *domain)
{
  return domain->handle != NULL && virDomainIsActive (domain->handle) < 0 && virGetLastErrorCode () == VIR_ERR_NO_DOMAIN;
}

static void
work (void *data, void *user_data)
{
  Run *run = user_data;
  const VthBatchDomain *domain = data;
  const char *state_dir = vth_host_get_state_dir (run->batch->host);
  Context context = { run, domain, NULL, 0 };
  GError *error = NULL;

  if (!g_cancellable_is_cancelled (run->cancellable))
    {
      int slot = vth_state_slot (state_dir, vth_host_get_max_parallel (run->batch->host), &error);
      int lock = slot >= 0 ? vth_state_lock (state_dir, domain->uuid, &error) : -1;
      if (lock >= 0 && !is_gone (domain))
        work_locked (run, domain);
      if (error != NULL && !g_error_matches (error, VTH_ERROR, VTH_ERROR_LOCKED))
        emit (&context, VTH_BATCH_FAILED, NULL, NULL, g_steal_pointer (&error));
      g_clear_error (&error);
      if (lock >= 0)
        close (lock);
      if (slot >= 0)
        close (slot);
    }
  Event *last = g_new0 (Event, 1);
  last->last = true;
  g_async_queue_push (run->events, last);
}

/* --- the run --- */

/*
 * Whether a worker has anything to do for the domain; looked at without its
 * lock, so the worker looks again.  In a dry run says what is due.
 */
static bool
has_work (Run *run, const VthBatchDomain *domain)
{
  VthBatch *batch = run->batch;
  Context context = { run, domain, NULL, 0 };
  GError *error = NULL;
  g_autoptr (VthState) state = vth_state_load (vth_host_get_state_dir (batch->host), domain->uuid, &error);

  if (g_error_matches (error, VTH_ERROR, VTH_ERROR_FORMAT))
    {
      /* The worker puts it away. */
      if (batch->dry_run)
        emit (&context, VTH_BATCH_WARNING, NULL, g_strdup (error->message), NULL);
      g_clear_error (&error);
      return !batch->dry_run;
    }
  if (state == NULL)
    {
      emit (&context, VTH_BATCH_FAILED, NULL, NULL, error);
      return false;
    }
  bool any = state->running_start_s != 0 || state->hidden != NULL || state->put_away != NULL || drop_unknown_schedules (domain, state);
  int64_t now_s = real_now (batch);
  for (unsigned int i = 0; i < vth_config_get_n_schedules (domain->config); i++)
    {
      const VthSchedule *schedule = vth_config_get_schedule (domain->config, i);
      bool changed = false;
      context.schedule = vth_schedule_get_name (schedule);
      context.due_s = due_time (batch, domain, schedule, state, now_s, &changed);
      if (batch->dry_run && context.due_s != 0)
        emit (&context, VTH_BATCH_STARTED, NULL, g_strdup ("would be taken"), NULL);
      any = any || changed || context.due_s != 0;
    }
  return any && !batch->dry_run;
}

static void
count (VthBatchSummary *summary, const Event *event)
{
  switch (event->kind)
    {
    case VTH_BATCH_STARTED:
      summary->due++;
      break;
    case VTH_BATCH_DONE:
      summary->done++;
      break;
    case VTH_BATCH_FAILED:
      summary->failed++;
      break;
    case VTH_BATCH_SKIPPED:
      summary->due += !event->begun;
      summary->skipped++;
      break;
    case VTH_BATCH_BROKEN:
      summary->broken++;
      break;
    case VTH_BATCH_HOOK_FAILED:
      summary->hooks_failed++;
      break;
    case VTH_BATCH_PRUNED:
      summary->pruned++;
      break;
    case VTH_BATCH_PRUNE_FAILED:
      summary->prune_failed++;
      break;
    case VTH_BATCH_METRICS_FAILED:
      summary->metrics_failed++;
      break;
    case VTH_BATCH_RECOVERED:
    case VTH_BATCH_WARNING:
    default:
      break;
    }
}

/* Hands on events until @n workers have ended. */
static void
hand_on (Run *run, unsigned int n, bool block, VthBatchEventFunc event_func, void *user_data, VthBatchSummary *summary)
{
  Event *event;
  while ((n > 0 || !block)
         && (event = block ? g_async_queue_pop (run->events) : g_async_queue_try_pop (run->events)) != NULL)
    {
      if (event->last)
        n--;
      else
        {
          VthBatchEvent shown = { event->kind, event->domain != NULL ? event->domain->name : NULL, event->schedule, event->due_s,
                                  event->dump, event->message, event->error };
          count (summary, event);
          if (event_func != NULL)
            event_func (&shown, user_data);
        }
      event_free (event);
    }
}

bool
vth_batch_run (VthBatch *batch, VthBatchEventFunc event, void *user_data, GCancellable *cancellable, VthBatchSummary *summary,
               GError **error)
{
  g_autoptr (GPtrArray) domains = real_domains (batch, error);
  if (domains == NULL || (!batch->dry_run && !vth_mkdir_private (vth_host_get_state_dir (batch->host), error)))
    return false;

  Run run = { batch, g_async_queue_new (), cancellable };
  VthBatchSummary counts = { 0 };
  g_autoptr (GPtrArray) busy = g_ptr_array_new ();

  for (unsigned int i = 0; i < domains->len; i++)
    {
      VthBatchDomain *domain = domains->pdata[i];
      Context context = { &run, domain, NULL, 0 };
      if (domain->config == NULL)
        {
          emit (&context, VTH_BATCH_BROKEN, NULL, NULL, domain->error != NULL ? g_error_copy (domain->error) : NULL);
          continue;
        }
      if (has_work (&run, domain))
        g_ptr_array_add (busy, domain);
    }
  hand_on (&run, 0, false, event, user_data, &counts);
  if (busy->len > 0)
    {
      unsigned int n_threads = MIN (MIN (vth_host_get_max_parallel (batch->host), busy->len), 64);
      GThreadPool *pool = g_thread_pool_new (work, &run, (int) n_threads, FALSE, NULL);
      for (unsigned int i = 0; i < busy->len; i++)
        g_thread_pool_push (pool, busy->pdata[i], NULL);
      hand_on (&run, busy->len, true, event, user_data, &counts);
      g_thread_pool_free (pool, FALSE, TRUE);
    }
  GError *unwritten = NULL;
  if (vth_host_get_metrics_path (batch->host) != NULL && !batch->dry_run
      && !vth_metrics_write (vth_host_get_metrics_path (batch->host), vth_host_get_state_dir (batch->host), domains, &counts,
                             real_now (batch), &unwritten))
    {
      /* The dumps are taken all the same, and whoever asked wants to know of them. */
      emit (&(Context){ &run, NULL, NULL, 0 }, VTH_BATCH_METRICS_FAILED, NULL, NULL, unwritten);
      hand_on (&run, 0, false, event, user_data, &counts);
    }
  g_async_queue_unref (run.events);
  if (summary != NULL)
    *summary = counts;
  return true;
}

VthBatch *
vth_batch_new (virConnectPtr conn, const VthHost *host, const VthBatchOps *ops, void *ops_data)
{
  VthBatch *batch = g_new0 (VthBatch, 1);
  if (conn != NULL)
    virConnectRef (conn);
  batch->conn = conn;
  batch->used = conn != NULL ? vth_domain_files_new (conn) : NULL;
  batch->host = host;
  if (ops != NULL)
    batch->ops = *ops;
  batch->ops_data = ops_data;
  batch->zone = g_time_zone_new_local ();
  if (!g_file_get_contents ("/etc/machine-id", &batch->host_id, NULL, NULL))
    batch->host_id = g_strdup (g_get_host_name ());
  return batch;
}

void
vth_batch_free (VthBatch *batch)
{
  if (batch == NULL)
    return;
  vth_domain_files_unref (batch->used);
  if (batch->conn != NULL)
    virConnectClose (batch->conn);
  g_time_zone_unref (batch->zone);
  g_free (batch->host_id);
  g_free (batch);
}

void
vth_batch_set_zone (VthBatch *batch, GTimeZone *zone)
{
  g_time_zone_unref (batch->zone);
  batch->zone = zone != NULL ? g_time_zone_ref (zone) : g_time_zone_new_local ();
}

void
vth_batch_set_dry_run (VthBatch *batch, bool dry_run)
{
  batch->dry_run = dry_run;
}
