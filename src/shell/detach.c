// SPDX-License-Identifier: GPL-2.0-or-later
/* A dump is one long call of libvirt, so somebody has to stay and wait for its
 * end, to give the file its note and its manifest.  Whose dump the domain's
 * job is only that process knows: it says so through a socket, a packet for
 * each thing, until nobody listens any more. */

#include "config.h"

#include "detach.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "output.h"
#include "parse.h"
#include "vthunder.h"

#define TELL_VARIABLE "VTHUNDER_DETACHED_FD"
#define TELL_FD 3
#define TELL_BYTES 4096

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

/* The last that the process wrote on standard error, without the prefix that
 * will be put in front again. */
static char *
read_message (int fd)
{
  char buffer[TELL_BYTES];
  off_t size = lseek (fd, 0, SEEK_END);
  ssize_t n = pread (fd, buffer, sizeof buffer - 1, MAX (size - (off_t) sizeof buffer + 1, 0));
  char *end;

  if (n <= 0)
    return g_strdup ("no reason given");
  buffer[n] = '\0';
  end = strrchr (g_strchomp (buffer), '\n');
  return g_strdup (g_str_has_prefix (end ? end + 1 : buffer, "error: ") ? (end ? end + 1 : buffer) + 7
                   : end ? end + 1 : buffer);
}

/* It ended before anybody turned away. */
static bool
finish (pid_t pid, int message_fd, GError **error)
{
  g_autofree char *message = NULL;
  int status = 0, code;

  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    ;
  code = WIFEXITED (status) ? WEXITSTATUS (status) : -1;
  if (code == SH_EXIT_OK)
    return true;
  message = read_message (message_fd);
  g_set_error (error, SH_ERROR,
               code == SH_EXIT_USAGE ? SH_ERROR_USAGE : code == SH_EXIT_BUSY ? SH_ERROR_BUSY
               : code == SH_EXIT_PARTIAL ? SH_ERROR_PARTIAL : SH_ERROR_FAILED, "%s", message);
  return false;
}

/* The next packet, its kind first; NULL at the end.  Ctrl-C is handed on: it cancels and says so. */
static char *
listen_to (Shell *shell, int fd, pid_t pid)
{
  char buffer[TELL_BYTES];
  GPollFD fds[2] = { { .fd = fd, .events = G_IO_IN } };
  bool can_poll = g_cancellable_make_pollfd (shell->cancellable, &fds[1]), told = false;
  ssize_t n;

  for (;;) {
    g_poll (fds, can_poll && !told ? 2 : 1, can_poll || told ? -1 : 100);
    if (!told && g_cancellable_is_cancelled (shell->cancellable)) {
      kill (pid, SIGTERM);
      told = true;
    }
    if (!fds[0].revents)
      continue;
    n = recv (fd, buffer, sizeof buffer - 1, MSG_DONTWAIT);
    if (n >= 0 || (errno != EINTR && errno != EAGAIN))
      break;
  }
  if (can_poll)
    g_cancellable_release_fd (shell->cancellable);
  return n > 0 ? g_strndup (buffer, (gsize) n) : NULL;
}

/* True when a dump runs, or none will. */
static bool
attend (Shell *shell, int fd, pid_t pid, guint *failed, bool *runs)
{
  g_autofree char *packet = listen_to (shell, fd, pid);

  if (!packet)
    return true;
  switch ((ShDetachedKind) packet[0]) {
  case SH_DETACHED_WAITS:
    if (!shell->quiet)
      sh_output_error ("%s\n", packet + 1);
    break;
  case SH_DETACHED_BEGUN:
    *runs = true;
    if (!shell->quiet)
      sh_output ("Dump of domain '%s' runs in the background\n", packet + 1);
    return true;
  case SH_DETACHED_DONE:
    if (!shell->quiet)
      sh_output ("Dump of domain '%s' is complete\n", packet + 1);
    break;
  case SH_DETACHED_FAILED: {
    g_autoptr(GError) reason = g_error_new (SH_ERROR, SH_ERROR_FAILED, "%s", packet + 1);

    ++*failed;
    sh_shell_report (shell, reason);
    break;
  }
  }
  fflush (stdout);
  return false;
}

static bool
spawn (GPtrArray *argv, int message_fd, int tell_fd, GPid *pid, GError **error)
{
  g_auto(GStrv) environment = g_environ_setenv (g_get_environ (), TELL_VARIABLE, G_STRINGIFY (TELL_FD), TRUE);
  const int target = TELL_FD;
  int null_fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
  bool ok;

  ok = null_fd >= 0
       && g_spawn_async_with_pipes_and_fds (NULL, (const char *const *) argv->pdata, (const char *const *) environment,
                                            G_SPAWN_DO_NOT_REAP_CHILD, leave_session, NULL, null_fd, null_fd, message_fd,
                                            &tell_fd, &target, 1, pid, NULL, NULL, NULL, error);
  if (null_fd >= 0)
    close (null_fd);
  return ok;
}

bool
sh_detach (Shell *shell, const ShArgs *args, guint n_domains, GError **error)
{
  g_autoptr(GPtrArray) argv = make_argv (shell, args);
  g_autoptr(GError) reason = NULL;
  int message_fd = memfd_create ("vthunder-detached", MFD_CLOEXEC), tell[2] = { -1, -1 };
  guint failed = 0;
  GPid pid;
  bool ok, runs = false;

  ok = message_fd >= 0 && socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, tell) == 0
       && spawn (argv, message_fd, tell[1], &pid, &reason);
  if (!ok)
    g_set_error (error, SH_ERROR, SH_ERROR_FAILED, "cannot go on in the background: %s",
                 reason ? reason->message : g_strerror (errno));
  if (tell[1] >= 0)
    close (tell[1]);
  while (ok && !attend (shell, tell[0], pid, &failed, &runs))
    ;
  if (ok && runs) {
    g_thread_unref (g_thread_new ("reap", reap, GINT_TO_POINTER ((int) pid)));
    ok = !failed;
    if (failed)
      g_set_error (error, SH_ERROR, SH_ERROR_PARTIAL, "%u of %u dumps failed, the others are taken in the background",
                   failed, n_domains);
  } else if (ok) {
    ok = finish (pid, message_fd, error);
  }
  if (tell[0] >= 0)
    close (tell[0]);
  if (message_fd >= 0)
    close (message_fd);
  return ok;
}

/* --- in the process that goes on --------------------------------------------- */

int
sh_detached_open (void)
{
  const char *text = g_getenv (TELL_VARIABLE);
  int type = 0;
  socklen_t length = sizeof type;

  /* The variable outlives the descriptor in whatever is started from here. */
  if (g_strcmp0 (text, G_STRINGIFY (TELL_FD)) != 0 || getsockopt (TELL_FD, SOL_SOCKET, SO_TYPE, &type, &length) < 0
      || type != SOCK_SEQPACKET || fcntl (TELL_FD, F_SETFD, FD_CLOEXEC) < 0)
    return -1;
  return TELL_FD;
}

void
sh_detached_tell (int fd, ShDetachedKind kind, const char *text)
{
  g_autofree char *packet = g_strdup_printf ("%c%.*s", kind, TELL_BYTES - 2, text);

  /* Whoever began this may have turned away. */
  if (fd >= 0 && send (fd, packet, strlen (packet), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    return;
}
