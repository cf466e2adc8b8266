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
 * The longest gap between two own samples is printed too, and the time that the
 * hypervisor took from this machine ("steal").  Where a real-time thread does not run, a
 * guest does not either, so of a stall that reaches over gaps of a millisecond or more
 * the rest is what somebody here may be blamed for ("watched").
 *
 * SIGUSR1 begins the next of up to four phases ("before", "during", …): each is reported
 * by itself as well.  A stall counts in the phase in which it ends.
 *
 * Cost: a sample takes about 1 µs, but to wake up for it takes more than that, 10 µs where
 * the host is itself a virtual machine.  Every 50 µs that made a dump on two cores take a fifth
 * longer; every 200, the default, it is within what runs differ by.  The probe asks for
 * SCHED_FIFO, with which it is rarely late; --nice does without.
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

/* So late the probe is only if it was kept from running. */
#define BLIND_NS 1000000
#define BUCKETS 32
#define PHASES 4
/* Stalls by length, for the percentile: 64 steps to each doubling, so within 2 %. */
#define STEPS_BITS 6
#define STEPS ((64 - STEPS_BITS + 1) << STEPS_BITS)

typedef struct
{
  uint64_t proved_max_ns, watched_max_ns, at_most_max_ns;
  uint64_t progress;
  uint64_t buckets[BUCKETS]; /* [i]: stalls of less than 2^i µs */
  uint64_t step_ns[STEPS];   /* time spent in stalls of that length */
} Stalls;

typedef struct
{
  uint32_t value;
  uint64_t first_ns; /* first time the value was seen */
  uint64_t last_ns;  /* last time it was seen */
  uint64_t blind_ns; /* of that time the probe did not run */
  Stalls *phases;    /* PHASES of them */
} Counter;

static volatile sig_atomic_t stop, phase_wanted;

static void
on_signal (int number)
{
  if (number == SIGUSR1)
    phase_wanted++;
  else
    stop = 1;
}

static uint64_t
now_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

/* Time in which this machine's processors wanted to run and did not, in ms. */
static double
steal_ms (void)
{
  g_autofree char *text = NULL;
  unsigned long long steal = 0;

  if (g_file_get_contents ("/proc/stat", &text, NULL, NULL))
    (void) sscanf (text, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal);
  return (double) steal * 1e3 / (double) sysconf (_SC_CLK_TCK);
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

static unsigned
step_of (uint64_t ns)
{
  unsigned shift = 0;

  while (ns >> shift >= 2u << STEPS_BITS)
    shift++;
  return (shift << STEPS_BITS) + (unsigned) (ns >> shift);
}

static uint64_t
step_length (unsigned step)
{
  unsigned shift = step >> STEPS_BITS;

  if (shift == 0)
    return step;
  shift--;
  return (uint64_t) ((step & ((1u << STEPS_BITS) - 1)) + (1u << STEPS_BITS)) << shift;
}

/* The value held from first_ns to last_ns; the next one was seen at end_ns, after a gap of blind_ns. */
static void
close_run (const Counter *counter, unsigned phase, uint64_t end_ns, uint64_t blind_ns)
{
  Stalls *stalls = &counter->phases[phase];
  uint64_t proved = counter->last_ns - counter->first_ns, at_most = end_ns - counter->first_ns;
  unsigned bucket = 0;

  stalls->proved_max_ns = MAX (stalls->proved_max_ns, proved);
  stalls->watched_max_ns = MAX (stalls->watched_max_ns, proved - counter->blind_ns);
  stalls->at_most_max_ns = MAX (stalls->at_most_max_ns, at_most);
  while (bucket < BUCKETS - 1 && at_most / 1000 >= (1ull << bucket))
    bucket++;
  stalls->buckets[bucket]++;
  at_most -= counter->blind_ns + blind_ns;
  stalls->step_ns[step_of (at_most)] += at_most;
}

/* By time, not by number: the stall in which the guest is at 99 % of its time. */
static uint64_t
percentile_99 (const Stalls *stalls)
{
  uint64_t sum = 0, passed = 0;
  unsigned step;

  for (step = 0; step < STEPS; step++)
    sum += stalls->step_ns[step];
  for (step = 0; step < STEPS - 1; step++)
    if ((passed += stalls->step_ns[step]) >= sum / 100 * 99)
      break;
  return sum ? MIN (step_length (step), stalls->at_most_max_ns) : 0;
}

static void
add_phase (Stalls *to, const Stalls *from)
{
  to->proved_max_ns = MAX (to->proved_max_ns, from->proved_max_ns);
  to->watched_max_ns = MAX (to->watched_max_ns, from->watched_max_ns);
  to->at_most_max_ns = MAX (to->at_most_max_ns, from->at_most_max_ns);
  to->progress += from->progress;
  for (unsigned i = 0; i < BUCKETS; i++)
    to->buckets[i] += from->buckets[i];
  for (unsigned i = 0; i < STEPS; i++)
    to->step_ns[i] += from->step_ns[i];
}

static void
print_stalls (const Stalls *stalls)
{
  printf ("stall_max_us=%.0f stall_proved_us=%.0f stall_watched_us=%.0f p99_us=%.0f progress=%" G_GUINT64_FORMAT " histogram=",
          (double) stalls->at_most_max_ns / 1e3, (double) stalls->proved_max_ns / 1e3,
          (double) stalls->watched_max_ns / 1e3, (double) percentile_99 (stalls) / 1e3, stalls->progress);
  for (unsigned b = 0; b < BUCKETS; b++)
    printf ("%s%" G_GUINT64_FORMAT, b ? "," : "", stalls->buckets[b]);
  putchar ('\n');
}

/* A line for each millisecond: its time, from the begin of the second phase if there is
 * one, and what all counters together got on in it. */
static void
write_timeline (const char *path, const GArray *bins, uint64_t zero_ns)
{
  FILE *file = fopen (path, "w");

  if (!file)
    die ("cannot write '%s': %s", path, g_strerror (errno));
  for (unsigned i = 0; i < bins->len; i++)
    fprintf (file, "%.3f %u\n", i - (double) zero_ns / 1e6, g_array_index (bins, uint32_t, i));
  if (fclose (file) != 0)
    die ("cannot write '%s': %s", path, g_strerror (errno));
}

int
main (int argc, char **argv)
{
  static int pid, count = 1, interval_us = 200;
  static double seconds;
  static gboolean nice_only, once;
  static char *address, *timeline;
  static const GOptionEntry entries[] = {
    { "pid", 'p', 0, G_OPTION_ARG_INT, &pid, "the QEMU process", "PID" },
    { "address", 'a', 0, G_OPTION_ARG_STRING, &address, "where its first counter is (QEMU's gpa2hva tells)", "HVA" },
    { "count", 'c', 0, G_OPTION_ARG_INT, &count, "counters, one a vCPU (default 1)", "N" },
    { "interval", 'i', 0, G_OPTION_ARG_INT, &interval_us, "time between samples (default 200)", "MICROSECONDS" },
    { "seconds", 's', 0, G_OPTION_ARG_DOUBLE, &seconds, "stop after this time (default: at SIGTERM or SIGINT)", "S" },
    { "timeline", 't', 0, G_OPTION_ARG_FILENAME, &timeline, "write the progress of each millisecond to FILE", "FILE" },
    { "nice", 0, 0, G_OPTION_ARG_NONE, &nice_only, "no real-time priority", NULL },
    { "once", 0, 0, G_OPTION_ARG_NONE, &once, "print the counters and end", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- watch a guest's progress from outside");
  g_autoptr (GError) error = NULL;
  struct oracle_beat beats[ORACLE_MAX_CPUS];
  Counter counters[ORACLE_MAX_CPUS] = { 0 };
  uint64_t start_ns, before_ns, gap_max_ns = 0, samples = 0, end_ns, phase_ns[PHASES + 1] = { 0 };
  g_autoptr (GArray) bins = NULL;
  unsigned phase = 0;
  struct iovec local = { beats, 0 }, remote;
  struct sigaction action = { .sa_handler = on_signal };
  double stolen_ms = steal_ms ();
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
  sigaction (SIGUSR1, &action, NULL);
  for (int i = 0; i < count; i++)
    counters[i].phases = g_new0 (Stalls, PHASES);
  /* Room for a minute, so that it need not grow while it counts. */
  bins = g_array_sized_new (FALSE, TRUE, sizeof (uint32_t), 60 * 1000);
  prctl (PR_SET_TIMERSLACK, 1000);
  mlockall (MCL_CURRENT);
  if (!nice_only)
    fifo = sched_setscheduler (0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 10 }) == 0;

  phase_ns[0] = start_ns = before_ns = now_ns ();
  end_ns = seconds > 0 ? start_ns + (uint64_t) (seconds * 1e9) : UINT64_MAX;
  while (!stop)
    {
      uint64_t taken_ns, blind_ns = 0;

      if (process_vm_readv (pid, &local, 1, &remote, 1, 0) != (ssize_t) local.iov_len)
        {
          if (errno == ESRCH)
            break;
          die ("cannot read %s of process %d: %s", address, pid, g_strerror (errno));
        }
      taken_ns = now_ns ();
      if (samples++ > 0)
        {
          gap_max_ns = MAX (gap_max_ns, taken_ns - before_ns);
          blind_ns = taken_ns - before_ns >= BLIND_NS ? taken_ns - before_ns : 0;
        }
      if (timeline && (taken_ns - start_ns) / 1000000 >= bins->len)
        g_array_set_size (bins, (unsigned) ((taken_ns - start_ns) / 1000000) + 1);
      for (int i = 0; i < count; i++)
        {
          Counter *counter = &counters[i];

          if (samples > 1 && counter->value == beats[i].beat)
            {
              counter->last_ns = taken_ns;
              counter->blind_ns += blind_ns;
              continue;
            }
          if (samples > 1)
            {
              counter->phases[phase].progress += beats[i].beat - counter->value;
              if (timeline)
                g_array_index (bins, uint32_t, bins->len - 1) += beats[i].beat - counter->value;
              close_run (counter, phase, taken_ns, blind_ns);
            }
          counter->value = beats[i].beat;
          counter->first_ns = counter->last_ns = taken_ns;
          counter->blind_ns = 0;
        }
      before_ns = taken_ns;
      if (phase < PHASES - 1 && (int) phase < phase_wanted)
        phase_ns[++phase] = taken_ns;
      if (taken_ns >= end_ns)
        break;
      nanosleep (&(struct timespec){ .tv_nsec = interval_us * 1000L }, NULL);
    }
  end_ns = before_ns;
  phase_ns[phase + 1] = end_ns;

  printf ("samples=%" G_GUINT64_FORMAT " seconds=%.3f gap_max_us=%.0f steal_ms=%.0f fifo=%d\n", samples,
          (double) (end_ns - start_ns) / 1e9, (double) gap_max_ns / 1e3, steal_ms () - stolen_ms, fifo);
  for (int i = 0; i < count; i++)
    {
      g_autofree Stalls *all = g_new0 (Stalls, 1);

      /* A stall that still lasts counts. */
      close_run (&counters[i], phase, end_ns, 0);
      for (unsigned p = 0; p <= phase; p++)
        add_phase (all, &counters[i].phases[p]);
      printf ("vcpu=%d ", i);
      print_stalls (all);
    }
  for (unsigned p = 0; phase > 0 && p <= phase; p++)
    for (int i = 0; i < count; i++)
      {
        printf ("phase=%u seconds=%.6f vcpu=%d ", p, (double) (phase_ns[p + 1] - phase_ns[p]) / 1e9, i);
        print_stalls (&counters[i].phases[p]);
      }
  if (timeline)
    write_timeline (timeline, bins, phase > 0 ? phase_ns[1] - start_ns : 0);
  for (int i = 0; i < count; i++)
    g_free (counters[i].phases);
  return 0;
}
