// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands about the connection and the host. */

#include "config.h"

#include "commands.h"
#include "complete.h"
#include "output.h"
#include "parse.h"
#include "select.h"
#include "shell.h"
#include "vthunder.h"

static bool
run_connect (Shell *shell, const ShArgs *args, GError **error)
{
  const char *uri = sh_args_string (args, "name");

  sh_shell_disconnect (shell);
  if (uri) {
    g_free (shell->uri);
    shell->uri = g_strdup (uri);
  }
  shell->readonly = sh_args_given (args, "readonly");
  return sh_shell_connect (shell, error);
}

static const ShOption connect_options[] = {
  { "name", SH_OPTION_STRING, SH_OPTION_POSITIONAL, "<uri>", "hypervisor connection URI", sh_complete_uri },
  { "readonly", SH_OPTION_BOOL, 0, NULL, "read-only connection" },
  { NULL },
};

static bool
run_uri (Shell *shell, const ShArgs *args G_GNUC_UNUSED, GError **error)
{
  char *uri = virConnectGetURI (shell->conn);

  if (!uri) {
    vth_error_set_libvirt (error, "failed to get URI");
    return false;
  }
  sh_output ("%s\n", uri);
  free (uri);
  return true;
}

static const ShColumn doctor_columns[] = {
  { "Check", "check", SH_FORMAT_TEXT },
  { "Status", "status", SH_FORMAT_TEXT },
  { "Found", "detail", SH_FORMAT_TEXT },
  { NULL },
};

static bool
run_doctor (Shell *shell, const ShArgs *args, GError **error)
{
  g_autoptr(GError) connect_error = NULL;
  g_autoptr(VthHost) host = vth_host_load (NULL, error);
  g_autoptr(GPtrArray) checks = NULL;
  g_autoptr(JsonArray) array = json_array_new ();
  bool json = sh_args_given (args, "json");
  guint failed = 0;

  if (!host)
    return false;
  /* A host without libvirt is a finding too, and the rest can be looked at. */
  if (!sh_shell_connect (shell, &connect_error)) {
    JsonObject *object = json_object_new ();

    json_object_set_string_member (object, "check", "connection");
    json_object_set_string_member (object, "status", vth_check_status_to_string (VTH_CHECK_FAILED));
    sh_json_set_string (object, "detail", connect_error->message);
    sh_json_set_string (object, "remedy", "start the daemon (virtqemud or libvirtd) or name another with --connect");
    json_array_add_object_element (array, object);
    failed++;
  }
  checks = vth_doctor_run (shell->conn, host, error);
  if (!checks)
    return false;

  for (guint i = 0; i < checks->len; i++) {
    const VthCheck *check = checks->pdata[i];
    JsonObject *object = json_object_new ();

    sh_json_set_string (object, "check", check->name);
    sh_json_set_string (object, "status", vth_check_status_to_string (check->status));
    sh_json_set_string (object, "detail", check->detail);
    sh_json_set_string (object, "remedy", check->remedy);
    json_array_add_object_element (array, object);
    if (check->status == VTH_CHECK_FAILED)
      failed++;
  }
  sh_output_list (array, doctor_columns, json, !shell->quiet);
  for (guint i = 0; !json && i < json_array_get_length (array); i++) {
    JsonObject *object = json_array_get_object_element (array, i);

    if (!json_object_get_null_member (object, "remedy"))
      sh_output ("\n%s: %s\n", json_object_get_string_member (object, "check"),
                 json_object_get_string_member (object, "remedy"));
  }
  if (failed) {
    g_set_error (error, SH_ERROR, SH_ERROR_FAILED, "%u of the checks failed", failed);
    return false;
  }
  return true;
}

static const ShOption doctor_options[] = { SH_OPTION_JSON, { NULL } };

const ShCommand sh_host_commands[] = {
  { "connect", .run = run_connect, .options = connect_options, .help = "(re)connect to hypervisor",
    .description = "Connects to the hypervisor that the URI names, or again to the present one." },
  { "doctor", .run = run_doctor, .options = doctor_options,
    .help = "check what this host can do and what stops it",
    .description = "Checks for the patched QEMU and libvirt, also the QEMU of each running domain, access to "
                   "userfaultfd, features of the kernel, VMCOREINFO in the guests, copying by reference and free "
                   "space, and says what to do about what is missing. "
                   "Changes nothing." },
  { "uri", .run = run_uri, .flags = SH_COMMAND_CONNECTS, .help = "print the hypervisor canonical URI" },
  { NULL },
};
