/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes dump files: headers, notes and the vthunder note, by inspecting and by verifying. */
#include <config.h>

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static int fd = -1;
  static char path[64];

  if (fd < 0)
    {
      fd = memfd_create ("dump", MFD_CLOEXEC);
      g_snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
    }
  if (fd < 0 || ftruncate (fd, 0) < 0 || pwrite (fd, data, size, 0) != (ssize_t) size)
    return 0;

  g_autoptr (GError) error = NULL;
  g_autoptr (VthDump) dump = vth_dump_inspect (path, &error);
  g_assert_true ((dump != NULL) == (error == NULL));
  g_clear_error (&error);
  g_autoptr (GPtrArray) checks = NULL;
  if (!vth_dump_verify (path, NULL, NULL, NULL, &checks, &error))
    return 0;
  g_assert_cmpuint (checks->len, >, 0);
  return 0;
}
