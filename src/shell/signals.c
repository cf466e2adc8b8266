// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "output.h"

static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT };

/* A handler has no argument of ours, so this pipe is a global. */
static int signal_pipe[2] = { -1, -1 };

/* What nohup or a shell's "&" has set to be ignored stays so. */
static bool ignored[G_N_ELEMENTS (caught)];

static void
on_signal (int number)
{
  int saved = errno;
  char byte = (char) number;

  /* A full pipe has woken the reader already. */
  if (write (signal_pipe[1], &byte, 1) < 0)
    errno = saved;
  errno = saved;
}

void
sh_signals_init (void)
{
  g_autoptr(GError) error = NULL;
  struct sigaction before;

  for (size_t i = 0; i < G_N_ELEMENTS (caught); i++)
    ignored[i] = sigaction (caught[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN;
  if (!g_unix_open_pipe (signal_pipe, FD_CLOEXEC, &error)
      || !g_unix_set_fd_nonblocking (signal_pipe[0], TRUE, &error)
      || !g_unix_set_fd_nonblocking (signal_pipe[1], TRUE, &error))
    g_error ("cannot make a pipe: %s", error->message);
}

/* Handlers, not a blocked mask: a mask would be inherited by hooks and by a
 * daemon that libvirt spawns, which could then not be stopped. */
void
sh_signals_catch (bool interactive)
{
  struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

  for (size_t i = 0; i < G_N_ELEMENTS (caught); i++)
    if (interactive || (i < 3 && !ignored[i]))
      sigaction (caught[i], &action, NULL);
}

void
sh_signals_release (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (caught); i++)
    signal (caught[i], ignored[i] ? SIG_IGN : SIG_DFL);
}

void
sh_signals_die (void)
{
  signal (SIGINT, SIG_DFL);
  raise (SIGINT);
}

int
sh_signals_fd (void)
{
  return signal_pipe[0];
}

int
sh_signals_next (void)
{
  char byte;

  return read (signal_pipe[0], &byte, 1) == 1 ? byte : 0;
}

struct ShGuard {
  GCancellable *cancellable;
  GThread *thread;
  int stop_fd;
  bool leave;                     /* the thread's until it is joined */
};

static gpointer
guard_run (gpointer data)
{
  ShGuard *guard = data;
  gint64 first_us = 0;
  bool told = false;

  for (;;) {
    struct pollfd fds[] = {
      { .fd = signal_pipe[0], .events = POLLIN },
      { .fd = guard->stop_fd, .events = POLLIN },
    };

    int n = poll (fds, G_N_ELEMENTS (fds), first_us && !told ? 2 * G_USEC_PER_SEC / 1000 : -1);

    if (fds[1].revents || (n < 0 && errno != EINTR))
      return NULL;
    if (n == 0 && !told) {
      sh_output_error ("\nstill waiting for the end; Ctrl-C again leaves at once\n");
      told = true;
    }
    for (int number; (number = sh_signals_next ()) != 0;) {
      gint64 now_us = g_get_monotonic_time ();

      if (number == SIGWINCH || number == SIGCONT)
        continue;
      if (first_us && number == SIGINT && now_us - first_us > G_USEC_PER_SEC)
        sh_signals_die ();
      if (!first_us)
        first_us = now_us;
      if (number != SIGINT)
        guard->leave = true;
      g_cancellable_cancel (guard->cancellable);
    }
  }
}

ShGuard *
sh_guard_new (GCancellable *cancellable)
{
  ShGuard *guard = g_new0 (ShGuard, 1);

  guard->cancellable = g_object_ref (cancellable);
  guard->stop_fd = eventfd (0, EFD_CLOEXEC);
  guard->thread = g_thread_new ("signals", guard_run, guard);
  return guard;
}

bool
sh_guard_free (ShGuard *guard)
{
  uint64_t one = 1;
  bool leave;

  while (write (guard->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
  g_thread_join (guard->thread);
  close (guard->stop_fd);
  leave = guard->leave;
  g_object_unref (guard->cancellable);
  g_free (guard);
  return leave;
}
