// SPDX-License-Identifier: GPL-2.0-or-later
/* A dump is one long call of libvirt, so somebody has to stay and wait for its
 * end, to give the file its note and its manifest. */

#include "config.h"

#include "detach.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "output.h"
#include "parse.h"
#include "vthunder.h"

#define POLL_US (50 * 1000)

static void
add_global (GPtrArray *argv, const char *option, const char *value)
{
  g_ptr_array_add (argv, g_strdup (option));
  if (value)
    g_ptr_array_add (argv, g_strdup (value));
}

static GPtrArray *
make_argv (Shell *shell, const ShArgs *args)
{
  GPtrArray *argv = g_ptr_array_new_with_free_func (g_free);
  char *uri = virConnectGetURI (shell->conn);

  add_global (argv, "/proc/self/exe", NULL);
  add_global (argv, "-q", NULL);
  if (uri)
    add_global (argv, "-c", uri);
  free (uri);
  add_global (argv, args->command->name, NULL);
  for (const ShOption *option = args->command->options; option->name; option++) {
    const char *const *values = sh_args_strings (args, option->name);

    if (g_str_equal (option->name, "detach"))
      continue;
    for (; *values; values++) {
      g_autofree char *word = option->type == SH_OPTION_BOOL ? g_strdup_printf ("--%s", option->name)
                                                            : g_strdup_printf ("--%s=%s", option->name, *values);

      add_global (argv, word, NULL);
    }
  }
  g_ptr_array_add (argv, NULL);
  return argv;
}

/* The terminal's Ctrl-C and hang-up are not for it. */
static void
leave_session (gpointer data G_GNUC_UNUSED)
{
  setsid ();
}

static gpointer
reap (gpointer data)
{
  while (waitpid ((pid_t) GPOINTER_TO_INT (data), NULL, 0) < 0 && errno == EINTR)
    ;
  return NULL;
}

/* What the process wrote on standard error, without the prefix that will be
 * put in front again. */
static char *
read_message (int fd)
{
  char buffer[4096];
  ssize_t n = pread (fd, buffer, sizeof buffer - 1, 0);
  char *end;

  if (n <= 0)
    return g_strdup ("no reason given");
  buffer[n] = '\0';
  end = strrchr (g_strchomp (buffer), '\n');
  return g_strdup (g_str_has_prefix (end ? end + 1 : buffer, "error: ") ? (end ? end + 1 : buffer) + 7
                   : end ? end + 1 : buffer);
}

static bool
finish (Shell *shell, virDomainPtr domain, int status, int message_fd, GError **error)
{
  g_autofree char *message = NULL;
  int code = WIFEXITED (status) ? WEXITSTATUS (status) : -1;

  if (code == SH_EXIT_OK) {
    if (!shell->quiet)
      sh_output ("Dump of domain '%s' is complete\n", virDomainGetName (domain));
    return true;
  }
  message = read_message (message_fd);
  g_set_error (error, SH_ERROR,
               code == SH_EXIT_USAGE ? SH_ERROR_USAGE : code == SH_EXIT_BUSY ? SH_ERROR_BUSY
               : code == SH_EXIT_PARTIAL ? SH_ERROR_PARTIAL : SH_ERROR_FAILED, "%s", message);
  return false;
}

bool
sh_detach (Shell *shell, const ShArgs *args, virDomainPtr domain, GError **error)
{
  g_autoptr(GPtrArray) argv = make_argv (shell, args);
  g_autoptr(GError) reason = NULL;
  int null_fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
  int message_fd = memfd_create ("vthunder-detached", MFD_CLOEXEC);
  GPid pid;
  bool ok;

  ok = null_fd >= 0 && message_fd >= 0
       && g_spawn_async_with_fds (NULL, (char **) argv->pdata, NULL, G_SPAWN_DO_NOT_REAP_CHILD, leave_session, NULL,
                                  &pid, null_fd, null_fd, message_fd, &reason);
  if (null_fd >= 0)
    close (null_fd);
  if (!ok) {
    g_set_error (error, SH_ERROR, SH_ERROR_FAILED, "cannot go on in the background: %s",
                 reason ? reason->message : g_strerror (errno));
    if (message_fd >= 0)
      close (message_fd);
    return false;
  }

  for (;;) {
    g_autoptr(VthJob) job = NULL;
    int status;

    if (waitpid (pid, &status, WNOHANG) == pid) {
      ok = finish (shell, domain, status, message_fd, error);
      break;
    }
    if (g_cancellable_is_cancelled (shell->cancellable))
      kill (pid, SIGTERM);        /* it cancels and says so */
    else if (vth_job_get (domain, false, &job, NULL) && job && job->is_dump) {
      if (!shell->quiet)
        sh_output ("Dump of domain '%s' runs in the background\n", virDomainGetName (domain));
      g_thread_unref (g_thread_new ("reap", reap, GINT_TO_POINTER ((int) pid)));
      ok = true;
      break;
    }
    g_usleep (POLL_US);
  }
  close (message_fd);
  return ok;
}
