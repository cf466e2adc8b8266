// SPDX-License-Identifier: GPL-2.0-or-later
/* list: the domains and what vthunder does for them. */

#include "config.h"

#include <string.h>

#include "commands.h"
#include "complete.h"
#include "output.h"
#include "parse.h"
#include "select.h"
#include "shell.h"
#include "vthunder.h"

static JsonObject *
domain_to_json (const VthDomain *domain)
{
  JsonObject *object = json_object_new ();
  JsonArray *schedules = json_array_new ();

  if (domain->id >= 0)
    json_object_set_int_member (object, "id", domain->id);
  else
    json_object_set_null_member (object, "id");
  sh_json_set_string (object, "name", domain->name);
  sh_json_set_string (object, "uuid", domain->uuid);
  sh_json_set_string (object, "display_name", domain->display_name);
  json_object_set_boolean_member (object, "active", domain->active);
  sh_json_set_string (object, "state", vth_domain_state_to_string (domain->state));
  json_object_set_int_member (object, "memory_bytes", (gint64) domain->memory_kib * 1024);
  for (guint i = 0; domain->config && i < vth_config_get_n_schedules (domain->config); i++) {
    const VthSchedule *schedule = vth_config_get_schedule (domain->config, i);
    JsonObject *entry = json_object_new ();

    sh_json_set_string (entry, "name", vth_schedule_get_name (schedule));
    sh_json_set_string (entry, "cron", vth_cron_get_expression (vth_schedule_get_cron (schedule)));
    json_object_set_boolean_member (entry, "enabled", vth_schedule_get_enabled (schedule));
    json_array_add_object_element (schedules, entry);
  }
  json_object_set_array_member (object, "schedules", schedules);
  sh_json_set_time (object, "last_dump", domain->last_dump_s);
  json_object_set_boolean_member (object, "last_failed", domain->last_failed);
  sh_json_set_string (object, "last_path", domain->last_path);
  sh_json_set_time (object, "next_dump", domain->next_dump_s);
  sh_json_set_string (object, "config_error", domain->config_error ? domain->config_error->message : NULL);
  sh_json_set_string (object, "state_error", domain->state_error ? domain->state_error->message : NULL);
  return object;
}

/* The table says it shorter: names of schedules only, a disabled one in brackets. */
static void
add_table_members (JsonObject *object, const VthDomain *domain)
{
  g_autoptr(GString) schedules = g_string_new (NULL);

  for (guint i = 0; domain->config && i < vth_config_get_n_schedules (domain->config); i++) {
    const VthSchedule *schedule = vth_config_get_schedule (domain->config, i);
    const char *name = vth_schedule_get_name (schedule);

    g_string_append_printf (schedules, vth_schedule_get_enabled (schedule) ? "%s%s" : "%s(%s)",
                            schedules->len ? ", " : "", name);
  }
  sh_json_set_string (object, "schedules",
                      domain->config_error ? "broken" : schedules->len ? schedules->str : NULL);
  if (domain->last_failed)
    sh_json_set_string (object, "last_dump", NULL);
  if (domain->display_name) {
    g_autofree char *both = g_strdup_printf ("%s (%s)", domain->name, domain->display_name);

    sh_json_set_string (object, "name", both);
  }
}

static const ShColumn list_columns[] = {
  { "Id", "id", SH_FORMAT_TEXT },
  { "Name", "name", SH_FORMAT_TEXT, .shrinks = 1 },
  { "State", "state", SH_FORMAT_TEXT },
  { "Memory", "memory_bytes", SH_FORMAT_SIZE },
  { "Schedules", "schedules", SH_FORMAT_TEXT, .shrinks = 2 },
  { "Last", "last_dump", SH_FORMAT_AGO },
  { "Next", "next_dump", SH_FORMAT_AGO },
  { NULL },
};

static bool
check_list (const ShArgs *args, GError **error)
{
  static const char *const pairs[][2] = { { "json", "name" }, { "json", "uuid" }, { "all", "inactive" } };

  return sh_select_exclusive (args, pairs, G_N_ELEMENTS (pairs), error);
}

static bool
run_list (Shell *shell, const ShArgs *args, GError **error)
{
  bool names_only = sh_args_given (args, "name") || sh_args_given (args, "uuid");
  bool json = sh_args_given (args, "json");
  unsigned flags = VTH_DOMAIN_LIST_ACTIVE;
  g_autoptr(VthHost) host = NULL;
  g_autoptr(GPtrArray) domains = NULL;
  g_autoptr(JsonArray) array = json_array_new ();

  if (sh_args_given (args, "all"))
    flags |= VTH_DOMAIN_LIST_INACTIVE;
  else if (sh_args_given (args, "inactive"))
    flags = VTH_DOMAIN_LIST_INACTIVE;
  if (names_only)
    flags |= VTH_DOMAIN_LIST_NO_CONFIG;
  else if (!(host = vth_host_load (NULL, error)))
    return false;

  domains = vth_domain_list (shell->conn, flags, host, error);
  if (!domains)
    return false;
  for (guint i = 0; i < domains->len; i++) {
    const VthDomain *domain = domains->pdata[i];
    JsonObject *object;

    if (names_only) {
      sh_output ("%s%s%s\n", sh_args_given (args, "uuid") ? domain->uuid : "",
                 sh_args_given (args, "uuid") && sh_args_given (args, "name") ? " " : "",
                 sh_args_given (args, "name") ? domain->name : "");
      continue;
    }
    if (domain->config_error)
      sh_shell_warn (shell, "%s", domain->config_error->message);
    if (domain->state_error)
      sh_shell_warn (shell, "domain '%s': %s", domain->name, domain->state_error->message);
    object = domain_to_json (domain);
    if (!json)
      add_table_members (object, domain);
    json_array_add_object_element (array, object);
  }
  if (!names_only)
    sh_output_list (array, list_columns, json, !shell->quiet);
  return true;
}

static const ShOption list_options[] = {
  { "inactive", SH_OPTION_BOOL, 0, NULL, "list inactive domains" },
  { "all", SH_OPTION_BOOL, 0, NULL, "list inactive & active domains" },
  { "uuid", SH_OPTION_BOOL, 0, NULL, "list uuid's only" },
  { "name", SH_OPTION_BOOL, 0, NULL, "list domain names only" },
  SH_OPTION_JSON,
  { NULL },
};

const ShCommand sh_domain_commands[] = {
  { "list", .run = run_list, .check = check_list, .options = list_options, .flags = SH_COMMAND_CONNECTS, .help = "list domains",
    .description = "Lists running domains with their schedules, their last dump and the next one. A schedule in "
                   "brackets is disabled; the name that OpenStack or KubeVirt shows for a domain stands in brackets "
                   "after its own." },
  { NULL },
};
