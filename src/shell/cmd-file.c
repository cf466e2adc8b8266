// SPDX-License-Identifier: GPL-2.0-or-later
/* dump-list, dump-info, dump-verify, dump-prune, dump-adopt, dump-export, dump-diff, dump-download: what became of dumps. */

#include "config.h"

#include <string.h>

#include "commands.h"
#include "complete.h"
#include "dump-view.h"
#include "output.h"
#include "parse.h"
#include "select.h"
#include "shell.h"
#include "vthunder.h"

/* --- dump-list ----------------------------------------------------------------- */

static VthOutput *
output_of (Shell *shell, virDomainPtr domain, const VthHost *host, VthConfig **config, GError **error)
{
  g_autoptr(VthConfig) loaded = vth_config_load (domain, VTH_IMPACT_CURRENT, error);
  VthOutput *output = loaded ? vth_output_resolve (shell->conn, loaded, host, error) : NULL;

  if (output && config)
    *config = g_steal_pointer (&loaded);
  return output;
}

/* What --schedule and --foreign leave. */
static bool
is_wanted (const VthDump *dump, const ShArgs *args)
{
  return (!sh_args_given (args, "schedule") || g_strcmp0 (dump->schedule, sh_args_string (args, "schedule")) == 0)
         && (!sh_args_given (args, "foreign") || !dump->own);
}

static void
add_dumps (GPtrArray *dumps, const ShArgs *args, JsonArray *array)
{
  for (guint i = 0; i < dumps->len; i++)
    if (is_wanted (dumps->pdata[i], args))
      json_array_add_object_element (array, sh_dump_to_json (dumps->pdata[i]));
}

static bool
list_of_domain (Shell *shell, virDomainPtr domain, const VthHost *host, const ShArgs *args, VthOutput **first,
                JsonArray *array, GError **error)
{
  g_autoptr(VthOutput) own = output_of (shell, domain, host, NULL, error);
  VthOutput *output = own;
  g_autoptr(GPtrArray) dumps = NULL;

  if (!output)
    return false;
  if (*first)
    vth_output_share_domains (output, *first);
  else
    *first = g_steal_pointer (&own);
  dumps = vth_dump_list_all (output, domain, error);
  if (!dumps)
    return false;
  add_dumps (dumps, args, array);
  return true;
}

/* Whether @output, by whatever path, was seen before; takes it if not. */
static bool
is_seen (GPtrArray *outputs, VthOutput **output)
{
  for (guint i = 0; i < outputs->len; i++)
    if (vth_output_is_same (outputs->pdata[i], *output))
      return true;
  if (outputs->len)
    vth_output_share_domains (*output, outputs->pdata[0]);
  g_ptr_array_add (outputs, g_steal_pointer (output));
  return false;
}

/* Domains share outputs, so each output is read once, whoever's dumps are in it:
 * also those of domains that exist no longer. */
static bool
list_everything (Shell *shell, const VthHost *host, const ShArgs *args, JsonArray *array, GError **error)
{
  g_autoptr(GPtrArray) domains = vth_domain_list (shell->conn, VTH_DOMAIN_LIST_ACTIVE | VTH_DOMAIN_LIST_INACTIVE,
                                                  NULL, error);
  g_autoptr(GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GPtrArray) outputs = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_output_free);
  g_autoptr(VthConfig) empty = vth_config_new ();
  guint failed = 0, listed = 0;

  if (!domains)
    return false;
  for (guint i = 0; i <= domains->len; i++) {
    const VthDomain *domain = i < domains->len ? domains->pdata[i] : NULL;
    const VthConfig *config = domain ? domain->config : empty;
    g_autoptr(GError) reason = NULL;
    g_autoptr(VthOutput) output = NULL;
    g_autoptr(GPtrArray) dumps = NULL;
    g_autofree char *key = NULL;
    bool is_there;

    if (!config) {
      sh_shell_warn (shell, "%s", domain->config_error->message);
      failed++;
      continue;
    }
    key = g_strdup_printf ("%d %s", vth_config_get_output_kind (config),
                           vth_config_get_output (config) ? vth_config_get_output (config) : "");
    if (!g_hash_table_add (seen, g_strdup (key)))
      continue;
    output = vth_output_resolve (shell->conn, config, host, &reason);
    is_there = output != NULL;
    if (is_there && is_seen (outputs, &output))
      continue;
    dumps = is_there ? vth_dump_list_all (outputs->pdata[outputs->len - 1], NULL, &reason) : NULL;
    if (!dumps) {
      /* Nothing was ever dumped to the default, which a remote host does not even have. */
      if (!is_there && vth_config_get_output_kind (config) == VTH_OUTPUT_NONE
          && (g_error_matches (reason, VTH_ERROR, VTH_ERROR_NOT_FOUND)
              || g_error_matches (reason, VTH_ERROR, VTH_ERROR_USAGE)))
        continue;
      sh_shell_report (shell, reason);
      failed++;
      continue;
    }
    listed++;
    add_dumps (dumps, args, array);
  }
  if (failed) {
    g_set_error (error, SH_ERROR, listed ? SH_ERROR_PARTIAL : SH_ERROR_FAILED, "%u outputs could not be listed",
                 failed);
    return false;
  }
  return true;
}

static bool
check_dump_list (const ShArgs *args, GError **error)
{
  static const char *const pairs[][2] = { { "json", "name" } };

  return sh_select_exclusive (args, pairs, G_N_ELEMENTS (pairs), error);
}

static bool
run_dump_list (Shell *shell, const ShArgs *args, GError **error)
{
  g_autoptr(VthHost) host = vth_host_load (NULL, error);
  g_autoptr(JsonArray) array = json_array_new ();
  g_autoptr(GError) reason = NULL;
  bool ok = true;

  if (!host)
    return false;
  if (sh_args_given (args, "domain")) {
    g_autoptr(GPtrArray) domains = sh_select_domains (shell, args, 0, error);
    g_autoptr(VthOutput) first = NULL;

    if (!domains)
      return false;
    for (guint i = 0; i < domains->len; i++)
      if (!list_of_domain (shell, domains->pdata[i], host, args, &first, array, error))
        return false;
  } else {
    ok = list_everything (shell, host, args, array, &reason);
  }
  if (sh_args_given (args, "name")) {
    for (guint i = 0; i < json_array_get_length (array); i++)
      sh_output ("%s\n", json_object_get_string_member (json_array_get_object_element (array, i), "name"));
  } else {
    sh_output_list (array, sh_dump_list_columns, sh_args_given (args, "json"), !shell->quiet);
  }
  if (!ok)
    g_propagate_error (error, g_steal_pointer (&reason));
  return ok;
}

static const ShOption dump_list_options[] = {
  SH_OPTION_DOMAINS,
  { "schedule", SH_OPTION_STRING, 0, "<schedule>", "only dumps of that schedule", sh_complete_schedule },
  { "foreign", SH_OPTION_BOOL, 0, NULL, "only those that are not in this host's register" },
  { "name", SH_OPTION_BOOL, 0, NULL, "list file names only" },
  SH_OPTION_JSON,
  { NULL },
};

/* --- finding one dump ------------------------------------------------------------ */

/* A file of this host, or what an output calls by its name. */
typedef struct {
  char *path;
  VthOutput *output;              /* NULL: @path is all there is to it */
  char *name;
} Found;

static void
found_clear (Found *found)
{
  g_clear_pointer (&found->path, g_free);
  g_clear_pointer (&found->output, vth_output_free);
  g_clear_pointer (&found->name, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Found, found_clear)

static VthOutput *
output_of_domain (Shell *shell, virDomainPtr domain, GError **error)
{
  g_autoptr(VthHost) host = vth_host_load (NULL, error);

  return host ? output_of (shell, domain, host, NULL, error) : NULL;
}

/* With --domain a word is the name of one of its dumps. */
static bool
find_named (Shell *shell, const ShArgs *args, const char *word, Found *found, GError **error)
{
  g_autoptr(ShDomain) domain = NULL;

  if (!sh_shell_connect (shell, error))
    return false;
  domain = sh_select_domain (shell, args, error);
  found->output = domain ? output_of_domain (shell, domain, error) : NULL;
  if (!found->output)
    return false;
  found->name = g_path_get_basename (word);
  found->path = g_build_filename (vth_output_get_path (found->output), found->name, NULL);
  return true;
}

/* A word with a slash is a file; else a domain goes first and its newest dump
 * is meant. */
static bool
find_dump (Shell *shell, const ShArgs *args, const char *word, Found *found, GError **error)
{
  g_autoptr(ShDomain) domain = NULL;
  g_autoptr(GPtrArray) dumps = NULL;
  g_autoptr(GError) reason = NULL;
  const VthDump *newest = NULL;

  if (sh_args_given (args, "domain"))
    return find_named (shell, args, word, found, error);
  if (strchr (word, '/')) {
    found->path = g_canonicalize_filename (word, NULL);
    return true;
  }
  if (sh_shell_connect (shell, &reason))
    domain = vth_domain_lookup (shell->conn, word, &reason);
  if (!domain) {
    if (g_file_test (word, G_FILE_TEST_EXISTS)) {
      found->path = g_canonicalize_filename (word, NULL);
      return true;
    }
    if (g_error_matches (reason, VTH_ERROR, VTH_ERROR_NOT_FOUND))
      g_set_error (error, VTH_ERROR, VTH_ERROR_NOT_FOUND, "'%s' is neither a domain nor a file", word);
    else
      g_propagate_error (error, g_steal_pointer (&reason));
    return false;
  }
  found->output = output_of_domain (shell, domain, error);
  dumps = found->output ? vth_dump_list_all (found->output, domain, error) : NULL;
  if (!dumps)
    return false;
  /* What anybody could have put there is not the domain's newest; but one of ours that was changed is not passed over. */
  for (guint i = dumps->len; !newest && i-- > 0;)
    if (((const VthDump *) dumps->pdata[i])->own || ((const VthDump *) dumps->pdata[i])->changed)
      newest = dumps->pdata[i];
  if (!newest) {
    g_set_error (error, VTH_ERROR, VTH_ERROR_NOT_FOUND, "there is no dump of domain '%s' in '%s'%s",
                 virDomainGetName (domain), vth_output_get_target (found->output),
                 dumps->len ? " that is this host's: name one, see dump-list --foreign" : "");
    return false;
  }
  found->name = g_strdup (newest->name);
  found->path = g_strdup (newest->path);
  return true;
}

#define DUMP_DOMAIN_OPTION \
  { "domain", SH_OPTION_STRING, 0, "<domain>", "take names of dumps of that domain, as dump-list prints them", \
    sh_complete_domain }

/* --- dump-info ------------------------------------------------------------------- */

static bool
run_dump_info (Shell *shell, const ShArgs *args, GError **error)
{
  g_auto(Found) found = { 0 };
  g_autoptr(VthDump) dump = NULL;
  JsonObject *object;

  if (!find_dump (shell, args, sh_args_string (args, "dump"), &found, error))
    return false;
  dump = found.output ? vth_dump_inspect_in (found.output, found.name, error) : vth_dump_inspect (found.path, error);
  if (!dump)
    return false;
  object = sh_dump_to_json (dump);
  if (dump->note_json) {
    JsonNode *note = json_from_string (dump->note_json, NULL);

    if (note)
      json_object_set_member (object, "note", note);
  }
  sh_output_object (object, sh_dump_info_columns, sh_args_given (args, "json"));
  json_object_unref (object);
  return true;
}

static const ShOption dump_info_options[] = {
  { "dump", SH_OPTION_STRING, SH_OPTION_REQUIRED | SH_OPTION_POSITIONAL, "<file|domain>",
    "dump file, or domain for its newest dump", sh_complete_file_or_domain },
  DUMP_DOMAIN_OPTION,
  SH_OPTION_JSON,
  { NULL },
};

/* --- dump-verify ----------------------------------------------------------------- */

static const ShColumn verify_columns[] = {
  { "Check", "check", SH_FORMAT_TEXT },
  { "Status", "status", SH_FORMAT_TEXT },
  { "Found", "detail", SH_FORMAT_TEXT },
  { NULL },
};

static void
show_progress (uint64_t done_bytes, uint64_t total_bytes, const VthFigures *figures G_GNUC_UNUSED, void *data)
{
  sh_progress_update (data, done_bytes, total_bytes);
}

/* True if the file is whole; false without an error if a check says otherwise. */
static bool
verify_one (Shell *shell, const Found *found, bool json, JsonArray *array, GError **error)
{
  const char *path = found->path;
  g_auto(ShProgress) progress = { 0 };
  g_autoptr(GPtrArray) checks = NULL;
  g_autoptr(JsonArray) results = json_array_new ();
  JsonObject *object;
  bool whole = true;

  sh_progress_init (&progress, path, !shell->quiet);
  if (!(found->output ? vth_dump_verify_in (found->output, found->name, show_progress, &progress, shell->cancellable,
                                            &checks, error)
                      : vth_dump_verify (path, show_progress, &progress, shell->cancellable, &checks, error)))
    return false;
  sh_progress_clear (&progress);

  for (guint i = 0; i < checks->len; i++) {
    const VthCheck *check = checks->pdata[i];

    whole = whole && check->status != VTH_CHECK_FAILED;
    json_array_add_object_element (results, sh_check_to_json (check));
  }
  if (json) {
    object = json_object_new ();
    sh_json_set_string (object, "path", path);
    json_object_set_boolean_member (object, "whole", whole);
    json_object_set_array_member (object, "checks", g_steal_pointer (&results));
    json_array_add_object_element (array, object);
  } else if (!shell->quiet) {
    sh_output ("%s: %s\n", path, whole ? "whole" : "damaged");
    sh_output_list (results, verify_columns, false, true);
  }
  return whole;
}

static bool
run_dump_verify (Shell *shell, const ShArgs *args, GError **error)
{
  const char *const *words = sh_args_strings (args, "dump");
  bool json = sh_args_given (args, "json");
  g_autoptr(JsonArray) array = json_array_new ();
  guint failed = 0, n = 0;

  for (; words[n]; n++) {
    g_autoptr(GError) reason = NULL;
    g_auto(Found) found = { 0 };

    if (find_dump (shell, args, words[n], &found, &reason) && verify_one (shell, &found, json, array, &reason))
      continue;
    failed++;
    if (!reason)
      g_set_error (&reason, SH_ERROR, SH_ERROR_FAILED, "'%s' is damaged", found.path);
    if (!words[1] || g_error_matches (reason, VTH_ERROR, VTH_ERROR_CANCELLED)) {
      g_propagate_error (error, g_steal_pointer (&reason));
      break;
    }
    sh_shell_report (shell, reason);
  }
  if (json)
    sh_output_list (array, NULL, true, false);
  if (failed && !*error)
    g_set_error (error, SH_ERROR, failed < n ? SH_ERROR_PARTIAL : SH_ERROR_FAILED, "%u of %u dumps failed the check",
                 failed, n);
  return !failed;
}

static const ShOption dump_verify_options[] = {
  { "dump", SH_OPTION_STRING, SH_OPTION_REQUIRED | SH_OPTION_POSITIONAL | SH_OPTION_REPEATED, "<file|domain>",
    "dump file, or domain for its newest dump", sh_complete_file_or_domain },
  DUMP_DOMAIN_OPTION,
  SH_OPTION_JSON,
  { NULL },
};

/* --- dump-prune ------------------------------------------------------------------ */

static const ShColumn prune_columns[] = {
  { "Domain", "domain", SH_FORMAT_TEXT, .shrinks = 1 },
  { "Schedule", "schedule", SH_FORMAT_TEXT },
  { "Time", "time", SH_FORMAT_TIME },
  { "Action", "action", SH_FORMAT_TEXT },
  { "Reason", "reason", SH_FORMAT_TEXT, .shrinks = 2 },
  { "Name", "name", SH_FORMAT_TEXT, .shrinks = 1 },
  { NULL },
};

static JsonObject *
prune_item_to_json (const VthPruneItem *item, bool dry_run)
{
  JsonObject *object = sh_dump_to_json (item->dump);

  json_object_set_boolean_member (object, "keep", item->keep);
  json_object_set_boolean_member (object, "removed", item->removed);
  sh_json_set_string (object, "action",
                      item->keep ? "keep" : dry_run ? "would remove" : item->removed ? "removed" : "failed");
  sh_json_set_string (object, "reason", item->reason);
  sh_json_set_string (object, "error", item->error ? item->error->message : NULL);
  return object;
}

/* What is left alone is worth a row too: it takes space, and nobody else will remove it. */
static void
add_foreign (VthOutput *output, virDomainPtr domain, const char *schedule, JsonArray *array)
{
  g_autoptr(GPtrArray) dumps = vth_dump_list_all (output, domain, NULL);

  for (guint i = 0; dumps && i < dumps->len; i++) {
    VthDump *dump = dumps->pdata[i];

    if (!dump->own && (!schedule || g_strcmp0 (dump->schedule, schedule) == 0)) {
      const char *why = dump->changed ? "foreign: changed since it was written, see dump-adopt"
                                      : "foreign: not in this host's register, see dump-adopt";
      VthPruneItem item = { .dump = dump, .keep = true, .reason = (char *) why };

      json_array_add_object_element (array, prune_item_to_json (&item, true));
    }
  }
}

static bool
prune_one (Shell *shell, virDomainPtr domain, const VthHost *host, const char *schedule, bool dry_run,
           VthOutput **first, JsonArray *array, guint *removed, guint *failed, GError **error)
{
  g_autoptr(VthConfig) config = NULL;
  g_autoptr(VthOutput) own = output_of (shell, domain, host, &config, error);
  VthOutput *output = own;
  g_autoptr(GPtrArray) plan = NULL;

  if (!output)
    return false;
  if (*first)
    vth_output_share_domains (output, *first);
  else
    *first = g_steal_pointer (&own);
  plan = vth_prune_plan (output, domain, config, schedule, NULL, error);
  if (!plan)
    return false;
  if (!dry_run)
    *failed += vth_prune_execute (output, plan);
  for (guint i = 0; i < plan->len; i++) {
    const VthPruneItem *item = plan->pdata[i];

    *removed += item->removed;
    if (item->error)
      sh_shell_report (shell, item->error);
    json_array_add_object_element (array, prune_item_to_json (item, dry_run));
  }
  add_foreign (output, domain, schedule, array);
  return true;
}

/* Files go for good here, so "all" has to be said. */
static bool
check_dump_prune (const ShArgs *args, GError **error)
{
  if (sh_args_given (args, "all") != sh_args_given (args, "domain"))
    return true;
  g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "command 'dump-prune' requires either <domain> or --all");
  return false;
}

static bool
run_dump_prune (Shell *shell, const ShArgs *args, GError **error)
{
  g_autoptr(VthHost) host = NULL;
  g_autoptr(GPtrArray) domains = NULL;
  g_autoptr(VthOutput) first = NULL;
  g_autoptr(JsonArray) array = json_array_new ();
  bool dry_run = sh_args_given (args, "dry-run");
  guint i = 0, removed = 0, failed = 0, broken = 0;

  if (!dry_run && !sh_select_check_writable (shell, args, error))
    return false;
  host = vth_host_load (NULL, error);
  domains = host ? sh_select_domains (shell, args, VTH_DOMAIN_LIST_ACTIVE | VTH_DOMAIN_LIST_INACTIVE, error) : NULL;
  if (!domains)
    return false;
  for (; i < domains->len && !g_cancellable_is_cancelled (shell->cancellable); i++) {
    g_autoptr(GError) reason = NULL;

    if (prune_one (shell, domains->pdata[i], host, sh_args_string (args, "schedule"), dry_run, &first, array, &removed,
                   &failed, &reason))
      continue;
    if (domains->len == 1) {
      g_propagate_error (error, g_steal_pointer (&reason));
      return false;
    }
    sh_shell_report (shell, reason);
    broken++;
  }
  sh_output_list (array, prune_columns, sh_args_given (args, "json"), !shell->quiet);
  if (i < domains->len)
    g_set_error (error, VTH_ERROR, VTH_ERROR_CANCELLED, "prune: cancelled after %u of %u domains; %u dumps could not be "
                 "removed", i, domains->len, failed);
  else if (failed + broken)
    g_set_error (error, SH_ERROR, removed || (broken && broken < domains->len) ? SH_ERROR_PARTIAL : SH_ERROR_FAILED,
                 "prune: %u dumps could not be removed, %u domains not looked at", failed, broken);
  else
    return true;
  return false;
}

static const ShOption dump_prune_options[] = {
  SH_OPTION_DOMAINS,
  { "all", SH_OPTION_BOOL, 0, NULL, "the dumps of all domains" },
  { "schedule", SH_OPTION_STRING, 0, "<schedule>", "only dumps of that schedule", sh_complete_schedule },
  { "dry-run", SH_OPTION_BOOL, 0, NULL, "say what would be removed and why, remove nothing" },
  SH_OPTION_JSON,
  { NULL },
};

/* --- dump-adopt ------------------------------------------------------------------ */

static bool
adopt_one (Shell *shell, const ShArgs *args, const char *word, GError **error)
{
  g_auto(Found) found = { 0 };
  g_autofree char *folder = NULL;

  if (sh_args_given (args, "domain")) {
    if (!find_named (shell, args, word, &found, error))
      return false;
  } else {
    found.path = g_canonicalize_filename (word, NULL);
    folder = g_path_get_dirname (found.path);
    found.name = g_path_get_basename (found.path);
    /* With the connection: what a domain uses is refused. */
    found.output = vth_output_new (shell->conn, VTH_OUTPUT_DIR, folder, error);
  }
  if (!found.output || !vth_output_check (found.output, error) || !vth_dump_adopt (found.output, found.name, error))
    return false;
  if (!shell->quiet)
    sh_output ("Dump '%s' adopted\n", found.path);
  return true;
}

static bool
run_dump_adopt (Shell *shell, const ShArgs *args, GError **error)
{
  const char *const *words = sh_args_strings (args, "file");
  guint failed = 0, n = 0;

  if (!sh_select_check_writable (shell, args, error))
    return false;
  for (; words[n]; n++) {
    g_autoptr(GError) reason = NULL;

    if (adopt_one (shell, args, words[n], &reason))
      continue;
    failed++;
    if (!words[1]) {
      g_propagate_error (error, g_steal_pointer (&reason));
      return false;
    }
    sh_shell_report (shell, reason);
  }
  if (failed)
    g_set_error (error, SH_ERROR, failed < n ? SH_ERROR_PARTIAL : SH_ERROR_FAILED, "%u of %u dumps were not adopted",
                 failed, n);
  return !failed;
}

static const ShOption dump_adopt_options[] = {
  { "file", SH_OPTION_STRING, SH_OPTION_REQUIRED | SH_OPTION_POSITIONAL | SH_OPTION_REPEATED, "<file>",
    "dump file", sh_complete_file },
  DUMP_DOMAIN_OPTION,
  { NULL },
};

/* --- dump-export, dump-diff ------------------------------------------------------ */

/* A dump whose files are opened here. */
static bool
find_local (Shell *shell, const ShArgs *args, const char *word, Found *found, GError **error)
{
  if (!find_dump (shell, args, word, found, error))
    return false;
  if (!found->output || vth_output_is_local (found->output))
    return true;
  g_set_error (error, VTH_ERROR, VTH_ERROR_UNSUPPORTED, "'%s' is on another host: run %s there, or use dump-download",
               found->path, args->command->name);
  return false;
}

static bool
run_dump_export (Shell *shell, const ShArgs *args, GError **error)
{
  g_auto(Found) found = { 0 };
  g_auto(ShProgress) progress = { 0 };
  g_autofree char *to = g_canonicalize_filename (sh_args_string (args, "file"), NULL);
  g_autofree char *base = NULL;
  g_autoptr(GError) reason = NULL;

  if (!find_local (shell, args, sh_args_string (args, "dump"), &found, error))
    return false;
  if (g_file_test (to, G_FILE_TEST_IS_DIR)) {
    g_autofree char *folder = g_steal_pointer (&to);

    base = g_path_get_basename (found.path);
    to = g_build_filename (folder, base, NULL);
  }
  sh_progress_init (&progress, found.path, !shell->quiet);
  if (!vth_dump_export (found.path, to, sh_args_given (args, "force"), show_progress, &progress, shell->cancellable,
                        &reason)) {
    bool exists = g_error_matches (reason, VTH_ERROR, VTH_ERROR_USAGE) && !sh_args_given (args, "force");

    g_set_error (error, reason->domain, reason->code, "%s%s", reason->message,
                 exists ? "; use --force to replace a file" : "");
    return false;
  }
  sh_progress_clear (&progress);
  if (!shell->quiet)
    sh_output ("Dump '%s' exported to %s\n", found.path, to);
  return true;
}

static const ShOption dump_export_options[] = {
  { "dump", SH_OPTION_STRING, SH_OPTION_REQUIRED | SH_OPTION_POSITIONAL, "<file|domain>",
    "dump file, or domain for its newest dump", sh_complete_file_or_domain },
  { "file", SH_OPTION_STRING, SH_OPTION_REQUIRED | SH_OPTION_POSITIONAL, "<file>", "file to write, or directory",
    sh_complete_file },
  { "force", SH_OPTION_BOOL, 0, NULL, "replace a file that exists" },
  DUMP_DOMAIN_OPTION,
  { NULL },
};

static const ShColumn diff_columns[] = {
  { "Start", "start", SH_FORMAT_TEXT },
  { "End", "end", SH_FORMAT_TEXT },
  { "Pages", "pages", SH_FORMAT_NUMBER },
  { NULL },
};

static void
set_address (JsonObject *object, const char *name, uint64_t address)
{
  g_autofree char *text = g_strdup_printf ("0x%" G_GINT64_MODIFIER "x", address);

  sh_json_set_string (object, name, text);
}

static bool
run_dump_diff (Shell *shell, const ShArgs *args, GError **error)
{
  g_auto(Found) a = { 0 };
  g_auto(Found) b = { 0 };
  g_auto(ShProgress) progress = { 0 };
  g_autoptr(VthDiff) diff = NULL;
  g_autoptr(JsonArray) ranges = json_array_new ();

  if (!find_local (shell, args, sh_args_string (args, "dump"), &a, error)
      || !find_local (shell, args, sh_args_string (args, "other"), &b, error))
    return false;
  sh_progress_init (&progress, b.path, !shell->quiet);
  diff = vth_dump_diff (a.path, b.path, show_progress, &progress, shell->cancellable, error);
  if (!diff)
    return false;
  sh_progress_clear (&progress);
  for (size_t i = 0; i < diff->n_ranges; i++) {
    JsonObject *object = json_object_new ();

    set_address (object, "start", diff->ranges[i].start);
    set_address (object, "end", diff->ranges[i].start + diff->ranges[i].length_bytes);
    json_object_set_int_member (object, "pages", (gint64) (diff->ranges[i].length_bytes + 4095) / 4096);
    json_array_add_object_element (ranges, object);
  }
  if (sh_args_given (args, "json")) {
    g_autoptr(JsonNode) node = json_node_new (JSON_NODE_OBJECT);
    JsonObject *object = json_object_new ();

    sh_json_set_string (object, "a", a.path);
    sh_json_set_string (object, "b", b.path);
    json_object_set_int_member (object, "pages_total", (gint64) diff->pages_total);
    json_object_set_int_member (object, "pages_different", (gint64) diff->pages_different);
    json_object_set_int_member (object, "shared_bytes", (gint64) diff->shared_bytes);
    json_object_set_array_member (object, "ranges", g_steal_pointer (&ranges));
    json_node_take_object (node, object);
    sh_output_json (node);
    return true;
  }
  sh_output_list (ranges, diff_columns, false, !shell->quiet);
  if (!shell->quiet)
    sh_output ("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " pages differ\n", diff->pages_different, diff->pages_total);
  return true;
}

static const ShOption dump_diff_options[] = {
  { "dump", SH_OPTION_STRING, SH_OPTION_REQUIRED | SH_OPTION_POSITIONAL, "<file|domain>",
    "dump file, or domain for its newest dump", sh_complete_file_or_domain },
  { "other", SH_OPTION_STRING, SH_OPTION_REQUIRED | SH_OPTION_POSITIONAL, "<file|domain>", "the dump to compare it with",
    sh_complete_file_or_domain },
  DUMP_DOMAIN_OPTION,
  SH_OPTION_JSON,
  { NULL },
};

/* --- dump-download --------------------------------------------------------------- */

static bool
run_dump_download (Shell *shell, const ShArgs *args, GError **error)
{
  g_autoptr(ShDomain) domain = sh_select_domain (shell, args, error);
  g_autoptr(VthHost) host = domain ? vth_host_load (NULL, error) : NULL;
  g_autoptr(VthOutput) output = host ? output_of (shell, domain, host, NULL, error) : NULL;
  const char *name = sh_args_string (args, "dump");
  g_autofree char *to = NULL;

  if (!output)
    return false;
  to = g_canonicalize_filename (sh_args_string (args, "file"), NULL);
  if (g_file_test (to, G_FILE_TEST_IS_DIR)) {
    g_autofree char *folder = g_steal_pointer (&to);

    to = g_build_filename (folder, name, NULL);
  }
  if (!vth_output_download (output, name, to, shell->cancellable, error))
    return false;
  if (!shell->quiet)
    sh_output ("Dump '%s' downloaded to %s\n", name, to);
  return true;
}

static const ShOption dump_download_options[] = {
  SH_OPTION_DOMAIN_REQUIRED,
  { "dump", SH_OPTION_STRING, SH_OPTION_REQUIRED | SH_OPTION_POSITIONAL, "<dump>", "name of the dump, as in dump-list",
    sh_complete_dump },
  { "file", SH_OPTION_STRING, SH_OPTION_REQUIRED | SH_OPTION_POSITIONAL, "<file>",
    "local file, which must not exist, or directory", sh_complete_file },
  { NULL },
};

const ShCommand sh_file_commands[] = {
  { "dump-adopt", .run = run_dump_adopt, .options = dump_adopt_options, .flags = SH_COMMAND_CONNECTS,
    .help = "take foreign dumps into this host's register",
    .description = "Of files that say they are vthunder's dumps and that this host did not write, or wrote before it "
                   "kept a register: retention then applies to them. The files of domains, such as disks, are "
                   "refused, and so is what does not say which domain and schedule it is of." },
  { "dump-diff", .run = run_dump_diff, .options = dump_diff_options, .flags = SH_COMMAND_CANCELLABLE,
    .help = "show which memory differs between two dumps",
    .description = "Prints the ranges of guest-physical addresses that differ, in pages of 4 KiB. Blocks that two "
                   "files share are not read. Both dumps have to be of format elf, or overlays, and have the same "
                   "layout of memory." },
  { "dump-download", .run = run_dump_download, .options = dump_download_options,
    .flags = SH_COMMAND_CONNECTS | SH_COMMAND_CANCELLABLE, .help = "copy a dump to a local file",
    .description = "Copies a dump out of the output of a domain; out of a storage pool also over a remote "
                   "connection. Holes stay holes." },
  { "dump-export", .run = run_dump_export, .options = dump_export_options, .flags = SH_COMMAND_CANCELLABLE,
    .help = "write a dump as one complete file",
    .description = "Writes an ELF file that needs no other one, out of an overlay and the dumps it builds on, or out "
                   "of any other ELF dump. It has mode 0600 and appears under its name when it is whole. What an "
                   "overlay builds on has to be in its directory. Needs qemu-img for overlays." },
  { "dump-info", .run = run_dump_info, .options = dump_info_options, .help = "show what a dump file says of itself",
    .description = "Prints the note that vthunder leaves in each dump, and what the file's headers say. Works for "
                   "dumps of any origin, without a connection if a file is named." },
  { "dump-list", .run = run_dump_list, .check = check_dump_list, .options = dump_list_options,
    .flags = SH_COMMAND_CONNECTS,
    .help = "list dumps",
    .description = "Lists the dumps that vthunder wrote, of the domains named or of all, oldest first, and says which "
                   "of them stopped the guest, and which are this host's own: only those are ever removed." },
  { "dump-prune", .run = run_dump_prune, .check = check_dump_prune, .options = dump_prune_options,
    .flags = SH_COMMAND_CONNECTS | SH_COMMAND_CANCELLABLE, .help = "remove dumps that retention does not keep",
    .description = "Applies the retention of each schedule to its dumps. Only files in this host's register are ever "
                   "removed; dumps taken by hand stay, and so does what a qcow2 file that stays builds on, and what "
                   "a domain uses." },
  { "dump-verify", .run = run_dump_verify, .options = dump_verify_options, .flags = SH_COMMAND_CANCELLABLE,
    .help = "check that dump files are whole",
    .description = "Checks headers, segments and notes, and the SHA-256 manifest if there is one. Of an overlay all "
                   "files it builds on are checked too, for which qemu-img is needed." },
  { NULL },
};
