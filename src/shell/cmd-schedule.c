// SPDX-License-Identifier: GPL-2.0-or-later
/* schedule-*: when dumps are taken and how many are kept. */

#include "config.h"

#include <string.h>

#include "commands.h"
#include "complete.h"
#include "output.h"
#include "parse.h"
#include "select.h"
#include "shell.h"
#include "vthunder.h"

#define SCHEDULE_OPTION \
  { "name", SH_OPTION_STRING, SH_OPTION_REQUIRED | SH_OPTION_POSITIONAL, "<name>", "name of the schedule", \
    sh_complete_schedule }
#define FULL_EVERY_OPTION \
  { "full-every", SH_OPTION_STRING, 0, "<number|duration>", \
    "incremental: full after so many dumps (24), or after 1d" }
#define RETENTION_OPTIONS \
  { "keep-last", SH_OPTION_INT, 0, "<number>", "keep the last dumps", NULL, 0, G_MAXINT }, \
  { "keep-hourly", SH_OPTION_INT, 0, "<number>", "keep one dump of each of the last hours", NULL, 0, G_MAXINT }, \
  { "keep-daily", SH_OPTION_INT, 0, "<number>", "keep one dump of each of the last days", NULL, 0, G_MAXINT }, \
  { "keep-weekly", SH_OPTION_INT, 0, "<number>", "keep one dump of each of the last weeks", NULL, 0, G_MAXINT }, \
  { "keep-monthly", SH_OPTION_INT, 0, "<number>", "keep one dump of each of the last months", NULL, 0, G_MAXINT }, \
  { "keep-yearly", SH_OPTION_INT, 0, "<number>", "keep one dump of each of the last years", NULL, 0, G_MAXINT }, \
  { "keep-within", SH_OPTION_STRING, 0, "<duration>", "keep dumps not older than that, 7d12h; 0 for off" }

static gint64
now_s (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

/* --- schedule-add, schedule-edit ----------------------------------------------------- */

static bool
read_retention (const ShArgs *args, VthRetention *retention, GError **error)
{
  const struct { const char *option; unsigned int *count; } counts[] = {
    { "keep-last", &retention->keep_last },       { "keep-hourly", &retention->keep_hourly },
    { "keep-daily", &retention->keep_daily },     { "keep-weekly", &retention->keep_weekly },
    { "keep-monthly", &retention->keep_monthly }, { "keep-yearly", &retention->keep_yearly },
  };
  const char *within = sh_args_string (args, "keep-within");

  for (size_t i = 0; i < G_N_ELEMENTS (counts); i++)
    *counts[i].count = (unsigned) sh_args_int (args, counts[i].option, *counts[i].count);
  if (g_strcmp0 (within, "0") == 0)
    retention->keep_within_s = 0;
  else if (within)
    return vth_duration_parse (within, &retention->keep_within_s, error);
  return true;
}

static bool
read_mode (const ShArgs *args, VthSchedule *schedule, GError **error)
{
  VthMode mode;

  if (!sh_args_given (args, "mode"))
    return true;
  if (!vth_mode_from_string (sh_args_string (args, "mode"), &mode, error))
    return false;
  vth_schedule_set_mode (schedule, mode);
  return true;
}

static bool
read_full_every (const ShArgs *args, VthSchedule *schedule, GError **error)
{
  unsigned count = 0;
  int64_t duration_s = 0;

  if (!sh_args_given (args, "full-every"))
    return true;
  if (vth_schedule_get_mode (schedule) != VTH_MODE_INCREMENTAL) {
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "option --full-every is for --mode incremental");
    return false;
  }
  if (!vth_full_every_parse (sh_args_string (args, "full-every"), &count, &duration_s, error))
    return false;
  vth_schedule_set_full_every (schedule, count, duration_s);
  return true;
}

static bool
add_schedule (VthConfig *config, const ShArgs *args, bool *applies G_GNUC_UNUSED, GError **error)
{
  const char *name = sh_args_string (args, "name");
  g_autoptr(VthSchedule) schedule = NULL;
  VthRetention retention = { 0 };

  if (vth_config_find_schedule (config, name)) {
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "schedule '%s' exists already; use schedule-edit", name);
    return false;
  }
  schedule = vth_schedule_new (name, sh_args_string (args, "cron"), error);
  if (!schedule || !read_retention (args, &retention, error) || !read_mode (args, schedule, error)
      || !read_full_every (args, schedule, error))
    return false;
  vth_schedule_set_retention (schedule, &retention);
  vth_schedule_set_allow_pause (schedule, sh_args_given (args, "allow-pause"));
  vth_schedule_set_enabled (schedule, !sh_args_given (args, "disabled"));
  vth_config_put_schedule (config, schedule);
  return true;
}

static bool
run_schedule_add (Shell *shell, const ShArgs *args, GError **error)
{
  g_autoptr(VthCron) cron = vth_cron_new (sh_args_string (args, "cron"), error);
  int64_t next_s;

  if (!cron || !sh_config_edit (shell, args, add_schedule, "nothing to add", error))
    return false;
  if (!shell->quiet) {
    sh_output ("Schedule '%s' added", sh_args_string (args, "name"));
    if (!sh_args_given (args, "disabled") && vth_cron_next (cron, NULL, now_s (), &next_s, NULL)) {
      g_autofree char *time = sh_format_time (next_s * G_GINT64_CONSTANT (1000000000));

      sh_output (", next dump at %s", time);
    }
    sh_output ("\n");
  }
  return true;
}

static const ShOption schedule_add_options[] = {
  SH_OPTION_DOMAIN_REQUIRED,
  { "name", SH_OPTION_STRING, SH_OPTION_REQUIRED | SH_OPTION_POSITIONAL, "<name>", "name of the schedule" },
  { "cron", SH_OPTION_STRING, SH_OPTION_REQUIRED | SH_OPTION_POSITIONAL, "<cron>",
    "five cron fields in quotes, or @hourly @daily @weekly @monthly @yearly", sh_complete_cron },
  { "mode", SH_OPTION_STRING, 0, "<mode>", "mirror: the guest runs on (default); stop: it is stopped; incremental",
    sh_complete_mode },
  FULL_EVERY_OPTION,
  { "allow-pause", SH_OPTION_BOOL, 0, NULL, "stop the guest if there is no other way" },
  RETENTION_OPTIONS,
  { "disabled", SH_OPTION_BOOL, 0, NULL, "do not take dumps yet" },
  SH_OPTIONS_IMPACT,
  { NULL },
};

static bool
edit_schedule (VthConfig *config, const ShArgs *args, bool *applies, GError **error)
{
  const VthSchedule *present = vth_config_find_schedule (config, sh_args_string (args, "name"));
  g_autoptr(VthSchedule) schedule = NULL;
  const char *allow = sh_args_string (args, "allow-pause");
  VthRetention retention;

  if (!present) {
    *applies = false;
    return true;
  }
  schedule = vth_schedule_copy (present);
  retention = *vth_schedule_get_retention (present);
  if ((sh_args_given (args, "cron") && !vth_schedule_set_cron (schedule, sh_args_string (args, "cron"), error))
      || !read_retention (args, &retention, error) || !read_mode (args, schedule, error)
      || !read_full_every (args, schedule, error))
    return false;
  vth_schedule_set_retention (schedule, &retention);
  if (allow && !g_str_equal (allow, "yes") && !g_str_equal (allow, "no")) {
    g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "option --allow-pause takes 'yes' or 'no', not '%s'", allow);
    return false;
  }
  if (allow)
    vth_schedule_set_allow_pause (schedule, g_str_equal (allow, "yes"));
  vth_config_put_schedule (config, schedule);
  return true;
}

/* Whether dumps are due for which the domain's changes are kept track of. */
static bool
is_incremental (virDomainPtr domain)
{
  g_autoptr(VthConfig) config = vth_config_load (domain, VTH_IMPACT_CURRENT, NULL);

  for (unsigned i = 0; config && i < vth_config_get_n_schedules (config); i++) {
    const VthSchedule *schedule = vth_config_get_schedule (config, i);

    if (vth_schedule_get_enabled (schedule) && vth_schedule_get_mode (schedule) == VTH_MODE_INCREMENTAL)
      return true;
  }
  return false;
}

static bool
run_edit (Shell *shell, const ShArgs *args, ShConfigEdit edit, const char *done, GError **error)
{
  g_autofree char *missing = g_strdup_printf ("domain '%s' has no schedule '%s'", sh_args_string (args, "domain"),
                                              sh_args_string (args, "name"));
  g_autoptr(ShDomain) domain = sh_select_domain (shell, args, error);
  bool was_incremental = domain && is_incremental (domain);

  if (!domain || !sh_config_edit (shell, args, edit, missing, error))
    return false;
  /* if it does not run, or no dump was taken yet, there is nothing to end */
  if (was_incremental && !is_incremental (domain))
    vth_dump_untrack (domain, NULL);
  if (!shell->quiet)
    sh_output ("Schedule '%s' %s\n", sh_args_string (args, "name"), done);
  return true;
}

static bool
check_schedule_edit (const ShArgs *args, GError **error)
{
  static const char *const settings[] = { "cron", "mode", "full-every", "allow-pause", "keep-last", "keep-hourly", "keep-daily",
                                          "keep-weekly", "keep-monthly", "keep-yearly", "keep-within" };

  for (size_t i = 0; i < G_N_ELEMENTS (settings); i++)
    if (sh_args_given (args, settings[i]))
      return sh_select_check_impact (args, error);
  g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "command 'schedule-edit' requires something to change");
  return false;
}

static bool
run_schedule_edit (Shell *shell, const ShArgs *args, GError **error)
{
  return run_edit (shell, args, edit_schedule, "changed", error);
}

static const ShOption schedule_edit_options[] = {
  SH_OPTION_DOMAIN_REQUIRED,
  SCHEDULE_OPTION,
  { "cron", SH_OPTION_STRING, 0, "<cron>", "five cron fields in quotes, or @hourly @daily @weekly @monthly @yearly",
    sh_complete_cron },
  { "mode", SH_OPTION_STRING, 0, "<mode>", "mirror: the guest runs on; stop: it is stopped; incremental",
    sh_complete_mode },
  FULL_EVERY_OPTION,
  { "allow-pause", SH_OPTION_STRING, 0, "<yes|no>", "whether to stop the guest if there is no other way",
    sh_complete_yes_no },
  RETENTION_OPTIONS,
  SH_OPTIONS_IMPACT,
  { NULL },
};

/* --- schedule-remove, -enable, -disable ------------------------------------------------ */

static bool
remove_schedule (VthConfig *config, const ShArgs *args, bool *applies, GError **error)
{
  const char *name = sh_args_string (args, "name");

  if (vth_config_find_schedule (config, name))
    return vth_config_remove_schedule (config, name, error);
  *applies = false;
  return true;
}

static bool
set_enabled (VthConfig *config, const ShArgs *args, bool enabled, bool *applies)
{
  const VthSchedule *present = vth_config_find_schedule (config, sh_args_string (args, "name"));
  g_autoptr(VthSchedule) schedule = NULL;

  if (!present) {
    *applies = false;
    return true;
  }
  schedule = vth_schedule_copy (present);
  vth_schedule_set_enabled (schedule, enabled);
  vth_config_put_schedule (config, schedule);
  return true;
}

static bool
enable_schedule (VthConfig *config, const ShArgs *args, bool *applies, GError **error G_GNUC_UNUSED)
{
  return set_enabled (config, args, true, applies);
}

static bool
disable_schedule (VthConfig *config, const ShArgs *args, bool *applies, GError **error G_GNUC_UNUSED)
{
  return set_enabled (config, args, false, applies);
}

static bool
run_schedule_remove (Shell *shell, const ShArgs *args, GError **error)
{
  return run_edit (shell, args, remove_schedule, "removed", error);
}

static bool
run_schedule_enable (Shell *shell, const ShArgs *args, GError **error)
{
  return run_edit (shell, args, enable_schedule, "enabled", error);
}

static bool
run_schedule_disable (Shell *shell, const ShArgs *args, GError **error)
{
  return run_edit (shell, args, disable_schedule, "disabled", error);
}

static const ShOption schedule_name_options[] = {
  SH_OPTION_DOMAIN_REQUIRED,
  SCHEDULE_OPTION,
  SH_OPTIONS_IMPACT,
  { NULL },
};

/* --- schedule-list, schedule-next -------------------------------------------------------- */

static JsonObject *
schedule_to_json (const char *domain, const VthSchedule *schedule)
{
  const VthRetention *retention = vth_schedule_get_retention (schedule);
  g_autofree char *keep = vth_retention_to_string (retention);
  JsonObject *object = json_object_new ();
  JsonObject *rules = json_object_new ();
  g_autofree char *full_every = NULL;
  unsigned full_count;
  int64_t full_s, next_s = 0;

  vth_schedule_get_full_every (schedule, &full_count, &full_s);
  if (vth_schedule_get_mode (schedule) == VTH_MODE_INCREMENTAL)
    full_every = vth_full_every_to_string (full_count, full_s);
  if (vth_schedule_get_enabled (schedule)
      && !vth_cron_next (vth_schedule_get_cron (schedule), NULL, now_s (), &next_s, NULL))
    next_s = 0;
  sh_json_set_string (object, "domain", domain);
  sh_json_set_string (object, "name", vth_schedule_get_name (schedule));
  sh_json_set_string (object, "cron", vth_cron_get_expression (vth_schedule_get_cron (schedule)));
  sh_json_set_string (object, "mode", vth_mode_to_string (vth_schedule_get_mode (schedule)));
  sh_json_set_string (object, "full_every", full_every);
  json_object_set_boolean_member (object, "allow_pause", vth_schedule_get_allow_pause (schedule));
  json_object_set_boolean_member (object, "enabled", vth_schedule_get_enabled (schedule));
  sh_json_set_time (object, "next", next_s);
  sh_json_set_string (object, "keep", keep);
  json_object_set_int_member (rules, "last", retention->keep_last);
  json_object_set_int_member (rules, "hourly", retention->keep_hourly);
  json_object_set_int_member (rules, "daily", retention->keep_daily);
  json_object_set_int_member (rules, "weekly", retention->keep_weekly);
  json_object_set_int_member (rules, "monthly", retention->keep_monthly);
  json_object_set_int_member (rules, "yearly", retention->keep_yearly);
  json_object_set_int_member (rules, "within_s", retention->keep_within_s);
  json_object_set_object_member (object, "retention", rules);
  return object;
}

static const ShColumn schedule_list_columns[] = {
  { "Domain", "domain", SH_FORMAT_TEXT, .shrinks = 1 },
  { "Name", "name", SH_FORMAT_TEXT },
  { "Cron", "cron", SH_FORMAT_TEXT },
  { "Mode", "mode", SH_FORMAT_TEXT },
  { "Full every", "full_every", SH_FORMAT_TEXT },
  { "Enabled", "enabled", SH_FORMAT_YES_NO },
  { "Next", "next", SH_FORMAT_AGO },
  { "Keep", "keep", SH_FORMAT_TEXT, .shrinks = 2 },
  { NULL },
};

/* The configurations of the domains asked for: an array of VthDomain. */
static GPtrArray *
load_configs (Shell *shell, const ShArgs *args, GError **error)
{
  g_autoptr(GPtrArray) all = NULL;
  g_autoptr(ShDomain) domain = NULL;
  char uuid[VIR_UUID_STRING_BUFLEN];

  if (sh_args_given (args, "domain")) {
    domain = sh_select_domain (shell, args, error);
    if (!domain)
      return NULL;
    if (virDomainGetUUIDString (domain, uuid) < 0) {
      vth_error_set_libvirt (error, "cannot get the uuid of the domain");
      return NULL;
    }
  }
  all = vth_domain_list (shell->conn, VTH_DOMAIN_LIST_ACTIVE | VTH_DOMAIN_LIST_INACTIVE, NULL, error);
  for (guint i = all && domain ? all->len : 0; i > 0; i--)
    if (!g_str_equal (((const VthDomain *) all->pdata[i - 1])->uuid, uuid))
      g_ptr_array_remove_index (all, i - 1);
  return g_steal_pointer (&all);
}

static bool
run_schedule_list (Shell *shell, const ShArgs *args, GError **error)
{
  g_autoptr(GPtrArray) domains = load_configs (shell, args, error);
  g_autoptr(JsonArray) array = json_array_new ();

  if (!domains)
    return false;
  for (guint i = 0; i < domains->len; i++) {
    const VthDomain *domain = domains->pdata[i];

    if (!domain->config) {
      if (sh_args_given (args, "domain")) {
        g_propagate_error (error, g_error_copy (domain->config_error));
        return false;
      }
      sh_shell_warn (shell, "%s", domain->config_error->message);
    }
    for (guint s = 0; domain->config && s < vth_config_get_n_schedules (domain->config); s++)
      json_array_add_object_element (array, schedule_to_json (domain->name,
                                                              vth_config_get_schedule (domain->config, s)));
  }
  sh_output_list (array, schedule_list_columns, sh_args_given (args, "json"), !shell->quiet);
  return true;
}

static const ShOption schedule_list_options[] = { SH_OPTION_DOMAIN, SH_OPTION_JSON, { NULL } };

typedef struct {
  const char *domain, *schedule;
  const VthCron *cron;
  gint64 next_s;
} Source;

static const ShColumn schedule_next_columns[] = {
  { "Time", "time", SH_FORMAT_TIME },
  { "In", "time", SH_FORMAT_AGO },
  { "Domain", "domain", SH_FORMAT_TEXT, .shrinks = 1 },
  { "Schedule", "schedule", SH_FORMAT_TEXT },
  { NULL },
};

static void
add_source (GArray *sources, const char *domain, const char *schedule, const VthCron *cron)
{
  Source source = { domain, schedule, cron, 0 };
  int64_t next_s;

  if (vth_cron_next (cron, NULL, now_s (), &next_s, NULL)) {
    source.next_s = next_s;
    g_array_append_val (sources, source);
  }
}

/* Merges the sources: the earliest next time, again and again. */
static void
merge_times (GArray *sources, gint64 count, JsonArray *array)
{
  for (; count > 0; count--) {
    Source *first = NULL;
    JsonObject *object;
    int64_t next_s;

    for (guint i = 0; i < sources->len; i++) {
      Source *source = &g_array_index (sources, Source, i);

      if (source->next_s && (!first || source->next_s < first->next_s))
        first = source;
    }
    if (!first)
      return;
    object = json_object_new ();
    sh_json_set_time (object, "time", first->next_s);
    sh_json_set_string (object, "domain", first->domain);
    sh_json_set_string (object, "schedule", first->schedule);
    json_array_add_object_element (array, object);
    first->next_s = vth_cron_next (first->cron, NULL, first->next_s, &next_s, NULL) ? next_s : 0;
  }
}

static bool
check_schedule_next (const ShArgs *args, GError **error)
{
  static const char *const pairs[][2] = { { "cron", "domain" }, { "cron", "name" } };

  return sh_select_exclusive (args, pairs, G_N_ELEMENTS (pairs), error);
}

static bool
run_schedule_next (Shell *shell, const ShArgs *args, GError **error)
{
  const char *name = sh_args_string (args, "name");
  g_autoptr(GPtrArray) domains = NULL;
  g_autoptr(GArray) sources = g_array_new (FALSE, FALSE, sizeof (Source));
  g_autoptr(JsonArray) array = json_array_new ();
  g_autoptr(VthCron) cron = NULL;

  if (sh_args_given (args, "cron")) {
    cron = vth_cron_new (sh_args_string (args, "cron"), error);
    if (!cron)
      return false;
    add_source (sources, NULL, NULL, cron);
  } else {
    if (!sh_shell_connect (shell, error))
      return false;
    domains = load_configs (shell, args, error);
    if (!domains)
      return false;
  }
  for (guint i = 0; domains && i < domains->len; i++) {
    const VthDomain *domain = domains->pdata[i];

    if (!domain->config) {
      if (sh_args_given (args, "domain")) {
        g_propagate_error (error, g_error_copy (domain->config_error));
        return false;
      }
      sh_shell_warn (shell, "%s", domain->config_error->message);
      continue;
    }
    if (name && !vth_config_find_schedule (domain->config, name) && sh_args_given (args, "domain")) {
      g_set_error (error, SH_ERROR, SH_ERROR_FAILED, "domain '%s' has no schedule '%s'", domain->name, name);
      return false;
    }
    for (guint s = 0; s < vth_config_get_n_schedules (domain->config); s++) {
      const VthSchedule *schedule = vth_config_get_schedule (domain->config, s);

      if (vth_schedule_get_enabled (schedule) && (!name || g_str_equal (name, vth_schedule_get_name (schedule))))
        add_source (sources, domain->name, vth_schedule_get_name (schedule), vth_schedule_get_cron (schedule));
    }
  }
  merge_times (sources, sh_args_int (args, "count", 5), array);
  sh_output_list (array, cron ? (const ShColumn[]) { schedule_next_columns[0], schedule_next_columns[1], { NULL } }
                              : schedule_next_columns, sh_args_given (args, "json"), !shell->quiet);
  return true;
}

static const ShOption schedule_next_options[] = {
  SH_OPTION_DOMAIN,
  { "name", SH_OPTION_STRING, SH_OPTION_POSITIONAL, "<name>", "only that schedule", sh_complete_schedule },
  { "count", SH_OPTION_INT, 0, "<number>", "how many times to print (5)", NULL, 1, 10000 },
  { "cron", SH_OPTION_STRING, 0, "<cron>", "an expression to try out instead of the schedules", sh_complete_cron },
  SH_OPTION_JSON,
  { NULL },
};

const ShCommand sh_schedule_commands[] = {
  { "schedule-add", .run = run_schedule_add, .check = sh_select_check_impact, .options = schedule_add_options,
    .flags = SH_COMMAND_CONNECTS,
    .help = "add a schedule to a domain",
    .description = "Keeps the schedule in the domain's XML. Times are those of the host's time zone. Without any "
                   "--keep option all dumps are kept. Without --config, --live or --current both the running domain "
                   "and its persistent definition are changed." },
  { "schedule-disable", .run = run_schedule_disable, .check = sh_select_check_impact, .options = schedule_name_options,
    .flags = SH_COMMAND_CONNECTS,
    .help = "take no dumps by a schedule until it is enabled" },
  { "schedule-edit", .run = run_schedule_edit, .check = check_schedule_edit, .options = schedule_edit_options,
    .flags = SH_COMMAND_CONNECTS,
    .help = "change a schedule",
    .description = "Changes what the options say and leaves the rest; a number of 0 takes a --keep rule away." },
  { "schedule-enable", .run = run_schedule_enable, .check = sh_select_check_impact, .options = schedule_name_options,
    .flags = SH_COMMAND_CONNECTS,
    .help = "take dumps by a schedule again" },
  { "schedule-list", .run = run_schedule_list, .options = schedule_list_options, .flags = SH_COMMAND_CONNECTS,
    .help = "list the schedules of a domain or of all" },
  { "schedule-next", .run = run_schedule_next, .check = check_schedule_next, .options = schedule_next_options,
    .help = "print the next times of dumps",
    .description = "Prints when the next dumps are due, of one domain or of all, or when an expression given with "
                   "--cron would fire." },
  { "schedule-remove", .run = run_schedule_remove, .check = sh_select_check_impact, .options = schedule_name_options,
    .flags = SH_COMMAND_CONNECTS,
    .help = "remove a schedule",
    .description = "Dumps taken by it stay, and are not removed by retention any more." },
  { NULL },
};
