/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening files that somebody else may have put there; replacing files as a whole or not at all. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vth-private.h"

bool
vth_is_root (void)
{
  return geteuid () == 0;
}

bool
vth_is_trusted (uid_t owner)
{
  return owner == 0 || owner == geteuid ();
}

/* The group that a user alone is in, and with which some distributions make files group-writable. */
static bool
is_private_group (gid_t gid)
{
  const uid_t uid = geteuid ();
  char user_text[4096], group_text[4096];
  struct passwd user, *user_found = NULL;
  struct group group, *group_found = NULL;

  if (uid == 0 || getpwuid_r (uid, &user, user_text, sizeof user_text, &user_found) != 0 || user_found == NULL
      || getgrgid_r (gid, &group, group_text, sizeof group_text, &group_found) != 0 || group_found == NULL)
    return false;
  for (char **member = group.gr_mem; *member != NULL; member++)
    if (strcmp (*member, user.pw_name) != 0)
      return false;
  return user.pw_gid == gid && strcmp (user.pw_name, group.gr_name) == 0;
}

bool
vth_others_may_write (const struct stat *st)
{
  return (st->st_mode & S_IWOTH) || ((st->st_mode & S_IWGRP) && st->st_gid != 0 && !is_private_group (st->st_gid));
}

/* A device or a pipe in the place of a dump must not hang whoever reads it. */
int
vth_open_regular (const char *path, int flags, struct stat *st, GError **error)
{
  int fd = open (path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 || fstat (fd, st) < 0)
    {
      vth_set_error_errno (error, errno, "cannot open '%s'", path);
      if (fd >= 0)
        close (fd);
      return -1;
    }
  if (!S_ISREG (st->st_mode))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is no regular file", path);
      close (fd);
      return -1;
    }
  return fd;
}

char *
vth_file_read_small (const char *path, int flags, struct stat *st, size_t *length, GError **error)
{
  int fd = vth_open_regular (path, O_RDONLY | flags, st, error);
  if (fd < 0)
    return NULL;
  const size_t n = MIN ((size_t) st->st_size, VTH_SMALL_BYTES_MAX);
  g_autofree char *text = g_malloc0 (n + 1);
  VthSource source = vth_source_of_fd (&fd, n);
  bool ok = source.read (source.reader, 0, text, n, error);
  close (fd);
  if (!ok)
    return NULL;
  *length = n;
  return g_steal_pointer (&text);
}

static bool
write_all (int fd, const char *data, size_t length)
{
  while (length > 0)
    {
      ssize_t n = write (fd, data, length);
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return false;
      data += n;
      length -= (size_t) n;
    }
  return true;
}

/* Without this a power cut may bring the old file back; some file systems refuse it, which is no failure. */
void
vth_sync_dir (const char *path)
{
  g_autofree char *dir = g_path_get_dirname (path);
  int fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    return;
  (void) fsync (fd);
  close (fd);
}

/* What somebody else may have put in its place is no file of ours. */
static bool
is_own_file (int fd)
{
  struct stat st;
  return fstat (fd, &st) == 0 && S_ISREG (st.st_mode) && st.st_uid == geteuid () && st.st_nlink == 1;
}

/* Whether the file still has the name: who had it before may have renamed it. */
static bool
has_name (int fd, const char *path)
{
  struct stat st, named;
  return fstat (fd, &st) == 0 && lstat (path, &named) == 0 && st.st_dev == named.st_dev && st.st_ino == named.st_ino;
}

static bool
lock_file (int fd)
{
  int result;
  while ((result = flock (fd, LOCK_EX)) < 0 && errno == EINTR)
    ;
  return result == 0;
}

/*
 * The temporary name is the same each time, so a killed writer leaves at most
 * one file, which the next takes over; and it is locked, so that writers come
 * one after the other.  -1 with errno.
 */
static int
open_temporary (const char *path, mode_t mode)
{
  for (unsigned int tries = 0; tries < 1000; tries++)
    {
      /* Nothing but a regular file, and nothing that would be waited for. */
      int fd = open (path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
      if (fd < 0 && errno != ELOOP && errno != ENXIO)
        return -1;
      if (fd < 0 || !is_own_file (fd))
        {
          if (fd >= 0)
            close (fd);
          if (g_unlink (path) < 0 && errno != ENOENT)
            return -1;
          continue;
        }
      if (lock_file (fd) && has_name (fd, path) && ftruncate (fd, 0) == 0)
        return fd;
      close (fd);
    }
  errno = EBUSY;
  return -1;
}

bool
vth_file_replace (const char *path, const char *data, gssize length, mode_t mode, GError **error)
{
  g_autofree char *temporary = g_strconcat (path, ".tmp", NULL);
  int fd = open_temporary (temporary, mode);
  if (fd < 0)
    {
      vth_set_error_errno (error, errno, "cannot create '%s'", temporary);
      return false;
    }
  bool ok = write_all (fd, data, length < 0 ? strlen (data) : (size_t) length) && fchmod (fd, mode) == 0 && fsync (fd) == 0
            && g_rename (temporary, path) == 0;
  int errsv = errno;
  if (!ok)
    g_unlink (temporary);
  close (fd); /* it is on the disk, or an error was told: this one adds nothing */
  if (!ok)
    {
      vth_set_error_errno (error, errsv, "cannot write '%s'", path);
      return false;
    }
  vth_sync_dir (path);
  return true;
}

bool
vth_mkdir_private (const char *path, GError **error)
{
  if (g_mkdir_with_parents (path, 0700) < 0)
    {
      vth_set_error_errno (error, errno, "cannot create directory '%s'", path);
      return false;
    }
  return true;
}

static bool
copy_run (int from, int to, off_t at, off_t end, char *buffer, size_t size)
{
  while (at < end)
    {
      ssize_t n = pread (from, buffer, (size_t) MIN ((off_t) size, end - at), at);
      if (n < 0 && errno == EINTR)
        continue;
      if (n == 0)
        errno = EIO; /* it became shorter meanwhile */
      if (n <= 0 || pwrite (to, buffer, (size_t) n, at) != n)
        return false;
      at += n;
    }
  return true;
}

bool
vth_copy_sparse (int from, uint64_t size_bytes, int to, VthProgressFunc progress, void *user_data, GCancellable *cancellable,
                 GError **error)
{
  const size_t window = 1 << 20;
  g_autofree char *buffer = g_malloc (window);
  off_t at = 0, size = (off_t) size_bytes;

  while (at < size)
    {
      off_t data = lseek (from, at, SEEK_DATA);
      if (data < 0 && errno == ENXIO)
        break; /* a hole up to the end */
      at = MAX (at, data);
      off_t hole = lseek (from, at, SEEK_HOLE);
      off_t end = MIN (MIN (hole > at ? hole : size, at + (off_t) window), size);
      if (!copy_run (from, to, at, end, buffer, window))
        {
          vth_set_error_errno (error, errno, "cannot copy");
          return false;
        }
      if (g_cancellable_is_cancelled (cancellable))
        {
          g_set_error_literal (error, VTH_ERROR, VTH_ERROR_CANCELLED, "the copy was cancelled");
          return false;
        }
      at = end;
      if (progress != NULL)
        progress ((uint64_t) at, size_bytes, NULL, user_data);
    }
  if (ftruncate (to, size) < 0)
    {
      vth_set_error_errno (error, errno, "cannot copy");
      return false;
    }
  return true;
}
