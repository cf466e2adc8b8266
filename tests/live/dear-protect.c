/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For LD_PRELOAD: makes QEMU's host one on which protecting memory is dear, or one
 * whose kernel is old, whatever it is.  The file that $DEAR_PROTECT names has three
 * numbers, and may change: a call that protects takes so many microseconds of
 * processor time more, if it covers fewer bytes than the second says; and one that
 * covers more bytes than the third says, if that is not 0, fails as Linux before 6.3
 * does where there is more than one mapping.
 */
#include <config.h>

#include <errno.h>
#include <linux/types.h>
#include <linux/userfaultfd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long
thread_us (void)
{
  struct timespec t;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (long long) t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int
ioctl (int fd, unsigned long request, ...)
{
  unsigned long long us = 0, below = 0, most = 0;
  const char *path = getenv ("DEAR_PROTECT");
  va_list args;
  void *argument;

  va_start (args, request);
  argument = va_arg (args, void *);
  va_end (args);
  if (request == UFFDIO_WRITEPROTECT && path)
    {
      const struct uffdio_writeprotect *wp = argument;
      FILE *file = fopen (path, "re");

      if (file)
        {
          if (fscanf (file, "%llu %llu %llu", &us, &below, &most) != 3)
            us = below = most = 0;
          fclose (file);
        }
      if (wp->mode & UFFDIO_WRITEPROTECT_MODE_WP)
        {
          long long start = thread_us ();

          if (most && wp->range.len > most)
            {
              errno = ENOENT;
              return -1;
            }
          while (wp->range.len < below && thread_us () - start < (long long) us)
            {
              /* dear */
            }
        }
    }
  return (int) syscall (SYS_ioctl, fd, request, argument);
}
