// SPDX-License-Identifier: GPL-2.0-or-later
/* dump: take dumps now. */

#include "config.h"

#include "commands.h"
#include "complete.h"
#include "detach.h"
#include "dump-view.h"
#include "output.h"
#include "parse.h"
#include "select.h"
#include "shell.h"
#include "tuning.h"
#include "vthunder.h"

static bool
read_request (const ShArgs *args, VthDumpRequest *request, VthTuning *tuning, char **path, GError **error)
{
  const char *mode = sh_args_string (args, "mode");
  const char *format = sh_args_string (args, "format");

  request->mode = sh_args_given (args, "incremental") ? VTH_MODE_INCREMENTAL : VTH_MODE_MIRROR;
  request->format = VTH_FORMAT_ELF;
  if ((mode && !vth_mode_from_string (mode, &request->mode, error))
      || (format && !vth_format_from_string (format, &request->format, error))
      || !sh_tuning_read (args, false, tuning, error))
    return false;
  if (sh_args_given (args, "full") && request->mode != VTH_MODE_INCREMENTAL) {
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "option --full is for --incremental: other dumps are full always");
    return false;
  }
  if (sh_tuning_given (args) && request->mode == VTH_MODE_STOP) {
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "option --%s is not for --mode stop", sh_tuning_given (args));
    return false;
  }
  request->tuning = tuning;
  request->full = sh_args_given (args, "full");
  request->use_config_format = !format;
  /* Whoever asks for a stop by name allows it. */
  request->allow_pause = sh_args_given (args, "allow-pause") || request->mode == VTH_MODE_STOP;
  request->manifest = sh_args_given (args, "manifest");
  request->timeout_s = (unsigned) sh_args_int (args, "timeout", 0);
  if (sh_args_given (args, "file")) {
    *path = g_canonicalize_filename (sh_args_string (args, "file"), NULL);
    request->path = *path;
  }
  return true;
}

static bool
check_dump (const ShArgs *args, GError **error)
{
  static const char *const pairs[][2] = {
    { "wait", "detach" }, { "json", "detach" }, { "all", "file" }, { "all", "domain" },
    { "incremental", "mode" },
  };

  if (!sh_select_exclusive (args, pairs, G_N_ELEMENTS (pairs), error))
    return false;
  if (!sh_args_given (args, "all") && !sh_args_given (args, "domain")) {
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "command 'dump' requires <domain> or --all");
    return false;
  }
  if (sh_args_given (args, "file") && sh_args_strings (args, "domain")[1]) {
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "option --file is for a single domain");
    return false;
  }
  return true;
}

/* One dump under way, for whoever looks on. */
typedef struct {
  virDomainPtr domain;
  ShProgress progress;
  bool quiet;
  bool begun;
  int teller;                     /* of a process that was left in the background; -1: in front of a user */
} Take;

static void
show_progress (uint64_t done_bytes, uint64_t total_bytes, const VthFigures *figures G_GNUC_UNUSED, void *data)
{
  Take *take = data;

  if (!take->begun)
    sh_detached_tell (take->teller, SH_DETACHED_BEGUN, virDomainGetName (take->domain));
  take->begun = true;
  sh_progress_update (&take->progress, done_bytes, total_bytes);
}

/* Whoever pressed Ctrl-C should not wonder why nothing happens. */
static void
tell_cannot_cancel (void *data)
{
  Take *take = data;

  sh_progress_clear (&take->progress);
  sh_output_error ("the guest is stopped for this dump, which cannot be cut short; waiting for its end\n");
}

/* Nor should whoever did not. */
static void
tell_waiting (const char *job, void *data)
{
  const Take *take = data;
  g_autofree char *text = g_strdup_printf ("domain '%s' is busy: %s runs; waiting for its end",
                                           virDomainGetName (take->domain), job);

  sh_detached_tell (take->teller, SH_DETACHED_WAITS, text);
  if (!take->quiet)
    sh_output_error ("%s\n", text);
}

static void
add_way_out (GError *error)
{
  g_autofree char *message = NULL;

  if (!g_error_matches (error, VTH_ERROR, VTH_ERROR_PAUSE_REFUSED))
    return;
  message = error->message;
  error->message = g_strconcat (message, "; use --allow-pause, or see 'doctor'", NULL);
}

static VthDump *
take_one (Shell *shell, virDomainPtr domain, VthDumpRequest *request, int teller, GError **error)
{
  Take take = { .domain = domain, .quiet = shell->quiet, .teller = teller };
  VthDump *dump;

  sh_progress_init (&take.progress, virDomainGetName (domain), !shell->quiet);
  request->cannot_cancel = tell_cannot_cancel;
  request->waiting = tell_waiting;
  dump = vth_dump_take (domain, request, show_progress, &take, shell->cancellable, error);
  sh_progress_clear (&take.progress);
  return dump;
}

static void
print_dump (virDomainPtr domain, const VthDump *dump)
{
  g_autofree char *size = sh_format_size (dump->size_bytes);
  g_autofree char *figures = sh_dump_figures (dump);
  g_autofree char *chain = sh_dump_chain (dump);

  sh_output ("Domain '%s' dumped to %s (%s): %s%s\n", virDomainGetName (domain), dump->path ? dump->path : dump->name,
             size, figures, chain);
  fflush (stdout);
}

static JsonObject *
error_to_json (virDomainPtr domain, const GError *error)
{
  JsonObject *object = json_object_new ();

  sh_json_set_string (object, "domain", virDomainGetName (domain));
  sh_json_set_string (object, "error", error->message);
  return object;
}

static bool
run_dump (Shell *shell, const ShArgs *args, GError **error)
{
  VthDumpRequest request = { 0 };
  VthTuning tuning = { 0 };
  g_autofree char *path = NULL;
  g_autoptr(VthHost) host = NULL;
  g_autoptr(GPtrArray) domains = NULL;
  g_autoptr(JsonArray) array = json_array_new ();
  bool json = sh_args_given (args, "json");
  int teller = sh_detached_open ();
  guint failed = 0;

  if (!read_request (args, &request, &tuning, &path, error))
    return false;
  if (!sh_select_check_writable (shell, args, error))
    return false;
  host = vth_host_load (NULL, error);
  if (!host)
    return false;
  request.host = host;
  domains = sh_select_domains (shell, args, VTH_DOMAIN_LIST_ACTIVE, error);
  if (!domains)
    return false;
  if (sh_args_given (args, "detach") && domains->len)
    return sh_detach (shell, args, domains->len, error);

  for (guint i = 0; i < domains->len; i++) {
    virDomainPtr domain = domains->pdata[i];
    g_autoptr(GError) reason = NULL;
    g_autoptr(VthDump) dump = take_one (shell, domain, &request, teller, &reason);

    if (dump) {
      sh_detached_tell (teller, SH_DETACHED_DONE, virDomainGetName (domain));
      sh_dump_warn (shell, dump);
      if (json)
        json_array_add_object_element (array, sh_dump_to_json (dump));
      else if (!shell->quiet)
        print_dump (domain, dump);
      continue;
    }
    failed++;
    add_way_out (reason);
    if (json)
      json_array_add_object_element (array, error_to_json (domain, reason));
    if (domains->len == 1 || g_error_matches (reason, VTH_ERROR, VTH_ERROR_CANCELLED)) {
      g_propagate_error (error, g_steal_pointer (&reason));
      break;
    }
    sh_detached_tell (teller, SH_DETACHED_FAILED, reason->message);
    sh_shell_report (shell, reason);
  }
  if (json)
    sh_output_list (array, NULL, true, false);
  if (!failed)
    return true;
  if (error && !*error)
    g_set_error (error, SH_ERROR, failed < domains->len ? SH_ERROR_PARTIAL : SH_ERROR_FAILED,
                 "%u of %u dumps failed", failed, domains->len);
  return false;
}

static const ShOption dump_options[] = {
  { "domain", SH_OPTION_STRING, SH_OPTION_POSITIONAL | SH_OPTION_REPEATED, "<domain>",
    "domain name, id, uuid or display name", sh_complete_active_domain },
  { "all", SH_OPTION_BOOL, 0, NULL, "dump all running domains, one after the other" },
  { "file", SH_OPTION_STRING, 0, "<path>", "where to dump to instead of the domain's output", sh_complete_file },
  { "format", SH_OPTION_STRING, 0, "<format>", "elf, kdump-zlib, kdump-lzo, kdump-snappy, kdump-zstd or win-dmp",
    sh_complete_format },
  { "mode", SH_OPTION_STRING, 0, "<mode>", "mirror: the guest runs on (default); stop: it is stopped; incremental",
    sh_complete_mode },
  { "incremental", SH_OPTION_BOOL, 0, NULL, "save only what the guest wrote since the last such dump" },
  { "full", SH_OPTION_BOOL, 0, NULL, "with --incremental, save everything, for later ones to build on" },
  { "allow-pause", SH_OPTION_BOOL, 0, NULL, "stop the guest if there is no other way" },
  { "manifest", SH_OPTION_BOOL, 0, NULL, "also write a SHA-256 manifest" },
  { "timeout", SH_OPTION_INT, 0, "<seconds>", "cancel a dump that takes longer", NULL, 1, G_MAXINT },
  SH_OPTIONS_TUNING (1),
  { "wait", SH_OPTION_BOOL, 0, NULL, "return when the dumps are complete (default)" },
  { "detach", SH_OPTION_BOOL, 0, NULL, "return when the first dump runs" },
  SH_OPTION_JSON,
  { NULL },
};

const ShCommand sh_dump_commands[] = {
  { "dump", .run = run_dump, .check = check_dump, .options = dump_options,
    .flags = SH_COMMAND_CONNECTS | SH_COMMAND_CANCELLABLE,
    .help = "dump the memory of domains to files",
    .description = "Takes a memory dump of each domain while it runs on, to the output that path-set chose, and "
                   "prints how long the guest was paused, the longest time a virtual CPU was stalled, the total time "
                   "and the path. With --incremental the dump builds on the last one of that kind: it shares blocks "
                   "with it, or is a qcow2 overlay over it; where that is not possible it is a full one and the "
                   "reason is printed. Ctrl-C cancels: the guest runs on and no file is left. A dump that would stop the "
                   "guest is refused unless --allow-pause or --mode stop is given; once begun it cannot be cancelled." },
  { NULL },
};
