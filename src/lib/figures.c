/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine's figures: tables of what each is called in the note and in libvirt's job statistics. */
#include <config.h>

#include "vth-private.h"

#define FIELD(note, job, member) { note, job, offsetof (VthFigures, member) }

const VthFigureField vth_figure_fields[] = {
  FIELD ("t0-ns", "thunder_t0_ns", t0_ns),
  FIELD ("pause-ns", "thunder_pause_ns", pause_ns),
  FIELD ("stall-max-ns", "thunder_stall_max_ns", stall_max_ns),
  FIELD ("stall-count", "thunder_stall_count", stall_count),
  FIELD ("capture-ns", "thunder_capture_ns", capture_ns),
  FIELD ("total-ns", "thunder_total_ns", total_ns),
  FIELD ("pages-total", "thunder_pages_total", pages_total),
  FIELD ("pages-zero", "thunder_pages_zero", pages_zero),
  FIELD ("pages-copied", "thunder_pages_copied", pages_copied),
  FIELD ("pages-fault-copied", "thunder_pages_fault_copied", pages_fault_copied),
  FIELD ("mirror-limit", "thunder_mirror_limit", mirror_limit_bytes),
  FIELD ("mirror-peak", "thunder_mirror_peak", mirror_peak_bytes),
  FIELD ("bytes-written", "thunder_bytes_written", bytes_written),
  FIELD ("protect-calls", "thunder_protect_calls", protect_calls),
  FIELD ("t0-tries", "thunder_t0_tries", t0_tries),
};
const size_t vth_n_figure_fields = G_N_ELEMENTS (vth_figure_fields);

#undef FIELD
#define FIELD(note, job, member) { note, job, offsetof (VthTracking, member) }

const VthFigureField vth_tracking_fields[] = {
  FIELD ("strategy", "thunder_strategy", strategy),
  FIELD ("storage", "thunder_storage", storage),
  FIELD ("generation", "thunder_generation", generation),
  FIELD ("base-generation", "thunder_base_generation", base_generation),
  FIELD ("full-reason", "thunder_full_reason", full_reason),
};
const size_t vth_n_tracking_fields = G_N_ELEMENTS (vth_tracking_fields);

char **
vth_tracking_field (VthTracking *tracking, size_t i)
{
  return (char **) (void *) ((char *) tracking + vth_tracking_fields[i].offset);
}

void
vth_tracking_clear (VthTracking *tracking)
{
  for (size_t i = 0; i < vth_n_tracking_fields; i++)
    g_clear_pointer (vth_tracking_field (tracking, i), g_free);
  tracking->pages_dirty = 0;
}

/* In place, of what was copied byte by byte. */
void
vth_tracking_unshare (VthTracking *tracking)
{
  for (size_t i = 0; i < vth_n_tracking_fields; i++)
    {
      char **field = vth_tracking_field (tracking, i);
      *field = g_strdup (*field);
    }
}
