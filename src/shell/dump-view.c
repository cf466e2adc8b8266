// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include "dump-view.h"

static void
set_count (JsonObject *object, const char *name, uint64_t value)
{
  json_object_set_int_member (object, name, (gint64) MIN (value, (uint64_t) G_MAXINT64));
}

static void
add_figures (JsonObject *object, const VthFigures *figures)
{
  sh_json_set_time_ns (object, "t0", (gint64) figures->t0_ns);
  set_count (object, "pause_ns", figures->pause_ns);
  set_count (object, "stall_max_ns", figures->stall_max_ns);
  set_count (object, "stall_count", figures->stall_count);
  set_count (object, "capture_ns", figures->capture_ns);
  set_count (object, "total_ns", figures->total_ns);
  set_count (object, "pages_total", figures->pages_total);
  set_count (object, "pages_zero", figures->pages_zero);
  set_count (object, "pages_copied", figures->pages_copied);
  set_count (object, "pages_fault_copied", figures->pages_fault_copied);
  set_count (object, "mirror_limit_bytes", figures->mirror_limit_bytes);
  set_count (object, "mirror_peak_bytes", figures->mirror_peak_bytes);
  set_count (object, "bytes_written", figures->bytes_written);
  if (figures->t0_tries) {
    set_count (object, "protect_calls", figures->protect_calls);
    set_count (object, "t0_tries", figures->t0_tries);
  }
}

static void
add_tracking (JsonObject *object, const VthDump *dump)
{
  const VthTracking *tracking = &dump->tracking;

  sh_json_set_string (object, "strategy", tracking->strategy);
  sh_json_set_string (object, "storage", tracking->storage);
  sh_json_set_string (object, "generation", tracking->generation);
  sh_json_set_string (object, "base_generation", tracking->base_generation);
  sh_json_set_string (object, "full_reason", tracking->full_reason);
  json_object_set_int_member (object, "chain_position", dump->chain_position);
  if (tracking->pages_dirty)
    set_count (object, "pages_dirty", tracking->pages_dirty);
}

char *
sh_dump_not_own (const VthDump *dump)
{
  return dump->own ? NULL
                   : g_strdup_printf ("'%s' is not in this host's register: it is somebody else's, or cannot be looked at, so "
                                      "it is not pruned", dump->path);
}

char *
sh_dump_no_manifest (const VthDump *dump)
{
  return dump->manifest_error ? g_strdup_printf ("the dump '%s' is complete, but has no manifest: %s", dump->path,
                                                 dump->manifest_error)
                              : NULL;
}

void
sh_dump_warn (Shell *shell, const VthDump *dump)
{
  g_autofree char *not_own = sh_dump_not_own (dump);
  g_autofree char *no_manifest = sh_dump_no_manifest (dump);

  if (not_own)
    sh_shell_warn (shell, "%s", not_own);
  if (no_manifest)
    sh_shell_warn (shell, "%s", no_manifest);
}

JsonObject *
sh_dump_to_json (const VthDump *dump)
{
  JsonObject *object = json_object_new ();
  bool is_known = dump->own || dump->names_itself || dump->has_figures || dump->paused; /* how it was taken */

  sh_json_set_string (object, "name", dump->name);
  sh_json_set_string (object, "path", dump->path);
  sh_json_set_string (object, "pool", dump->pool);
  sh_json_set_string (object, "domain", dump->domain);
  sh_json_set_string (object, "uuid", dump->uuid);
  sh_json_set_string (object, "schedule", dump->schedule);
  sh_json_set_string (object, "uri", dump->uri);
  sh_json_set_string (object, "base", dump->base);
  sh_json_set_time (object, "time", dump->time_s);
  sh_json_set_string (object, "mode", is_known ? vth_mode_to_string (dump->mode) : NULL);
  sh_json_set_string (object, "format", (int) dump->format < 0 ? NULL : vth_format_to_string (dump->format));
  if (is_known)
    json_object_set_boolean_member (object, "paused", dump->paused);
  else
    json_object_set_null_member (object, "paused");
  json_object_set_boolean_member (object, "own", dump->own);
  json_object_set_boolean_member (object, "changed", dump->changed);
  json_object_set_boolean_member (object, "manifest", dump->has_manifest);
  if (dump->manifest_error)
    sh_json_set_string (object, "manifest_error", dump->manifest_error);
  set_count (object, "size_bytes", dump->size_bytes);
  set_count (object, "allocated_bytes", dump->allocated_bytes);
  if (dump->has_unique)
    set_count (object, "unique_bytes", dump->unique_bytes);
  else
    json_object_set_null_member (object, "unique_bytes");
  add_tracking (object, dump);
  if (dump->has_figures)
    add_figures (object, &dump->figures);
  if (dump->n_segments) {
    json_object_set_int_member (object, "elf_class", dump->elf_class);
    json_object_set_int_member (object, "machine", dump->machine);
    json_object_set_int_member (object, "segments", dump->n_segments);
  }
  if (dump->n_cpus || dump->n_segments) {
    json_object_set_int_member (object, "cpus", dump->n_cpus);
    set_count (object, "memory_bytes", dump->memory_bytes);
    json_object_set_boolean_member (object, "vmcoreinfo", dump->has_vmcoreinfo);
    sh_json_set_string (object, "os_release", dump->os_release);
  }
  return object;
}

JsonObject *
sh_check_to_json (const VthCheck *check)
{
  JsonObject *object = json_object_new ();

  sh_json_set_string (object, "check", check->name);
  sh_json_set_string (object, "status", vth_check_status_to_string (check->status));
  sh_json_set_string (object, "detail", check->detail);
  sh_json_set_string (object, "remedy", check->remedy);
  return object;
}

char *
sh_dump_figures (const VthDump *dump)
{
  if (dump->has_figures) {
    g_autofree char *pause = sh_format_duration ((gint64) dump->figures.pause_ns);
    g_autofree char *stall = sh_format_duration ((gint64) dump->figures.stall_max_ns);
    g_autofree char *total = sh_format_duration ((gint64) dump->figures.total_ns);

    return g_strdup_printf ("pause %s, stall %s, total %s", pause, stall, total);
  }
  return g_strdup (dump->paused ? "the guest was stopped for it" : "no figures");
}

char *
sh_dump_chain (const VthDump *dump)
{
  if (dump->base) {
    g_autofree char *unique = dump->has_unique ? sh_format_size (dump->unique_bytes) : NULL;

    return g_strdup_printf ("; incremental on %s, %" G_GUINT64_FORMAT " pages%s%s", dump->base,
                            dump->tracking.pages_dirty, unique ? ", unique " : "", unique ? unique : "");
  }
  return dump->tracking.full_reason ? g_strconcat ("; full: ", dump->tracking.full_reason, NULL) : g_strdup ("");
}

const ShColumn sh_dump_list_columns[] = {
  { "Domain", "domain", SH_FORMAT_TEXT, .shrinks = 1 },
  { "Schedule", "schedule", SH_FORMAT_TEXT },
  { "Time", "time", SH_FORMAT_TIME },
  { "Size", "allocated_bytes", SH_FORMAT_SIZE },
  { "Unique", "unique_bytes", SH_FORMAT_SIZE },
  { "Paused", "paused", SH_FORMAT_YES_NO },
  { "Own", "own", SH_FORMAT_YES_NO },
  { "Name", "name", SH_FORMAT_TEXT, .shrinks = 1 },
  { "Base", "base", SH_FORMAT_TEXT, .shrinks = 2 },
  { NULL },
};

const ShColumn sh_dump_info_columns[] = {
  { "Path", "path", SH_FORMAT_TEXT },
  { "Pool", "pool", SH_FORMAT_TEXT },
  { "Domain", "domain", SH_FORMAT_TEXT },
  { "UUID", "uuid", SH_FORMAT_TEXT },
  { "Schedule", "schedule", SH_FORMAT_TEXT },
  { "Own", "own", SH_FORMAT_YES_NO },
  { "Connection", "uri", SH_FORMAT_TEXT },
  { "Base", "base", SH_FORMAT_TEXT },
  { "Builds on", "base_generation", SH_FORMAT_TEXT },
  { "Generation", "generation", SH_FORMAT_TEXT },
  { "Full because", "full_reason", SH_FORMAT_TEXT },
  { "Storage", "storage", SH_FORMAT_TEXT },
  { "Strategy", "strategy", SH_FORMAT_TEXT },
  { "Time", "time", SH_FORMAT_TIME },
  { "Mode", "mode", SH_FORMAT_TEXT },
  { "Guest was stopped", "paused", SH_FORMAT_YES_NO },
  { "Pause", "pause_ns", SH_FORMAT_DURATION },
  { "Calls within it", "protect_calls", SH_FORMAT_NUMBER },
  { "Longest stall", "stall_max_ns", SH_FORMAT_DURATION },
  { "Stalls", "stall_count", SH_FORMAT_NUMBER },
  { "Capture", "capture_ns", SH_FORMAT_DURATION },
  { "Total", "total_ns", SH_FORMAT_DURATION },
  { "Pages", "pages_total", SH_FORMAT_NUMBER },
  { "Pages saved", "pages_dirty", SH_FORMAT_NUMBER },
  { "Zero pages", "pages_zero", SH_FORMAT_NUMBER },
  { "Copied on a fault", "pages_fault_copied", SH_FORMAT_NUMBER },
  { "Mirror limit", "mirror_limit_bytes", SH_FORMAT_SIZE },
  { "Mirror peak", "mirror_peak_bytes", SH_FORMAT_SIZE },
  { "Format", "format", SH_FORMAT_TEXT },
  { "ELF class", "elf_class", SH_FORMAT_NUMBER },
  { "CPUs", "cpus", SH_FORMAT_NUMBER },
  { "Segments", "segments", SH_FORMAT_NUMBER },
  { "Memory", "memory_bytes", SH_FORMAT_SIZE },
  { "VMCOREINFO", "vmcoreinfo", SH_FORMAT_YES_NO },
  { "Kernel", "os_release", SH_FORMAT_TEXT },
  { "File size", "size_bytes", SH_FORMAT_SIZE },
  { "On disk", "allocated_bytes", SH_FORMAT_SIZE },
  { "Unique", "unique_bytes", SH_FORMAT_SIZE },
  { "Manifest", "manifest", SH_FORMAT_YES_NO },
  { NULL },
};
