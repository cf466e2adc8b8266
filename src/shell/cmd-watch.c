// SPDX-License-Identifier: GPL-2.0-or-later
/* watch: dumps of one domain again and again, closer than a schedule can; and
 * dump-untrack, the end of what it, and incremental schedules, leave going. */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "complete.h"
#include "dump-view.h"
#include "output.h"
#include "parse.h"
#include "select.h"
#include "shell.h"
#include "tuning.h"
#include "vthunder.h"

#define KEEP_DEFAULT 10
#define INTERVAL_MIN_MS 10
#define INTERVAL_MAX_MS (24 * 3600 * 1000)

typedef struct {
  Shell *shell;
  virDomainPtr domain;
  const VthHost *host;
  VthOutput *output;
  const char *hook;               /* NULL: none */
  guint keep;                     /* 0: all */
  bool json;
  VthDumpRequest request;
  GPtrArray *names;               /* of the dumps taken here and still there, oldest first */
  guint64 taken, failed, missed;
} Watch;

static bool
parse_interval (const char *text, gint64 *interval_us, GError **error)
{
  char *unit = NULL;
  guint64 number = g_ascii_isdigit (*text) ? g_ascii_strtoull (text, &unit, 10) : 0;
  guint64 scale_ms = !unit ? 0 : g_str_equal (unit, "ms") ? 1 : g_str_equal (unit, "s") ? 1000
                     : g_str_equal (unit, "m") ? 60000 : 0;

  if (!scale_ms || number > INTERVAL_MAX_MS / scale_ms || number * scale_ms < INTERVAL_MIN_MS) {
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "option --interval takes a number and ms, s or m, such as 500ms, from "
                 "%dms to 24 hours, not '%s'", INTERVAL_MIN_MS, text);
    return false;
  }
  *interval_us = (gint64) (number * scale_ms) * 1000;
  return true;
}

static bool
check_watch (const ShArgs *args, GError **error)
{
  static const char *const pairs[][2] = { { "output", "pool" } };
  gint64 interval_us;

  return sh_select_exclusive (args, pairs, G_N_ELEMENTS (pairs), error)
         && parse_interval (sh_args_string (args, "interval"), &interval_us, error);
}

/* False when it was cancelled meanwhile. */
static bool
wait_until (Shell *shell, gint64 until_us)
{
  GPollFD fd;
  bool can_poll = g_cancellable_make_pollfd (shell->cancellable, &fd);
  gint64 left_us;

  while (!g_cancellable_is_cancelled (shell->cancellable) && (left_us = until_us - g_get_monotonic_time ()) > 0)
    g_poll (&fd, can_poll ? 1 : 0, (gint) MIN ((left_us + 999) / 1000, can_poll ? G_MAXINT : 100));
  if (can_poll)
    g_cancellable_release_fd (shell->cancellable);
  return !g_cancellable_is_cancelled (shell->cancellable);
}

/* The dumps that are too old go, as far as none that stays builds on them. */
static void
prune (Watch *watch)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) plan = NULL;

  if (!watch->keep || watch->names->len <= watch->keep)
    return;
  g_ptr_array_add (watch->names, NULL);
  plan = vth_prune_plan_last (watch->output, watch->domain, (const char *const *) watch->names->pdata, watch->keep,
                              &error);
  g_ptr_array_remove_index (watch->names, watch->names->len - 1);
  if (!plan) {
    sh_shell_warn (watch->shell, "old dumps are not removed: %s", error->message);
    return;
  }
  vth_prune_execute (watch->output, plan);
  for (guint i = 0; i < plan->len; i++) {
    const VthPruneItem *item = plan->pdata[i];
    guint index;

    if (item->error)
      sh_shell_warn (watch->shell, "%s", item->error->message);
    if (item->removed && g_ptr_array_find_with_equal_func (watch->names, item->dump->name, g_str_equal, &index))
      g_ptr_array_remove_index (watch->names, index);
  }
}

static void
print_line (JsonObject *object)
{
  g_autoptr(JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *text = NULL;

  json_node_take_object (node, object);
  text = json_to_string (node, FALSE);
  sh_output ("%s\n", text);
}

static void
report (const Watch *watch, const VthDump *dump, guint64 missed)
{
  if (watch->json) {
    JsonObject *object = sh_dump_to_json (dump);

    json_object_set_int_member (object, "missed", (gint64) missed);
    print_line (object);
  } else if (!watch->shell->quiet) {
    g_autofree char *time = sh_format_time (dump->time_s * G_GINT64_CONSTANT (1000000000));
    g_autofree char *figures = sh_dump_figures (dump);
    g_autofree char *chain = sh_dump_chain (dump);

    sh_output ("%s %s: %s%s", time, dump->name, figures, chain);
    if (missed)
      sh_output ("; %" G_GUINT64_FORMAT " %s missed before", missed, missed == 1 ? "interval" : "intervals");
    sh_output ("\n");
  }
  fflush (stdout);
}

static void
report_failure (const Watch *watch, const GError *reason, guint64 missed)
{
  sh_shell_report (watch->shell, reason);
  if (watch->json) {
    JsonObject *object = json_object_new ();

    sh_json_set_string (object, "domain", virDomainGetName (watch->domain));
    sh_json_set_string (object, "error", reason->message);
    json_object_set_int_member (object, "missed", (gint64) missed);
    print_line (object);
    fflush (stdout);
  }
}

static void
report_totals (const Watch *watch)
{
  if (watch->json) {
    JsonObject *object = json_object_new ();

    json_object_set_int_member (object, "taken", (gint64) watch->taken);
    json_object_set_int_member (object, "failed", (gint64) watch->failed);
    json_object_set_int_member (object, "missed", (gint64) watch->missed);
    json_object_set_int_member (object, "kept", watch->names->len);
    print_line (object);
  } else if (!watch->shell->quiet) {
    sh_output ("%" G_GUINT64_FORMAT " dumps taken, %" G_GUINT64_FORMAT " failed, %" G_GUINT64_FORMAT
               " intervals missed, %u dumps kept\n", watch->taken, watch->failed, watch->missed, watch->names->len);
  }
}

/* Overlays pile up, and the oldest can only go with all of a chain; a clone needs no other file.  Which of them a file
 * system makes the first dump that builds on another tells. */
static void
bound_chain (Watch *watch, const VthDump *last)
{
  watch->request.full = false;
  if (last->base)
    watch->request.full_every = g_strcmp0 (last->tracking.storage, "overlay") != 0 ? G_MAXUINT
                                : watch->keep ? watch->keep : VTH_FULL_EVERY_DEFAULT;
}

static bool
take_one (Watch *watch, guint64 missed, GError **error)
{
  g_autoptr(GError) failed = NULL;
  g_autoptr(VthDump) dump = vth_dump_take (watch->domain, &watch->request, NULL, NULL, watch->shell->cancellable, error);

  if (!dump)
    return false;
  watch->taken++;
  bound_chain (watch, dump);
  if (dump->own)
    g_ptr_array_add (watch->names, g_strdup (dump->name));
  sh_dump_warn (watch->shell, dump);
  report (watch, dump, missed);
  if (watch->hook && !vth_hook_run (watch->hook, watch->host, "post", dump, &failed))
    sh_shell_warn (watch->shell, "%s", failed->message);
  prune (watch);
  return true;
}

/* Whether there is no sense in trying again: the request is wrong, or the guest has ended. */
static bool
is_final (const Watch *watch, const GError *reason)
{
  static const VthError codes[] = { VTH_ERROR_USAGE, VTH_ERROR_CONFIG, VTH_ERROR_PAUSE_REFUSED, VTH_ERROR_UNSUPPORTED,
                                    VTH_ERROR_UNSAFE, VTH_ERROR_READ_ONLY };

  for (gsize i = 0; i < G_N_ELEMENTS (codes); i++)
    if (g_error_matches (reason, VTH_ERROR, (gint) codes[i]))
      return true;
  return virDomainIsActive (watch->domain) != 1;
}

/* One dump at each multiple of the interval; those that pass while one is being taken are missed. */
static bool
run_loop (Watch *watch, gint64 interval_us, guint64 count, GError **error)
{
  gint64 start_us = g_get_monotonic_time (), tick = 0;
  guint64 missed = 0;

  while (wait_until (watch->shell, start_us + tick * interval_us)) {
    g_autoptr(GError) reason = NULL;
    gint64 next;

    if (take_one (watch, missed, &reason)) {
      missed = 0;
    } else if (g_error_matches (reason, VTH_ERROR, VTH_ERROR_LOCKED)) {
      missed++;
      watch->missed++;
      sh_shell_warn (watch->shell, "%s", reason->message);
    } else if (g_error_matches (reason, VTH_ERROR, VTH_ERROR_CANCELLED)
               && g_cancellable_is_cancelled (watch->shell->cancellable)) {
      break;
    } else if (is_final (watch, reason)) {
      g_propagate_error (error, g_steal_pointer (&reason));
      return false;
    } else {
      watch->failed++;
      report_failure (watch, reason, missed);
      missed = 0;
    }
    if (count && watch->taken + watch->failed >= count)
      break;
    next = MAX (tick + 1, (g_get_monotonic_time () - start_us + interval_us - 1) / interval_us);
    missed += (guint64) (next - tick - 1);
    watch->missed += (guint64) (next - tick - 1);
    tick = next;
  }
  return true;
}

/* Nothing would build on the last dump.  A guest that has ended is tracked no more. */
static void
end_tracking (const Watch *watch)
{
  g_autoptr(GError) error = NULL;

  if (watch->taken && !vth_dump_untrack (watch->domain, &error) && !g_error_matches (error, VTH_ERROR, VTH_ERROR_NOT_FOUND))
    sh_shell_warn (watch->shell, "%s", error->message);
}

static bool
set_output (const ShArgs *args, VthConfig *config, GError **error)
{
  g_autofree char *dir = NULL;

  if (sh_args_given (args, "pool"))
    return vth_config_set_output (config, VTH_OUTPUT_POOL, sh_args_string (args, "pool"), error);
  if (!sh_args_given (args, "output"))
    return true;
  dir = g_canonicalize_filename (sh_args_string (args, "output"), NULL);
  return vth_config_set_output (config, VTH_OUTPUT_DIR, dir, error);
}

static bool
run_watch (Shell *shell, const ShArgs *args, GError **error)
{
  g_autoptr(ShDomain) domain = NULL;
  g_autoptr(VthHost) host = NULL;
  g_autoptr(VthConfig) config = NULL;
  g_autoptr(VthOutput) output = NULL;
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *hook = NULL;
  VthTuning tuning = { 0 };
  gint64 interval_us;
  bool went_well;
  Watch watch = { .shell = shell, .json = sh_args_given (args, "json"), .names = names };

  if (!parse_interval (sh_args_string (args, "interval"), &interval_us, error)
      || !sh_tuning_read (args, false, &tuning, error) || !sh_select_check_writable (shell, args, error))
    return false;
  domain = sh_select_domain (shell, args, error);
  host = domain ? vth_host_load (NULL, error) : NULL;
  config = host ? vth_config_load (domain, VTH_IMPACT_CURRENT, error) : NULL;
  if (!config || !set_output (args, config, error))
    return false;
  output = vth_output_resolve (shell->conn, config, host, error);
  if (!output || !vth_output_check (output, error))
    return false;
  if (sh_args_given (args, "hook"))
    hook = g_canonicalize_filename (sh_args_string (args, "hook"), NULL);
  watch.domain = domain;
  watch.host = host;
  watch.output = output;
  watch.hook = hook;
  watch.keep = (guint) sh_args_int (args, "keep", KEEP_DEFAULT);
  watch.request = (VthDumpRequest) { .mode = VTH_MODE_INCREMENTAL, .schedule = "watch", .config = config, .host = host,
                                     .use_config_format = true, .full = true, .tuning = &tuning };
  went_well = run_loop (&watch, interval_us, (guint64) sh_args_int (args, "count", 0), error);
  end_tracking (&watch);
  if (went_well || watch.taken || watch.failed)
    report_totals (&watch);
  if (went_well && watch.failed) {
    g_set_error (error, SH_ERROR, watch.taken ? SH_ERROR_PARTIAL : SH_ERROR_FAILED,
                 "watch: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " dumps failed", watch.failed,
                 watch.taken + watch.failed);
    return false;
  }
  return went_well;
}

static const ShOption watch_options[] = {
  SH_OPTION_ACTIVE_DOMAIN_REQUIRED,
  { "interval", SH_OPTION_STRING, SH_OPTION_REQUIRED, "<interval>", "time from dump to dump: 500ms, 1s, 2m" },
  { "keep", SH_OPTION_INT, 0, "<number>", "keep the newest dumps (10), 0: all", NULL, 0, 100000 },
  { "count", SH_OPTION_INT, 0, "<number>", "end after so many dumps, also failed ones", NULL, 1, G_MAXINT },
  { "output", SH_OPTION_STRING, 0, "<dir>", "directory instead of the domain's output", sh_complete_directory },
  { "pool", SH_OPTION_STRING, 0, "<pool>", "storage pool instead of the domain's output", sh_complete_pool },
  { "hook", SH_OPTION_STRING, 0, "<program>", "run it after each dump, with VTHUNDER_* in its environment",
    sh_complete_file },
  SH_OPTIONS_TUNING (1),
  SH_OPTION_JSON,
  { NULL },
};

/* --- dump-untrack ------------------------------------------------------------- */

static bool
run_dump_untrack (Shell *shell, const ShArgs *args, GError **error)
{
  g_autoptr(ShDomain) domain = NULL;

  if (!sh_select_check_writable (shell, args, error))
    return false;
  domain = sh_select_domain (shell, args, error);
  if (!domain || !vth_dump_untrack (domain, error))
    return false;
  if (!shell->quiet)
    sh_output ("Domain '%s' is no longer tracked\n", virDomainGetName (domain));
  return true;
}

static const ShOption dump_untrack_options[] = {
  SH_OPTION_ACTIVE_DOMAIN_REQUIRED,
  { NULL },
};

const ShCommand sh_watch_commands[] = {
  { "dump-untrack", .run = run_dump_untrack, .options = dump_untrack_options, .flags = SH_COMMAND_CONNECTS,
    .help = "stop keeping track of what a domain changes",
    .description = "Incremental dumps keep track of what the domain changes, which costs it a little for as long as it "
                   "runs.  'watch' ends that itself, and so does the removal of the last incremental schedule; this is for "
                   "dumps by other means, and after a 'watch' that was killed. The next incremental dump is a full one." },
  { "watch", .run = run_watch, .check = check_watch, .options = watch_options,
    .flags = SH_COMMAND_CONNECTS | SH_COMMAND_CANCELLABLE,
    .help = "take incremental dumps of a domain at a short interval",
    .description = "Begins with a full dump and takes incremental ones until Ctrl-C, keeping the newest. Of overlays "
                   "those that a newer one builds on stay longer, and a full dump is taken now and then so that they "
                   "can go. An interval that passes while a dump is being taken is missed: that is counted and "
                   "printed. A dump that fails is reported and counted, and the next one is taken all the same. Removes "
                   "no dump that it did not take itself. When it ends, the domain's changes are no longer kept track of." },
  { NULL },
};
