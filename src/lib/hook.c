/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hooks: programs of the administrator, run without a shell and never for longer than they may. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vth-private.h"

#define POLL_US 20000
#define GRACE_US (2 * G_USEC_PER_SEC)

/* As run-parts(8): so that editors' and packages' leftovers (x~, x.bak) do not run. */
static bool
is_hook_name (const char *name)
{
  for (const char *p = name; *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && *p != '_' && *p != '-')
      return false;
  return *name != '\0';
}

static int
by_name (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static GPtrArray *
list_hooks (const char *dir, const char *event)
{
  g_autofree char *sub = g_strconcat (event, ".d", NULL);
  g_autofree char *path = g_build_filename (dir, sub, NULL);
  g_autoptr (GDir) entries = g_dir_open (path, 0, NULL);
  GPtrArray *hooks = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    if (is_hook_name (name))
      g_ptr_array_add (hooks, g_build_filename (path, name, NULL));
  g_ptr_array_sort (hooks, by_name);
  return hooks;
}

/* Runs in the child, between fork and exec: a group of its own, so that a hook's children end with it. */
static void
child_setup (void *data)
{
  (void) setpgid (0, 0);
}

static bool
wait_until (GPid pid, int64_t until_us, int *status)
{
  pid_t got;
  while ((got = waitpid (pid, status, WNOHANG)) == 0 || (got < 0 && errno == EINTR))
    {
      if (g_get_monotonic_time () >= until_us)
        return false;
      g_usleep (POLL_US);
    }
  return true;
}

static bool
run_hook (const char *path, char **environment, unsigned int timeout_s, GError **error)
{
  char *argv[] = { (char *) path, NULL };
  g_autoptr (GError) reason = NULL;
  struct stat st;
  GPid pid;
  int status = 0;

  if (stat (path, &st) < 0 || !S_ISREG (st.st_mode) || !vth_is_trusted (st.st_uid) || vth_others_may_write (&st))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_UNSAFE, "hook '%s' was not run: it is no file that only root or we may write", path);
      return false;
    }
  if (!g_spawn_async ("/", argv, environment, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, child_setup, NULL, &pid,
                      &reason))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FAILED, "cannot run hook '%s': %s", path, reason->message);
      return false;
    }
  if (!wait_until (pid, g_get_monotonic_time () + (int64_t) timeout_s * G_USEC_PER_SEC, &status))
    {
      kill (-pid, SIGTERM);
      if (!wait_until (pid, g_get_monotonic_time () + GRACE_US, &status))
        {
          kill (-pid, SIGKILL);
          waitpid (pid, &status, 0);
        }
      kill (-pid, SIGKILL); /* children that outlived it */
      g_set_error (error, VTH_ERROR, VTH_ERROR_TIMEOUT, "hook '%s' took longer than %u s and was killed", path, timeout_s);
      return false;
    }
  if (!g_spawn_check_wait_status (status, &reason))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FAILED, "hook '%s' failed: %s", path, reason->message);
      return false;
    }
  return true;
}

void
vth_hooks_run (const char *dir, const char *event, char **environment, unsigned int timeout_s, VthHookFailed failed, void *user_data)
{
  if (dir == NULL)
    return;
  g_autoptr (GPtrArray) hooks = list_hooks (dir, event);
  for (unsigned int i = 0; i < hooks->len; i++)
    {
      g_autoptr (GError) error = NULL;
      if (!run_hook (hooks->pdata[i], environment, timeout_s, &error))
        failed (hooks->pdata[i], error, user_data);
    }
}

static char **
put_number (char **environment, const char *name, uint64_t number)
{
  g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT, number);
  return g_environ_setenv (environment, name, text, TRUE);
}

static char **
put_text (char **environment, const char *name, const char *text)
{
  return g_environ_setenv (environment, name, text != NULL ? text : "", TRUE);
}

char **
vth_hook_environment (const char *event, const VthDump *dump, const GError *error)
{
  char **env = g_get_environ ();

  env = put_text (env, "VTHUNDER_EVENT", event);
  if (dump != NULL)
    {
      env = put_text (env, "VTHUNDER_PATH", dump->path);
      env = put_text (env, "VTHUNDER_POOL", dump->pool);
      env = put_text (env, "VTHUNDER_BASE", dump->base);
      env = put_text (env, "VTHUNDER_FORMAT", vth_format_to_string (dump->format));
      env = put_text (env, "VTHUNDER_MODE", vth_mode_to_string (dump->mode));
      env = put_text (env, "VTHUNDER_PAUSED", dump->paused ? "yes" : "no");
      env = put_number (env, "VTHUNDER_TIME", (uint64_t) dump->time_s);
      env = put_number (env, "VTHUNDER_PAUSE_NS", dump->figures.pause_ns);
      env = put_number (env, "VTHUNDER_STALL_MAX_NS", dump->figures.stall_max_ns);
    }
  if (error != NULL)
    env = put_text (env, "VTHUNDER_ERROR", error->message);
  return env;
}

bool
vth_hook_run (const char *path, const VthHost *host, const char *event, const VthDump *dump, GError **error)
{
  g_auto (GStrv) env = vth_hook_environment (event, dump, NULL);

  env = put_text (env, "VTHUNDER_DOMAIN", dump->domain);
  env = put_text (env, "VTHUNDER_UUID", dump->uuid);
  env = put_text (env, "VTHUNDER_SCHEDULE", dump->schedule);
  return run_hook (path, env, vth_host_get_hook_timeout_s (host), error);
}
