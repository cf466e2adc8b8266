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
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vth-private.h"

typedef struct {
  uint64_t total_bytes;
  VthProgressFunc progress;
  void *user_data;
  GString *message;
} Conversion;

/* "    (12.50/100%)" again and again; anything else is what went wrong. */
static void
take_line (const char *line, void *data)
{
  const Conversion *c = data;
  const char *open = strchr (line, '(');

  if (open != NULL && strstr (open, "/100%)") != NULL)
    {
      if (c->progress != NULL)
        c->progress ((uint64_t) (g_ascii_strtod (open + 1, NULL) / 100 * (double) c->total_bytes), c->total_bytes, NULL, c->user_data);
    }
  else
    vth_qemu_img_take_message (line, c->message);
}

static bool
convert (const char *path, const VthChain *chain, int to, VthProgressFunc progress, void *user_data, GCancellable *cancellable,
         GError **error)
{
  const unsigned int n = chain->fds->len;
  g_autofree char *files = vth_qemu_img_chain (n);
  g_autofree char *target = g_strdup_printf ("/dev/fd/%u", VTH_QEMU_IMG_FD + n);
  g_autofree int *fds = g_new (int, n + 1);
  const char *arguments[] = { "convert", "-p", "-n", "--target-is-zero", "-O", "raw", files, target, NULL };
  g_autoptr (GString) message = g_string_new (NULL);
  Conversion conversion = { g_array_index (chain->virtual_bytes, uint64_t, 0), progress, user_data, message };
  int status = 0;

  memcpy (fds, chain->fds->data, n * sizeof *fds);
  fds[n] = to;
  if (!vth_qemu_img (arguments, fds, n + 1, path, take_line, &conversion, cancellable, &status, error))
    return false;
  if (status == 0)
    return true;
  g_set_error (error, VTH_ERROR, VTH_ERROR_IO, "cannot write out '%s': %s", path, message->len > 0 ? message->str : "qemu-img failed");
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
  if (!vth_chain_check (&chain, cancellable, error))
    return false;
  if (ftruncate (to, (off_t) g_array_index (chain.virtual_bytes, uint64_t, 0)) < 0)
    {
      vth_set_error_errno (error, errno, "cannot write out '%s'", path);
      return false;
    }
  return convert (path, &chain, to, progress, user_data, cancellable, error);
}

static bool
check_replace (const char *target, GError **error)
{
  g_autofree char *dir = g_path_get_dirname (target);
  g_autofree char *plain = g_canonicalize_filename (dir, NULL);
  g_autofree char *name = g_path_get_basename (target);
  g_autoptr (VthOutput) output = vth_output_new (NULL, VTH_OUTPUT_DIR, plain, error);

  return output != NULL && vth_output_check_replace (output, name, error);
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
      if (!check_replace (target, error))
        return false;
    }
  int fd = g_mkstemp_full (temporary, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    {
      vth_set_error_errno (error, errno, "cannot create a file in '%s'", dir);
      return false;
    }
  /* It has to be an ELF dump, whatever the headers of its parts say. */
  g_autoptr (VthDump) dump = NULL;
  bool ok = vth_export_to_fd (path, fd, progress, user_data, cancellable, error)
            && (dump = vth_note_read_elf (fd, path, error)) != NULL && finish (fd, temporary, target, replace, error);
  close (fd);
  g_unlink (temporary); /* where it was renamed there is none */
  return ok;
}
