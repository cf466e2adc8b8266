/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * floors: what the machine itself needs to move the bytes of a dump, as something to
 * compare dumps with.
 *
 *   floors memcpy [OPTION…] BYTES        into memory that was never touched (--warm: that was)
 *   floors write [OPTION…] BYTES FILE    into a new file, around the page cache, and durable
 *
 * The bytes are incompressible and lie in memory, in huge pages where the machine gives
 * some, as a guest's do.  Memory is used in windows of at most 1 GiB, so that the floor of
 * a large guest can be measured beside it; each window of a copy is freshly mapped.  Only
 * the moving is timed.  Prints "ns=N", and for a file whether it was direct I/O.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define HUGE_PAGE ((size_t) 2 << 20)
#define WINDOW ((size_t) 1 << 30)

typedef struct
{
  char *source, *target; /* window bytes each; a file has no target */
  size_t window, bytes, block;
  int fd;
  size_t next; /* atomic: the next block to move */
  int error;   /* atomic: errno of the first that failed */
} Job;

static void G_GNUC_PRINTF (1, 2) G_GNUC_NORETURN
die (const char *format, ...)
{
  va_list args;

  fputs ("floors: ", stderr);
  va_start (args, format);
  vfprintf (stderr, format, args);
  va_end (args);
  fputc ('\n', stderr);
  exit (1);
}

static uint64_t
now_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

/* Not touched, and aligned so that it can be huge pages. */
static char *
map (size_t bytes)
{
  char *p = mmap (NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *aligned;

  if (p == MAP_FAILED)
    die ("cannot map %zu bytes: %s", bytes, g_strerror (errno));
  aligned = p + (HUGE_PAGE - (uintptr_t) p % HUGE_PAGE) % HUGE_PAGE;
  if (aligned > p)
    munmap (p, (size_t) (aligned - p));
  munmap (aligned + bytes, HUGE_PAGE - (size_t) (aligned - p));
  madvise (aligned, bytes, MADV_HUGEPAGE);
  return aligned;
}

static void
fill (char *p, size_t bytes)
{
  uint64_t state = 88172645463325252ull;

  for (size_t i = 0; i < bytes / sizeof state; i++)
    {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      ((uint64_t *) (void *) p)[i] = state;
    }
}

static void *
mover (void *data)
{
  Job *job = data;
  size_t at;

  while ((at = __atomic_fetch_add (&job->next, job->block, __ATOMIC_RELAXED)) < job->bytes)
    {
      size_t length = MIN (job->block, job->bytes - at);
      ssize_t written;

      if (job->fd < 0)
        {
          memcpy (job->target + at, job->source + at, length);
          continue;
        }
      written = pwrite (job->fd, job->source + at % job->window, length, (off_t) at);
      if (written != (ssize_t) length)
        {
          __atomic_store_n (&job->error, written < 0 ? errno : ENOSPC, __ATOMIC_RELAXED);
          break;
        }
    }
  return NULL;
}

static void
move (Job *job, unsigned threads)
{
  pthread_t *thread = g_newa (pthread_t, threads);

  job->next = 0;
  for (unsigned i = 1; i < threads; i++)
    if (pthread_create (&thread[i], NULL, mover, job) != 0)
      die ("cannot create a thread");
  mover (job);
  for (unsigned i = 1; i < threads; i++)
    pthread_join (thread[i], NULL);
}

static uint64_t
copy (Job *job, size_t bytes, bool warm, unsigned threads)
{
  uint64_t spent_ns = 0;

  for (size_t done = 0; done < bytes; done += job->bytes)
    {
      uint64_t start_ns;

      job->bytes = MIN (job->window, bytes - done);
      if (!job->target)
        job->target = map (job->window);
      if (warm && done == 0)
        memset (job->target, 1, job->window);
      start_ns = now_ns ();
      move (job, threads);
      spent_ns += now_ns () - start_ns;
      if (!warm)
        {
          munmap (job->target, job->window);
          job->target = NULL;
        }
    }
  return spent_ns;
}

static uint64_t
write_file (Job *job, size_t bytes, const char *path, unsigned threads, bool *direct)
{
  uint64_t start_ns = now_ns ();

  job->fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_DIRECT, 0600);
  *direct = job->fd >= 0;
  if (!*direct)
    job->fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (job->fd < 0)
    die ("cannot write '%s': %s", path, g_strerror (errno));
  job->bytes = bytes;
  move (job, threads);
  if (!job->error && fdatasync (job->fd) < 0)
    job->error = errno;
  if (job->error)
    die ("cannot write '%s': %s", path, g_strerror (job->error));
  close (job->fd);
  return now_ns () - start_ns;
}

int
main (int argc, char **argv)
{
  static int threads = 1, block_kib = 4096, probe;
  static gboolean warm;
  static const GOptionEntry entries[] = {
    { "threads", 't', 0, G_OPTION_ARG_INT, &threads, "move with so many threads (default 1)", "N" },
    { "block", 'b', 0, G_OPTION_ARG_INT, &block_kib, "in blocks of so many KiB (default 4096)", "KIB" },
    { "warm", 'w', 0, G_OPTION_ARG_NONE, &warm, "copy into memory that was touched before", NULL },
    { "probe", 'p', 0, G_OPTION_ARG_INT, &probe, "send SIGUSR1 there before and after", "PID" },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("memcpy|write BYTES [FILE]");
  g_autoptr (GError) error = NULL;
  Job job = { .fd = -1 };
  bool is_copy, direct = false;
  uint64_t bytes, spent_ns;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    die ("%s", error->message);
  is_copy = argc == 3 && strcmp (argv[1], "memcpy") == 0;
  if (!is_copy && !(argc == 4 && strcmp (argv[1], "write") == 0))
    die ("say 'memcpy BYTES' or 'write BYTES FILE'");
  /* Direct I/O moves whole blocks of the device. */
  if (!g_ascii_string_to_unsigned (argv[2], 10, 4096, (uint64_t) 1 << 46, &bytes, &error))
    die ("%s", error->message);
  bytes = bytes / 4096 * 4096;
  if (threads < 1 || threads > 64 || block_kib < 4 || block_kib % 4 != 0 || block_kib > (int) (WINDOW >> 10))
    die ("1 to 64 threads, blocks of 4 KiB to 1 GiB");

  job.block = (size_t) block_kib << 10;
  job.window = MIN (WINDOW, bytes + job.block - 1) / job.block * job.block;
  job.source = map (job.window);
  fill (job.source, job.window);
  if (probe > 0)
    kill (probe, SIGUSR1);
  if (is_copy)
    spent_ns = copy (&job, bytes, warm, (unsigned) threads);
  else
    spent_ns = write_file (&job, bytes, argv[3], (unsigned) threads, &direct);
  if (probe > 0)
    kill (probe, SIGUSR1);
  printf ("ns=%" G_GUINT64_FORMAT "%s\n", spent_ns, is_copy ? "" : direct ? " direct=yes" : " direct=no");
  return 0;
}
