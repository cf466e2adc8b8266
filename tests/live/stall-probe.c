/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stall-probe: how long do a guest's vCPUs make no progress, seen from outside?
 *
 * A guest's own clock stops with the guest, so it cannot tell.  The test guests count
 * in memory, one counter a vCPU; this program polls the counters in the memory of the
 * QEMU process (process_vm_readv: no ptrace stop, nothing written, no page touched
 * that the guest does not touch) and reports for how long each stood still.
 *
 * On a busy host the probe itself is kept from running at times.  A value that was seen
 * unchanged at two moments proves a stall between them ("proved"); the stall may have
 * begun right after the sample before and ended right before the one after ("at most").
 * The longest gap between two own samples is printed too: where it is as long as the
 * stall, the figure says as much about the probe as about the guest.
 *
 * Cost: a sample takes about 1 µs, so 1 to 2 % of one core at the default interval.  It
 * asks for SCHED_FIFO, with which it is rarely late; --nice does without.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <glib.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../guest/oracle.h"

#define BUCKETS 32

typedef struct
{
  uint32_t value;
  uint64_t first_ns; /* first time the value was seen */
  uint64_t last_ns;  /* last time it was seen */

  uint64_t proved_max_ns, at_most_max_ns;
  uint64_t progress;
  GArray *stalls; /* uint64_t ns, "at most", of every value seen */
  uint64_t buckets[BUCKETS]; /* [i]: stalls of less than 2^i µs */
} Counter;

static volatile sig_atomic_t stop;

static void
on_signal (int number)
{
  (void) number;
  stop = 1;
}

static uint64_t
now_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

static void G_GNUC_PRINTF (1, 2) G_GNUC_NORETURN
die (const char *format, ...)
{
  va_list args;

  fputs ("stall-probe: ", stderr);
  va_start (args, format);
  vfprintf (stderr, format, args);
  va_end (args);
  fputc ('\n', stderr);
  exit (2);
}

static int
compare (const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

  return (x > y) - (x < y);
}

/* The value held from first_ns to last_ns; the next one was seen at end_ns. */
static void
close_run (Counter *counter, uint64_t end_ns)
{
  uint64_t proved = counter->last_ns - counter->first_ns, at_most = end_ns - counter->first_ns;
  unsigned bucket = 0;

  counter->proved_max_ns = MAX (counter->proved_max_ns, proved);
  counter->at_most_max_ns = MAX (counter->at_most_max_ns, at_most);
  while (bucket < BUCKETS - 1 && at_most / 1000 >= (1ull << bucket))
    bucket++;
  counter->buckets[bucket]++;
  g_array_append_val (counter->stalls, at_most);
}

int
main (int argc, char **argv)
{
  static int pid, count = 1, interval_us = 50;
  static double seconds;
  static gboolean nice_only, once;
  static char *address;
  static const GOptionEntry entries[] = {
    { "pid", 'p', 0, G_OPTION_ARG_INT, &pid, "the QEMU process", "PID" },
    { "address", 'a', 0, G_OPTION_ARG_STRING, &address, "where its first counter is (QEMU's gpa2hva tells)", "HVA" },
    { "count", 'c', 0, G_OPTION_ARG_INT, &count, "counters, one a vCPU (default 1)", "N" },
    { "interval", 'i', 0, G_OPTION_ARG_INT, &interval_us, "time between samples (default 50)", "MICROSECONDS" },
    { "seconds", 's', 0, G_OPTION_ARG_DOUBLE, &seconds, "stop after this time (default: at SIGTERM or SIGINT)", "S" },
    { "nice", 0, 0, G_OPTION_ARG_NONE, &nice_only, "no real-time priority", NULL },
    { "once", 0, 0, G_OPTION_ARG_NONE, &once, "print the counters and end", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- watch a guest's progress from outside");
  g_autoptr (GError) error = NULL;
  struct oracle_beat beats[ORACLE_MAX_CPUS];
  Counter counters[ORACLE_MAX_CPUS] = { 0 };
  uint64_t start_ns, before_ns, gap_max_ns = 0, samples = 0, end_ns;
  struct iovec local = { beats, 0 }, remote;
  struct sigaction action = { .sa_handler = on_signal };
  bool fifo = false;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    die ("%s", error->message);
  if (pid <= 0 || !address || count < 1 || count > (int) ORACLE_MAX_CPUS || interval_us < 1)
    die ("give --pid, --address and a sensible --count and --interval");
  local.iov_len = (size_t) count * sizeof *beats;
  remote = (struct iovec){ (void *) (uintptr_t) g_ascii_strtoull (address, NULL, 0), local.iov_len };

  if (once)
    {
      if (process_vm_readv (pid, &local, 1, &remote, 1, 0) != (ssize_t) local.iov_len)
        die ("cannot read %s of process %d: %s", address, pid, g_strerror (errno));
      for (int i = 0; i < count; i++)
        printf ("%u%c", beats[i].beat, i + 1 < count ? ' ' : '\n');
      return 0;
    }

  sigaction (SIGTERM, &action, NULL);
  sigaction (SIGINT, &action, NULL);
  for (int i = 0; i < count; i++)
    counters[i].stalls = g_array_sized_new (FALSE, FALSE, sizeof (uint64_t), 1u << 16);
  prctl (PR_SET_TIMERSLACK, 1000);
  mlockall (MCL_CURRENT);
  if (!nice_only)
    fifo = sched_setscheduler (0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 10 }) == 0;

  start_ns = before_ns = now_ns ();
  end_ns = seconds > 0 ? start_ns + (uint64_t) (seconds * 1e9) : UINT64_MAX;
  while (!stop)
    {
      uint64_t taken_ns;

      if (process_vm_readv (pid, &local, 1, &remote, 1, 0) != (ssize_t) local.iov_len)
        {
          if (errno == ESRCH)
            break;
          die ("cannot read %s of process %d: %s", address, pid, g_strerror (errno));
        }
      taken_ns = now_ns ();
      if (samples++ > 0)
        gap_max_ns = MAX (gap_max_ns, taken_ns - before_ns);
      for (int i = 0; i < count; i++)
        {
          Counter *counter = &counters[i];

          if (samples > 1 && counter->value == beats[i].beat)
            {
              counter->last_ns = taken_ns;
              continue;
            }
          if (samples > 1)
            {
              counter->progress += beats[i].beat - counter->value;
              close_run (counter, taken_ns);
            }
          counter->value = beats[i].beat;
          counter->first_ns = counter->last_ns = taken_ns;
        }
      before_ns = taken_ns;
      if (taken_ns >= end_ns)
        break;
      nanosleep (&(struct timespec){ .tv_nsec = interval_us * 1000L }, NULL);
    }
  end_ns = before_ns;

  printf ("samples=%" G_GUINT64_FORMAT " seconds=%.3f gap_max_us=%.0f fifo=%d\n", samples,
          (double) (end_ns - start_ns) / 1e9, (double) gap_max_ns / 1e3, fifo);
  for (int i = 0; i < count; i++)
    {
      Counter *counter = &counters[i];
      uint64_t *stalls = (uint64_t *) (void *) counter->stalls->data, p99 = 0;
      uint64_t sum = 0, passed = 0;

      /* A stall that still lasts counts. */
      close_run (counter, end_ns);
      stalls = (uint64_t *) (void *) counter->stalls->data;
      qsort (stalls, counter->stalls->len, sizeof *stalls, compare);
      /* By time, not by number: the stall in which the guest is at 99 % of its time. */
      for (unsigned s = 0; s < counter->stalls->len; s++)
        sum += stalls[s];
      for (unsigned s = 0; s < counter->stalls->len && passed < sum / 100 * 99; s++)
        {
          passed += stalls[s];
          p99 = stalls[s];
        }
      printf ("vcpu=%d stall_max_us=%.0f stall_proved_us=%.0f p99_us=%.0f progress=%" G_GUINT64_FORMAT " histogram=", i,
              (double) counter->at_most_max_ns / 1e3, (double) counter->proved_max_ns / 1e3, (double) p99 / 1e3,
              counter->progress);
      for (unsigned b = 0; b < BUCKETS; b++)
        printf ("%s%" G_GUINT64_FORMAT, b ? "," : "", counter->buckets[b]);
      putchar ('\n');
      g_array_free (counter->stalls, TRUE);
    }
  return 0;
}
