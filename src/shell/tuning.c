// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include "tuning.h"

#include <string.h>

#include "parse.h"
#include "shell.h"

const char *
sh_tuning_given (const ShArgs *args)
{
  static const char *const names[] = { "strategy", "mirror-limit", "bandwidth", "threads" };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (sh_args_given (args, names[i]))
      return names[i];
  return NULL;
}

static bool
read_size (const ShArgs *args, const char *name, bool zero, uint64_t *bytes, GError **error)
{
  const char *text = sh_args_string (args, name);

  if (!text)
    return true;
  if (!vth_size_parse (text, bytes, error)) {
    g_prefix_error (error, "option --%s: ", name);
    return false;
  }
  if (*bytes || zero)
    return true;
  g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "option --%s takes a size above 0", name);
  return false;
}

/* virsh counts MiB here: what is meant like that would be a dump without an end. */
static bool
check_bandwidth (const ShArgs *args, uint64_t bytes_s, GError **error)
{
  const char *text = sh_args_string (args, "bandwidth");

  if (!text || !bytes_s || bytes_s >= 1 << 20 || text[strspn (text, "0123456789")])
    return true;
  g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "option --bandwidth is in bytes without a unit: did you mean %sMiB?", text);
  return false;
}

bool
sh_tuning_read (const ShArgs *args, bool zero, VthTuning *tuning, GError **error)
{
  const char *strategy = sh_args_string (args, "strategy");

  if ((strategy && !vth_strategy_from_string (strategy, &tuning->strategy, error))
      || !read_size (args, "mirror-limit", zero, &tuning->limit_bytes, error)
      || !read_size (args, "bandwidth", zero, &tuning->bandwidth_bytes_s, error)
      || !check_bandwidth (args, tuning->bandwidth_bytes_s, error))
    return false;
  tuning->threads = (unsigned) sh_args_int (args, "threads", tuning->threads);
  return vth_tuning_check (tuning, VTH_FORMAT_ELF, error);
}
