// SPDX-License-Identifier: GPL-2.0-or-later
/* path-set, path-show, path-unset, path-list: where dumps go, and how they are named and made. */

#include "config.h"

#include <string.h>

#include "commands.h"
#include "complete.h"
#include "output.h"
#include "parse.h"
#include "select.h"
#include "shell.h"
#include "tuning.h"
#include "vthunder.h"

/* --- path-set -------------------------------------------------------------------- */

static bool
is_yes (const ShArgs *args, const char *name, bool *yes, GError **error)
{
  const char *text = sh_args_string (args, name);

  *yes = g_strcmp0 (text, "yes") == 0;
  if (*yes || g_strcmp0 (text, "no") == 0)
    return true;
  g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "option --%s takes 'yes' or 'no', not '%s'", name, text);
  return false;
}

/* With --default there is no domain, so the first value is the path. */
static const char *
path_of_args (const ShArgs *args)
{
  if (sh_args_given (args, "default") && !sh_args_given (args, "path"))
    return sh_args_string (args, "domain");
  return sh_args_string (args, "path");
}

static VthOutputKind
kind_of_args (const ShArgs *args)
{
  return sh_args_given (args, "pool") ? VTH_OUTPUT_POOL : path_of_args (args) ? VTH_OUTPUT_DIR : VTH_OUTPUT_NONE;
}

static const char *
target_of_args (const ShArgs *args)
{
  return sh_args_given (args, "pool") ? sh_args_string (args, "pool") : path_of_args (args);
}

static bool
set_config (VthConfig *config, const ShArgs *args, bool *applies G_GNUC_UNUSED, GError **error)
{
  VthTuning tuning = *vth_config_get_tuning (config);
  VthFormat format;
  bool yes;

  if (kind_of_args (args) != VTH_OUTPUT_NONE
      && !vth_config_set_output (config, kind_of_args (args), target_of_args (args), error))
    return false;
  if (sh_args_given (args, "file-name")
      && !vth_config_set_file_name (config, sh_args_string (args, "file-name"), error))
    return false;
  if (sh_args_given (args, "format")) {
    if (!vth_format_from_string (sh_args_string (args, "format"), &format, error))
      return false;
    vth_config_set_format (config, format);
  }
  if (sh_args_given (args, "allow-pause")) {
    if (!is_yes (args, "allow-pause", &yes, error))
      return false;
    vth_config_set_allow_pause (config, yes);
  }
  if (sh_args_given (args, "manifest")) {
    if (!is_yes (args, "manifest", &yes, error))
      return false;
    vth_config_set_manifest (config, yes);
  }
  if (sh_args_given (args, "timeout"))
    vth_config_set_timeout_s (config, (unsigned) sh_args_int (args, "timeout", 0));
  /* As with the output: what no dump can be taken with is refused now. */
  return sh_tuning_read (args, true, &tuning, error)
         && vth_tuning_check (&tuning, vth_config_get_format (config), error)
         && vth_config_set_tuning (config, &tuning, error);
}

static bool
set_host (const ShArgs *args, GError **error)
{
  g_autoptr(VthHost) host = vth_host_load (NULL, error);

  if (!host)
    return false;
  if (kind_of_args (args) != VTH_OUTPUT_NONE
      && !vth_host_set_output (host, kind_of_args (args), target_of_args (args), error))
    return false;
  if (sh_args_given (args, "file-name") && !vth_host_set_file_name (host, sh_args_string (args, "file-name"), error))
    return false;
  return vth_host_save (host, error);
}

/* A place that cannot be used is refused now, not when the first dump is due. */
static bool
check_output (Shell *shell, const ShArgs *args, GError **error)
{
  g_autoptr(VthOutput) output = NULL;

  if (kind_of_args (args) == VTH_OUTPUT_NONE)
    return true;
  output = vth_output_new (shell->conn, kind_of_args (args), target_of_args (args), error);
  return output && vth_output_check (output, error);
}

static bool
check_path_set (const ShArgs *args, GError **error)
{
  static const char *const pairs[][2] = {
    { "path", "pool" }, { "default", "format" }, { "default", "allow-pause" }, { "default", "manifest" },
    { "default", "timeout" }, { "default", "strategy" }, { "default", "mirror-limit" }, { "default", "bandwidth" },
    { "default", "threads" }, { "default", "config" }, { "default", "live" }, { "default", "current" },
  };
  static const char *const settings[] = { "file-name", "format", "allow-pause", "manifest", "timeout" };
  bool is_default = sh_args_given (args, "default");
  bool any = kind_of_args (args) != VTH_OUTPUT_NONE || sh_tuning_given (args);

  if (!sh_select_exclusive (args, pairs, G_N_ELEMENTS (pairs), error) || !sh_select_check_impact (args, error))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (settings); i++)
    any |= sh_args_given (args, settings[i]);
  if (!is_default && !sh_args_given (args, "domain"))
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "command 'path-set' requires <domain> or --default");
  else if (!any)
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "command 'path-set' requires <path>, --pool or another setting");
  else if (is_default && sh_args_given (args, "domain")
           && (sh_args_given (args, "path") || sh_args_given (args, "pool")))
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "options --default and --domain are mutually exclusive");
  else
    return true;
  return false;
}

static bool
run_path_set (Shell *shell, const ShArgs *args, GError **error)
{
  if (!check_output (shell, args, error))
    return false;
  if (sh_args_given (args, "default")) {
    if (!set_host (args, error))
      return false;
  } else if (!sh_config_edit (shell, args, set_config, "nothing to set", error)) {
    return false;
  }
  if (!shell->quiet)
    sh_output ("Output %s\n", sh_args_given (args, "default") ? "of the host set" : "set");
  return true;
}

static const ShOption path_set_options[] = {
  SH_OPTION_DOMAIN,
  { "path", SH_OPTION_STRING, SH_OPTION_POSITIONAL, "<path>", "directory on the host that runs the domain", sh_complete_directory },
  { "pool", SH_OPTION_STRING, 0, "<pool>", "libvirt storage pool, by name", sh_complete_pool },
  { "default", SH_OPTION_BOOL, 0, NULL, "set the default of this host" },
  { "file-name", SH_OPTION_STRING, 0, "<template>",
    "file name, with {domain} {uuid} {schedule} {time} {format}" },
  { "format", SH_OPTION_STRING, 0, "<format>", "elf, kdump-zlib, kdump-lzo, kdump-snappy, kdump-zstd or win-dmp",
    sh_complete_format },
  { "allow-pause", SH_OPTION_STRING, 0, "<yes|no>", "whether dumps by hand may stop the guest", sh_complete_yes_no },
  { "manifest", SH_OPTION_STRING, 0, "<yes|no>", "whether to write a SHA-256 manifest", sh_complete_yes_no },
  { "timeout", SH_OPTION_INT, 0, "<seconds>", "cancel dumps that take longer, 0: never", NULL, 0, G_MAXINT },
  SH_OPTIONS_TUNING (0),
  SH_OPTIONS_IMPACT,
  { NULL },
};

/* --- path-unset ------------------------------------------------------------------ */

static bool
unset_config (VthConfig *config, const ShArgs *args, bool *applies, GError **error)
{
  if (sh_args_given (args, "all")) {
    vth_config_unset_format (config);
    vth_config_set_allow_pause (config, false);
    vth_config_set_manifest (config, false);
    vth_config_set_timeout_s (config, 0);
    if (!vth_config_set_tuning (config, &(VthTuning) { 0 }, error))
      return false;
  } else {
    *applies = vth_config_get_output_kind (config) != VTH_OUTPUT_NONE || vth_config_get_file_name (config);
  }
  return vth_config_set_output (config, VTH_OUTPUT_NONE, NULL, error)
         && vth_config_set_file_name (config, NULL, error);
}

static bool
check_path_unset (const ShArgs *args, GError **error)
{
  if (sh_args_given (args, "default") == sh_args_given (args, "domain")) {
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "command 'path-unset' requires either <domain> or --default");
    return false;
  }
  return sh_select_check_impact (args, error);
}

static bool
run_path_unset (Shell *shell, const ShArgs *args, GError **error)
{
  if (sh_args_given (args, "default")) {
    g_autoptr(VthHost) host = vth_host_load (NULL, error);

    if (!host || !vth_host_set_output (host, VTH_OUTPUT_NONE, NULL, error)
        || !vth_host_set_file_name (host, NULL, error) || !vth_host_save (host, error))
      return false;
  } else if (!sh_config_edit (shell, args, unset_config, "the domain has no output of its own", error)) {
    return false;
  }
  if (!shell->quiet)
    sh_output ("Output unset\n");
  return true;
}

static const ShOption path_unset_options[] = {
  SH_OPTION_DOMAIN,
  { "default", SH_OPTION_BOOL, 0, NULL, "unset the default of this host" },
  { "all", SH_OPTION_BOOL, 0, NULL, "also unset everything else that path-set sets" },
  SH_OPTIONS_IMPACT,
  { NULL },
};

/* --- path-show, path-list ---------------------------------------------------------- */

static void
set_or_null (JsonObject *object, const char *name, uint64_t value)
{
  if (value)
    json_object_set_int_member (object, name, (gint64) value);
  else
    json_object_set_null_member (object, name);
}

static void
add_tuning (JsonObject *object, const VthTuning *tuning)
{
  sh_json_set_string (object, "strategy", vth_strategy_to_string (tuning->strategy));
  set_or_null (object, "mirror_limit_bytes", tuning->limit_bytes);
  set_or_null (object, "bandwidth_bytes_s", tuning->bandwidth_bytes_s);
  set_or_null (object, "threads", tuning->threads);
}

static const char *
kind_to_string (VthOutputKind kind)
{
  return kind == VTH_OUTPUT_POOL ? "pool" : "dir";
}

/* @config is NULL for the host's default. */
static JsonObject *
output_to_json (Shell *shell, const char *domain, const VthConfig *config, const VthHost *host)
{
  g_autoptr(VthConfig) empty = vth_config_new ();
  const VthConfig *c = config ? config : empty;
  g_autoptr(GError) reason = NULL;
  g_autoptr(VthOutput) output = vth_output_resolve (shell->conn, c, host, &reason);
  const char *file_name = vth_config_get_file_name (c);
  JsonObject *object = json_object_new ();
  uint64_t available, capacity;

  if (!file_name)
    file_name = vth_host_get_file_name (host);
  sh_json_set_string (object, "domain", domain);
  sh_json_set_string (object, "set_by", vth_config_get_output_kind (c) != VTH_OUTPUT_NONE ? "domain"
                      : vth_host_get_output_kind (host) != VTH_OUTPUT_NONE ? "host" : "built in");
  sh_json_set_string (object, "kind", output ? kind_to_string (vth_output_get_kind (output)) : NULL);
  sh_json_set_string (object, "target", output ? vth_output_get_target (output) : vth_config_get_output (c));
  sh_json_set_string (object, "path", output ? vth_output_get_path (output) : NULL);
  sh_json_set_string (object, "file_name", file_name ? file_name : VTH_TEMPLATE_DEFAULT);
  sh_json_set_string (object, "format", vth_format_to_string (vth_config_get_format (c)));
  json_object_set_boolean_member (object, "allow_pause", vth_config_get_allow_pause (c));
  json_object_set_boolean_member (object, "manifest", vth_config_get_manifest (c));
  json_object_set_int_member (object, "timeout_s", vth_config_get_timeout_s (c));
  add_tuning (object, vth_config_get_tuning (c));
  if (output && vth_output_get_space (output, &available, &capacity, NULL)) {
    json_object_set_int_member (object, "available_bytes", (gint64) available);
    json_object_set_int_member (object, "capacity_bytes", (gint64) capacity);
  }
  if (output && !reason)
    vth_output_check (output, &reason);
  sh_json_set_string (object, "problem", reason ? reason->message : NULL);
  return object;
}

static const ShColumn path_show_columns[] = {
  { "Domain", "domain", SH_FORMAT_TEXT },
  { "Kind", "kind", SH_FORMAT_TEXT },
  { "Output", "target", SH_FORMAT_TEXT },
  { "Directory", "path", SH_FORMAT_TEXT },
  { "Set by", "set_by", SH_FORMAT_TEXT },
  { "File name", "file_name", SH_FORMAT_TEXT },
  { "Format", "format", SH_FORMAT_TEXT },
  { "Allow pause", "allow_pause", SH_FORMAT_YES_NO },
  { "Manifest", "manifest", SH_FORMAT_YES_NO },
  { "Timeout (s)", "timeout_s", SH_FORMAT_NUMBER },
  { "Strategy", "strategy", SH_FORMAT_TEXT },
  { "Mirror limit", "mirror_limit_bytes", SH_FORMAT_SIZE },
  { "Bandwidth (/s)", "bandwidth_bytes_s", SH_FORMAT_SIZE },
  { "Threads", "threads", SH_FORMAT_NUMBER },
  { "Available", "available_bytes", SH_FORMAT_SIZE },
  { "Capacity", "capacity_bytes", SH_FORMAT_SIZE },
  { "Problem", "problem", SH_FORMAT_TEXT },
  { NULL },
};

static bool
check_path_show (const ShArgs *args, GError **error)
{
  static const char *const pairs[][2] = { { "config", "live" } };

  return sh_select_exclusive (args, pairs, G_N_ELEMENTS (pairs), error) && sh_select_check_impact (args, error);
}

static bool
run_path_show (Shell *shell, const ShArgs *args, GError **error)
{
  g_autoptr(VthHost) host = vth_host_load (NULL, error);
  g_autoptr(ShDomain) domain = NULL;
  g_autoptr(VthConfig) config = NULL;
  unsigned impact = sh_args_given (args, "config") ? VTH_IMPACT_CONFIG
                    : sh_args_given (args, "live") ? VTH_IMPACT_LIVE : VTH_IMPACT_CURRENT;
  JsonObject *object;

  if (!host)
    return false;
  if (sh_args_given (args, "domain")) {
    domain = sh_select_domain (shell, args, error);
    config = domain ? vth_config_load (domain, impact, error) : NULL;
    if (!config)
      return false;
  }
  object = output_to_json (shell, domain ? virDomainGetName (domain) : NULL, config, host);
  sh_output_object (object, path_show_columns, sh_args_given (args, "json"));
  json_object_unref (object);
  return true;
}

static const ShOption path_show_options[] = {
  SH_OPTION_DOMAIN,
  SH_OPTIONS_IMPACT,
  SH_OPTION_JSON,
  { NULL },
};

static const ShColumn path_list_columns[] = {
  { "Domain", "domain", SH_FORMAT_TEXT, .shrinks = 1 },
  { "Kind", "kind", SH_FORMAT_TEXT },
  { "Output", "target", SH_FORMAT_TEXT, .shrinks = 1 },
  { "Set by", "set_by", SH_FORMAT_TEXT },
  { "Available", "available_bytes", SH_FORMAT_SIZE },
  { "Problem", "problem", SH_FORMAT_TEXT, .shrinks = 2 },
  { NULL },
};

static bool
run_path_list (Shell *shell, const ShArgs *args, GError **error)
{
  g_autoptr(VthHost) host = vth_host_load (NULL, error);
  g_autoptr(GPtrArray) domains = NULL;
  g_autoptr(JsonArray) array = json_array_new ();

  if (!host)
    return false;
  domains = vth_domain_list (shell->conn, VTH_DOMAIN_LIST_ACTIVE | VTH_DOMAIN_LIST_INACTIVE, NULL, error);
  if (!domains)
    return false;
  for (guint i = 0; i < domains->len; i++) {
    const VthDomain *domain = domains->pdata[i];

    if (domain->config)
      json_array_add_object_element (array, output_to_json (shell, domain->name, domain->config, host));
    else
      sh_shell_warn (shell, "%s", domain->config_error->message);
  }
  sh_output_list (array, path_list_columns, sh_args_given (args, "json"), !shell->quiet);
  return true;
}

static const ShOption path_list_options[] = { SH_OPTION_JSON, { NULL } };

const ShCommand sh_path_commands[] = {
  { "path-list", .run = run_path_list, .options = path_list_options, .flags = SH_COMMAND_CONNECTS,
    .help = "list the outputs of all domains" },
  { "path-set", .run = run_path_set, .check = check_path_set, .options = path_set_options,
    .flags = SH_COMMAND_CONNECTS,
    .help = "set where the dumps of a domain go",
    .description = "Keeps the output, and how dumps are named and made, in the domain's XML, or with --default in "
                   "this host's settings. Without --config, --live or --current both the running domain and its "
                   "persistent definition are changed. Refuses directories in which others could tamper with dumps." },
  { "path-show", .run = run_path_show, .check = check_path_show, .options = path_show_options,
    .flags = SH_COMMAND_CONNECTS,
    .help = "show where the dumps of a domain go",
    .description = "Shows the output of a domain, or without one the default of this host." },
  { "path-unset", .run = run_path_unset, .check = check_path_unset, .options = path_unset_options,
    .flags = SH_COMMAND_CONNECTS,
    .help = "go back to the default output",
    .description = "Removes the output and the file name from the domain's XML, or with --default from this host's "
                   "settings. Dumps that were taken stay where they are." },
  { NULL },
};
