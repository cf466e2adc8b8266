/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A dump as one complete ELF file.
 *
 * The files of an overlay are opened and checked here and handed to qemu-img
 * as descriptors, with the chain spelt out: it resolves no name that is in one
 * of them.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vth-private.h"

#define QEMU_IMG "qemu-img"
/* A header may claim anything; no guest is larger than that. */
#define VIRTUAL_BYTES_MAX (UINT64_C (1) << 46)
#define FIRST_FD 3

/* driver=qcow2,file.filename=/dev/fd/3,backing.driver=qcow2,..., of @n files; the last is the full dump. */
static char *
describe_chain (unsigned int n)
{
  g_autoptr (GString) prefix = g_string_new ("");
  GString *text = g_string_new ("");

  for (unsigned int i = 0; i < n; i++)
    {
      g_string_append_printf (text, "%s%sdriver=%s,%sfile.driver=file,%sfile.filename=/dev/fd/%u", i > 0 ? "," : "", prefix->str,
                              i + 1 < n ? "qcow2" : "raw", prefix->str, prefix->str, FIRST_FD + i);
      g_string_append (prefix, "backing.");
    }
  return g_string_free (text, FALSE);
}

/* "    (12.50/100%)" again and again, each behind a carriage return; anything else is what went wrong. */
static void
take_output (GString *line, const char *text, size_t length, uint64_t total_bytes, VthProgressFunc progress, void *user_data,
             GString *message)
{
  for (size_t i = 0; i < length; i++)
    {
      if (text[i] != '\r' && text[i] != '\n')
        {
          g_string_append_c (line, text[i]);
          continue;
        }
      const char *open = strchr (line->str, '(');
      if (open != NULL && strstr (open, "/100%)") != NULL)
        {
          if (progress != NULL)
            progress ((uint64_t) (g_ascii_strtod (open + 1, NULL) / 100 * (double) total_bytes), total_bytes, NULL, user_data);
        }
      else if (line->len > 0 && message->len < 2000)
        g_string_append_printf (message, "%s%s", message->len > 0 ? "; " : "", line->str);
      g_string_truncate (line, 0);
    }
}

static bool
follow (GSubprocess *process, uint64_t total_bytes, VthProgressFunc progress, void *user_data, GCancellable *cancellable,
        GString *message)
{
  GInputStream *stream = g_subprocess_get_stdout_pipe (process);
  g_autoptr (GString) line = g_string_new (NULL);
  char buffer[512];
  gssize n;

  while ((n = g_input_stream_read (stream, buffer, sizeof buffer, cancellable, NULL)) > 0)
    take_output (line, buffer, (size_t) n, total_bytes, progress, user_data, message);
  take_output (line, "\n", 1, total_bytes, progress, user_data, message);
  if (n < 0)
    g_subprocess_force_exit (process);
  return g_subprocess_wait_check (process, NULL, NULL) && n == 0;
}

static bool
convert (const char *path, const VthChain *chain, int to, VthProgressFunc progress, void *user_data, GCancellable *cancellable,
         GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher
      = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE);
  g_autofree char *files = describe_chain (chain->fds->len);
  g_autofree char *target = g_strdup_printf ("/dev/fd/%u", FIRST_FD + chain->fds->len);
  const char *argv[] = { QEMU_IMG, "convert", "-p", "-n", "--target-is-zero", "--image-opts", "-O", "raw", files, target, NULL };
  g_autoptr (GString) message = g_string_new (NULL);
  g_autoptr (GError) reason = NULL;

  for (unsigned int i = 0; i <= chain->fds->len; i++)
    {
      int fd = i < chain->fds->len ? g_array_index (chain->fds, int, i) : to;
      int copy = fcntl (fd, F_DUPFD_CLOEXEC, 0);
      if (copy < 0)
        {
          vth_set_error_errno (error, errno, "cannot write out '%s'", path);
          return false;
        }
      g_subprocess_launcher_take_fd (launcher, copy, FIRST_FD + (int) i);
    }
  g_autoptr (GSubprocess) process = g_subprocess_launcher_spawnv (launcher, argv, &reason);
  if (process == NULL)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_UNSUPPORTED,
                   "cannot run " QEMU_IMG " to write out '%s': %s: install it, or set PATH so that it is found", path,
                   reason->message);
      return false;
    }
  if (follow (process, chain->virtual_bytes, progress, user_data, cancellable, message))
    return true;
  if (g_cancellable_is_cancelled (cancellable))
    g_set_error (error, VTH_ERROR, VTH_ERROR_CANCELLED, "writing out '%s' was cancelled", path);
  else
    g_set_error (error, VTH_ERROR, VTH_ERROR_IO, "cannot write out '%s': %s", path,
                 message->len > 0 ? message->str : QEMU_IMG " failed");
  return false;
}

bool
vth_export_to_fd (const char *path, int to, VthProgressFunc progress, void *user_data, GCancellable *cancellable, GError **error)
{
  g_auto (VthChain) chain = { 0 };
  struct stat st;

  if (!vth_chain_open (path, &chain, error))
    return false;
  int top = g_array_index (chain.fds, int, 0);
  if (chain.fds->len == 1)
    return fstat (top, &st) == 0 && vth_copy_sparse (top, (uint64_t) st.st_size, to, progress, user_data, cancellable, error);
  if (chain.virtual_bytes == 0 || chain.virtual_bytes > VIRTUAL_BYTES_MAX)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is damaged: it claims %" G_GUINT64_FORMAT " bytes", path,
                   chain.virtual_bytes);
      return false;
    }
  if (ftruncate (to, (off_t) chain.virtual_bytes) < 0)
    {
      vth_set_error_errno (error, errno, "cannot write out '%s'", path);
      return false;
    }
  return convert (path, &chain, to, progress, user_data, cancellable, error);
}

/* What is written has to be an ELF dump, whatever the headers of its parts say. */
static bool
check_elf (const char *path, int fd, GError **error)
{
  g_autoptr (GArray) segments = g_array_new (FALSE, FALSE, sizeof (VthSegment));
  VthNoteInfo info = { .segments = segments };
  struct stat st;

  if (fstat (fd, &st) < 0)
    {
      vth_set_error_errno (error, errno, "cannot read '%s'", path);
      return false;
    }
  VthSource source = vth_source_of_fd (&fd, (uint64_t) st.st_size);
  g_autoptr (VthDump) dump = vth_note_read (&source, path, &info, error);
  return dump != NULL;
}

static bool
finish (int fd, const char *temporary, const char *target, bool replace, GError **error)
{
  if (fsync (fd) < 0)
    {
      vth_set_error_errno (error, errno, "cannot write '%s'", target);
      return false;
    }
  /* Nobody's file goes that came meanwhile.  Some file systems lack the one call, others the other. */
  bool done = replace ? g_rename (temporary, target) == 0
                      : renameat2 (AT_FDCWD, temporary, AT_FDCWD, target, RENAME_NOREPLACE) == 0
                            || (errno == EINVAL && link (temporary, target) == 0);
  if (!done)
    {
      if (errno == EEXIST)
        g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "'%s' exists already", target);
      else
        vth_set_error_errno (error, errno, "cannot create '%s'", target);
      return false;
    }
  vth_sync_dir (target);
  return true;
}

bool
vth_dump_export (const char *path, const char *target, bool replace, VthProgressFunc progress, void *user_data,
                 GCancellable *cancellable, GError **error)
{
  g_autofree char *dir = g_path_get_dirname (target);
  g_autofree char *name = g_path_get_basename (target);
  g_autofree char *hidden = g_strdup_printf (".%s.XXXXXX", name);
  g_autofree char *temporary = g_build_filename (dir, hidden, NULL);
  struct stat from, st;

  if (lstat (target, &st) == 0)
    {
      bool same = stat (path, &from) == 0 && from.st_dev == st.st_dev && from.st_ino == st.st_ino;
      if (!replace || same || !S_ISREG (st.st_mode))
        {
          g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, same ? "'%s' is the dump itself"
                       : S_ISREG (st.st_mode) ? "'%s' exists already" : "'%s' exists and is no regular file", target);
          return false;
        }
    }
  int fd = g_mkstemp_full (temporary, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    {
      vth_set_error_errno (error, errno, "cannot create a file in '%s'", dir);
      return false;
    }
  bool ok = vth_export_to_fd (path, fd, progress, user_data, cancellable, error) && check_elf (path, fd, error)
            && finish (fd, temporary, target, replace, error);
  close (fd);
  g_unlink (temporary); /* where it was renamed there is none */
  return ok;
}
