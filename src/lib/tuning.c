/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the engine takes a dump: what may be asked for, and whose word counts. */
#include <config.h>

#include "vth-private.h"

bool
vth_tuning_check (const VthTuning *tuning, VthFormat format, GError **error)
{
  const char *strategy = vth_strategy_to_string (tuning->strategy);

  if ((unsigned int) tuning->strategy > VTH_STRATEGY_HYBRID)
    g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "there is no strategy %u", (unsigned int) tuning->strategy);
  else if (tuning->threads > VTH_THREADS_MAX)
    g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "%u threads are too many: expected 1 to %u", tuning->threads, VTH_THREADS_MAX);
  else if (tuning->limit_bytes != 0 && tuning->limit_bytes < VTH_LIMIT_MIN_BYTES)
    g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "a mirror limit of %" G_GUINT64_FORMAT " bytes is too small: expected 8MiB or more",
                 tuning->limit_bytes);
  /* QEMU has no larger numbers, and libvirt's refusal would pass for that of one without mirror dumps. */
  else if (tuning->limit_bytes > INT64_MAX || tuning->bandwidth_bytes_s > INT64_MAX)
    g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "the %s is too large", tuning->limit_bytes > INT64_MAX ? "mirror limit" : "bandwidth");
  else if (tuning->strategy >= VTH_STRATEGY_PRECOPY && format != VTH_FORMAT_ELF)
    g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "strategy %s writes format elf only, not %s: choose that format, or strategy protect",
                 strategy, vth_format_to_string (format));
  else
    return true;
  return false;
}

bool
vth_tuning_is_empty (const VthTuning *tuning)
{
  return tuning->strategy <= VTH_STRATEGY_AUTO && tuning->threads == 0 && tuning->limit_bytes == 0 && tuning->bandwidth_bytes_s == 0;
}

VthTuning
vth_tuning_merge (const VthTuning *first, const VthTuning *next)
{
  return (VthTuning){ .strategy = first->strategy != VTH_STRATEGY_NONE ? first->strategy : next->strategy,
                      .threads = first->threads != 0 ? first->threads : next->threads,
                      .limit_bytes = first->limit_bytes != 0 ? first->limit_bytes : next->limit_bytes,
                      .bandwidth_bytes_s = first->bandwidth_bytes_s != 0 ? first->bandwidth_bytes_s : next->bandwidth_bytes_s };
}
