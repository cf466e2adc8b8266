// SPDX-License-Identifier: GPL-2.0-or-later
/* jobs, job-abort, batch. */

#include "config.h"

#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "complete.h"
#include "dump-view.h"
#include "output.h"
#include "parse.h"
#include "select.h"
#include "shell.h"
#include "vthunder.h"

/* --- jobs --------------------------------------------------------------------- */

static JsonObject *
job_to_json (const VthJob *job)
{
  JsonObject *object = json_object_new ();

  sh_json_set_string (object, "domain", job->domain);
  sh_json_set_string (object, "operation", job->operation);
  json_object_set_int_member (object, "elapsed_ns", (gint64) job->elapsed_ms * 1000000);
  json_object_set_int_member (object, "done_bytes", (gint64) job->done_bytes);
  json_object_set_int_member (object, "total_bytes", (gint64) job->total_bytes);
  if (job->total_bytes)
    json_object_set_int_member (object, "percent", (gint64) ((double) job->done_bytes * 100 / (double) job->total_bytes));
  if (job->has_figures) {
    json_object_set_int_member (object, "pause_ns", (gint64) job->figures.pause_ns);
    json_object_set_int_member (object, "stall_max_ns", (gint64) job->figures.stall_max_ns);
    json_object_set_int_member (object, "stall_count", (gint64) job->figures.stall_count);
    json_object_set_int_member (object, "capture_ns", (gint64) job->figures.capture_ns);
    json_object_set_int_member (object, "total_ns", (gint64) job->figures.total_ns);
    json_object_set_int_member (object, "mirror_peak_bytes", (gint64) job->figures.mirror_peak_bytes);
    json_object_set_int_member (object, "bytes_written", (gint64) job->figures.bytes_written);
  }
  return object;
}

static const ShColumn job_columns[] = {
  { "Domain", "domain", SH_FORMAT_TEXT, .shrinks = 1 },
  { "Operation", "operation", SH_FORMAT_TEXT },
  { "Elapsed", "elapsed_ns", SH_FORMAT_DURATION },
  { "Done", "done_bytes", SH_FORMAT_SIZE },
  { "Total", "total_bytes", SH_FORMAT_SIZE },
  { "%", "percent", SH_FORMAT_NUMBER },
  { "Pause", "pause_ns", SH_FORMAT_DURATION },
  { "Stall", "stall_max_ns", SH_FORMAT_DURATION },
  { NULL },
};

static bool
run_jobs (Shell *shell, const ShArgs *args, GError **error)
{
  g_autoptr(JsonArray) array = json_array_new ();
  bool completed = sh_args_given (args, "completed");

  if (sh_args_given (args, "domain") || completed) {
    g_autoptr(GPtrArray) domains = sh_select_domains (shell, args, VTH_DOMAIN_LIST_ACTIVE, error);

    if (!domains)
      return false;
    for (guint i = 0; i < domains->len; i++) {
      g_autoptr(VthJob) job = NULL;
      g_autoptr(GError) reason = NULL;

      if (!vth_job_get (domains->pdata[i], completed, &job, &reason)) {
        /* One that nobody asked for by name is gone since it was listed. */
        if (!sh_args_given (args, "domain") && g_error_matches (reason, VTH_ERROR, VTH_ERROR_NOT_FOUND))
          continue;
        g_propagate_error (error, g_steal_pointer (&reason));
        return false;
      }
      if (job)
        json_array_add_object_element (array, job_to_json (job));
    }
  } else {
    g_autoptr(GPtrArray) jobs = vth_job_list (shell->conn, error);

    if (!jobs)
      return false;
    for (guint i = 0; i < jobs->len; i++)
      json_array_add_object_element (array, job_to_json (jobs->pdata[i]));
  }
  sh_output_list (array, job_columns, sh_args_given (args, "json"), !shell->quiet);
  return true;
}

static const ShOption jobs_options[] = {
  SH_OPTION_DOMAINS,
  { "completed", SH_OPTION_BOOL, 0, NULL, "show the last completed job of each domain" },
  SH_OPTION_JSON,
  { NULL },
};

static bool
run_job_abort (Shell *shell, const ShArgs *args, GError **error)
{
  g_autoptr(ShDomain) domain = NULL;

  if (!sh_select_check_writable (shell, args, error))
    return false;
  domain = sh_select_domain (shell, args, error);
  if (!domain || !vth_job_abort (domain, error))
    return false;
  if (!shell->quiet)
    sh_output ("Dump of domain '%s' aborted\n", virDomainGetName (domain));
  return true;
}

static const ShOption job_abort_options[] = {
  SH_OPTION_ACTIVE_DOMAIN_REQUIRED,
  { NULL },
};

/* --- batch -------------------------------------------------------------------- */

typedef struct {
  Shell *shell;
  JsonArray *array;               /* NULL: lines */
  bool to_journal;
} BatchReport;

/* Systemd says in JOURNAL_STREAM which file is the journal. */
static bool
is_journal (int fd)
{
  const char *stream = g_getenv ("JOURNAL_STREAM");
  unsigned long long device, inode;
  struct stat st;

  return stream && sscanf (stream, "%llu:%llu", &device, &inode) == 2 && fstat (fd, &st) == 0
         && st.st_dev == device && st.st_ino == inode;
}

static const char *
event_name (VthBatchEventKind kind)
{
  switch (kind) {
  case VTH_BATCH_STARTED:
    return "started";
  case VTH_BATCH_DONE:
    return "done";
  case VTH_BATCH_FAILED:
    return "failed";
  case VTH_BATCH_SKIPPED:
    return "skipped";
  case VTH_BATCH_BROKEN:
    return "broken";
  case VTH_BATCH_HOOK_FAILED:
    return "hook-failed";
  case VTH_BATCH_PRUNED:
    return "pruned";
  case VTH_BATCH_PRUNE_FAILED:
    return "prune-failed";
  case VTH_BATCH_RECOVERED:
    return "recovered";
  case VTH_BATCH_METRICS_FAILED:
    return "metrics-failed";
  case VTH_BATCH_WARNING:
    return "warning";
  }
  return "unknown";
}

static bool
is_bad (VthBatchEventKind kind)
{
  return kind == VTH_BATCH_FAILED || kind == VTH_BATCH_BROKEN || kind == VTH_BATCH_HOOK_FAILED
         || kind == VTH_BATCH_PRUNE_FAILED || kind == VTH_BATCH_METRICS_FAILED;
}

static void
append_dump (GString *line, const VthDump *dump, bool with_figures)
{
  g_autofree char *size = sh_format_size (dump->size_bytes);
  g_autofree char *chain = sh_dump_chain (dump);

  g_string_append_printf (line, " %s", dump->path ? dump->path : dump->name);
  if (!with_figures)
    return;
  g_string_append_printf (line, " %s", size);
  if (dump->has_figures) {
    g_autofree char *pause = sh_format_duration ((gint64) dump->figures.pause_ns);
    g_autofree char *stall = sh_format_duration ((gint64) dump->figures.stall_max_ns);
    g_autofree char *total = sh_format_duration ((gint64) dump->figures.total_ns);

    g_string_append_printf (line, ", pause %s, stall %s, total %s", pause, stall, total);
  } else if (dump->paused) {
    g_string_append (line, ", guest was stopped");
  }
  g_string_append (line, chain);
}

/* What is wrong with a dump that was taken all the same. */
static void
report_warning (const BatchReport *report, const VthBatchEvent *event, const char *text)
{
  if (text)
    sh_output_error ("%swarning: %s/%s: %s\n", report->to_journal ? "<4>" : "", event->domain, event->schedule, text);
}

static void
report_event (const VthBatchEvent *event, void *data)
{
  BatchReport *report = data;
  g_autoptr(GString) line = g_string_new (NULL);
  bool warns = event->kind == VTH_BATCH_WARNING;
  const char *level = is_bad (event->kind) ? "<3>" : warns || event->kind == VTH_BATCH_SKIPPED ? "<4>" : "<6>";

  if (report->array) {
    JsonObject *object = json_object_new ();

    sh_json_set_string (object, "event", event_name (event->kind));
    sh_json_set_string (object, "domain", event->domain);
    sh_json_set_string (object, "schedule", event->schedule);
    sh_json_set_time (object, "due", event->due_s);
    sh_json_set_string (object, "path", event->dump ? event->dump->path : NULL);
    if (event->dump)
      json_object_set_object_member (object, "dump", sh_dump_to_json (event->dump));
    else
      json_object_set_null_member (object, "dump");
    sh_json_set_string (object, "message", event->message);
    sh_json_set_string (object, "error", event->error ? event->error->message : NULL);
    json_array_add_object_element (report->array, object);
  }
  if (event->kind == VTH_BATCH_DONE) {
    g_autofree char *not_own = sh_dump_not_own (event->dump);
    g_autofree char *no_manifest = sh_dump_no_manifest (event->dump);

    report_warning (report, event, not_own);
    report_warning (report, event, no_manifest);
  }
  if (report->shell->quiet && !is_bad (event->kind) && !warns)
    return;
  /* The start of a dump is of interest only until its end is known. */
  if (event->kind == VTH_BATCH_STARTED && report->shell->debug > 1)
    return;

  g_string_append (line, event->domain ? event->domain : "host");
  if (event->schedule)
    g_string_append_printf (line, "/%s", event->schedule);
  g_string_append_printf (line, ": %s", event_name (event->kind));
  if (event->dump)
    append_dump (line, event->dump, event->kind == VTH_BATCH_DONE);
  if (event->message)
    g_string_append_printf (line, ": %s", event->message);
  if (event->error)
    g_string_append_printf (line, ": %s", event->error->message);
  if (event->kind == VTH_BATCH_SKIPPED)
    g_string_append (line, "; it stays due");
  if (g_error_matches (event->error, VTH_ERROR, VTH_ERROR_PAUSE_REFUSED))
    g_string_append (line, "; use schedule-edit --allow-pause yes, or see 'doctor'");
  sh_output_error ("%s%s%s\n", report->to_journal ? level : "", is_bad (event->kind) ? "error: " : "", line->str);
}

static bool
batch_result (const VthBatchSummary *summary, GError **error)
{
  unsigned bad = summary->failed + summary->broken + summary->hooks_failed + summary->prune_failed + summary->metrics_failed;

  if (!bad)
    return true;
  if (summary->done)
    g_set_error (error, SH_ERROR, SH_ERROR_PARTIAL, "batch: %u dumps taken, %u failed; other errors: %u",
                 summary->done, summary->failed, bad - summary->failed);
  else if (summary->broken && bad == summary->broken)
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "batch: domains with a broken configuration: %u", summary->broken);
  else
    g_set_error (error, SH_ERROR, SH_ERROR_FAILED, "batch: no dump taken, %u failed; other errors: %u",
                 summary->failed, bad - summary->failed);
  return false;
}

static bool
run_batch (Shell *shell, const ShArgs *args, GError **error)
{
  g_autoptr(VthHost) host = vth_host_load (NULL, error);
  g_autoptr(VthBatch) batch = NULL;
  g_autoptr(JsonArray) array = sh_args_given (args, "json") ? json_array_new () : NULL;
  BatchReport report = { shell, array, is_journal (STDERR_FILENO) };
  VthBatchSummary summary = { 0 };

  if (!host || (!sh_args_given (args, "dry-run") && !sh_select_check_writable (shell, args, error)))
    return false;
  if (sh_args_given (args, "state-dir"))
    vth_host_set_state_dir (host, sh_args_string (args, "state-dir"));
  if (sh_args_given (args, "max-parallel"))
    vth_host_set_max_parallel (host, (unsigned) sh_args_int (args, "max-parallel", 1));
  batch = vth_batch_new (shell->conn, host, NULL, NULL);
  vth_batch_set_dry_run (batch, sh_args_given (args, "dry-run"));
  if (!vth_batch_run (batch, report_event, &report, shell->cancellable, &summary, error))
    return false;

  if (array) {
    g_autoptr(JsonNode) node = json_node_new (JSON_NODE_OBJECT);
    JsonObject *object = json_object_new ();

    json_object_set_array_member (object, "events", g_steal_pointer (&array));
    json_object_set_int_member (object, "due", summary.due);
    json_object_set_int_member (object, "done", summary.done);
    json_object_set_int_member (object, "failed", summary.failed);
    json_object_set_int_member (object, "skipped", summary.skipped);
    json_object_set_int_member (object, "broken", summary.broken);
    json_object_set_int_member (object, "hooks_failed", summary.hooks_failed);
    json_object_set_int_member (object, "pruned", summary.pruned);
    json_object_set_int_member (object, "prune_failed", summary.prune_failed);
    json_object_set_int_member (object, "metrics_failed", summary.metrics_failed);
    json_node_take_object (node, object);
    sh_output_json (node);
  }
  return batch_result (&summary, error);
}

static const ShOption batch_options[] = {
  { "dry-run", SH_OPTION_BOOL, 0, NULL, "say what would be done, do nothing" },
  { "max-parallel", SH_OPTION_INT, 0, "<number>", "dumps at a time on this host", NULL, 1, 1024 },
  { "state-dir", SH_OPTION_STRING, 0, "<dir>", "directory for what the batch remembers", sh_complete_directory },
  SH_OPTION_JSON,
  { NULL },
};

const ShCommand sh_job_commands[] = {
  { "batch", .run = run_batch, .options = batch_options, .flags = SH_COMMAND_CONNECTS | SH_COMMAND_CANCELLABLE,
    .help = "take the dumps that are due",
    .description = "Takes all dumps that are due by the schedules of the running domains, then removes those that "
                   "retention does not keep. Meant to be run every minute by cron or a systemd timer, see "
                   "vthunder-batch(8); prints one line per dump on standard error." },
  { "job-abort", .run = run_job_abort, .options = job_abort_options, .flags = SH_COMMAND_CONNECTS,
    .help = "abort the running dump of a domain",
    .description = "The guest runs on and no file is left. Other jobs, such as backups and migrations, are not touched." },
  { "jobs", .run = run_jobs, .options = jobs_options, .flags = SH_COMMAND_CONNECTS, .help = "list running jobs",
    .description = "Lists the dumps, and other long jobs such as migrations, that run on the host's domains." },
  { NULL },
};
