/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running qemu-img on files that are open.
 *
 * It gets descriptors, from VTH_QEMU_IMG_FD on, and is told of nothing else:
 * what it is to open is spelt out, so that it resolves no name that is in a file.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "vth-private.h"

#define QEMU_IMG "qemu-img"

static void
append_file (GString *text, const char *driver, unsigned int i)
{
  g_string_append_printf (text, "{\"driver\":\"%s\",\"file\":{\"driver\":\"file\",\"filename\":\"/dev/fd/%u\"}", driver,
                          VTH_QEMU_IMG_FD + i);
}

char *
vth_qemu_img_overlay (unsigned int i)
{
  GString *text = g_string_new ("json:");

  append_file (text, "qcow2", i);
  g_string_append (text, ",\"backing\":null}");
  return g_string_free (text, FALSE);
}

char *
vth_qemu_img_head (unsigned int i, uint64_t size_bytes)
{
  g_autofree char *overlay = vth_qemu_img_overlay (i);

  return g_strdup_printf ("json:{\"driver\":\"raw\",\"size\":%" G_GUINT64_FORMAT ",\"file\":%s}", size_bytes,
                          overlay + strlen ("json:"));
}

/* Objects within objects: with one name for each option it would grow with the square of @n, and an argument is 128 KiB at most. */
char *
vth_qemu_img_chain (unsigned int n)
{
  GString *text = g_string_new ("json:");

  for (unsigned int i = 0; i < n; i++)
    {
      append_file (text, i + 1 < n ? "qcow2" : "raw", i);
      g_string_append (text, i + 1 < n ? ",\"backing\":" : "");
    }
  for (unsigned int i = 0; i < n; i++)
    g_string_append_c (text, '}');
  return g_string_free (text, FALSE);
}

void
vth_qemu_img_take_message (const char *line, void *data)
{
  GString *message = data;

  if (message->len < 2000)
    g_string_append_printf (message, "%s%s", message->len > 0 ? "; " : "", line);
}

static GSubprocess *
spawn (const char *const *argv, const int *fds, unsigned int n, const char *what, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher
      = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE);
  g_autoptr (GError) reason = NULL;

  for (unsigned int i = 0; i < n; i++)
    {
      int copy = fcntl (fds[i], F_DUPFD_CLOEXEC, 0);
      if (copy < 0)
        {
          vth_set_error_errno (error, errno, "cannot read '%s'", what);
          return NULL;
        }
      g_subprocess_launcher_take_fd (launcher, copy, VTH_QEMU_IMG_FD + (int) i);
    }
  GSubprocess *process = g_subprocess_launcher_spawnv (launcher, argv, &reason);
  if (process == NULL)
    g_set_error (error, VTH_ERROR, VTH_ERROR_UNSUPPORTED, "cannot run " QEMU_IMG " to read '%s': %s%s", what, reason->message,
                 g_error_matches (reason, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT) ? ": install it, or set PATH so that it is found" : "");
  return process;
}

/* A carriage return ends a line too: that is how progress is shown. */
static void
take_output (GString *line, const char *text, size_t length, VthQemuImgLine take_line, void *data)
{
  for (size_t i = 0; i < length; i++)
    {
      if (text[i] != '\r' && text[i] != '\n')
        {
          g_string_append_c (line, text[i]);
          continue;
        }
      if (line->len > 0)
        take_line (line->str, data);
      g_string_truncate (line, 0);
    }
}

bool
vth_qemu_img (const char *const *arguments, const int *fds, unsigned int n, const char *what, VthQemuImgLine take_line,
              void *data, GCancellable *cancellable, int *status, GError **error)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GString) line = g_string_new (NULL);
  char buffer[512];
  gssize got;

  g_ptr_array_add (argv, (char *) QEMU_IMG);
  for (unsigned int i = 0; arguments[i] != NULL; i++)
    g_ptr_array_add (argv, (char *) arguments[i]);
  g_ptr_array_add (argv, NULL);
  g_autoptr (GSubprocess) process = spawn ((const char *const *) argv->pdata, fds, n, what, error);
  if (process == NULL)
    return false;
  GInputStream *stream = g_subprocess_get_stdout_pipe (process);
  while ((got = g_input_stream_read (stream, buffer, sizeof buffer, cancellable, NULL)) > 0)
    take_output (line, buffer, (size_t) got, take_line, data);
  take_output (line, "\n", 1, take_line, data);
  if (got < 0)
    g_subprocess_force_exit (process);
  g_subprocess_wait (process, NULL, NULL);
  if (g_cancellable_is_cancelled (cancellable))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_CANCELLED, "reading '%s' was cancelled", what);
      return false;
    }
  *status = g_subprocess_get_if_exited (process) ? g_subprocess_get_exit_status (process) : -1;
  return true;
}
