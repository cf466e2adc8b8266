/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fuzzers without libFuzzer: runs the inputs of the corpus that the
 * program is named for, or of the files it is given, each whole, cut short and
 * with single bytes changed.
 */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "fuzz.h"

static unsigned int
replay (const char *path, const char *shown)
{
  g_autofree char *text = NULL;
  g_autofree uint8_t *copy = NULL;
  gsize length = 0;
  unsigned int n = 1;

  if (!g_file_get_contents (path, &text, &length, NULL))
    g_error ("cannot read %s", path);
  LLVMFuzzerTestOneInput ((const uint8_t *) text, length);
  copy = g_memdup2 (text, length);
  for (gsize cut = 0; cut < length; cut += 1 + length / 50, n++)
    LLVMFuzzerTestOneInput ((const uint8_t *) text, cut);
  for (gsize at = 0; at < length; at += 1 + length / 200, n++)
    {
      copy[at] ^= (uint8_t) (1u << (at % 8));
      LLVMFuzzerTestOneInput (copy, length);
      copy[at] = (uint8_t) text[at];
    }
  printf ("ok - %s: %u inputs\n", shown, n);
  fflush (stdout);
  return n;
}

int
main (int argc, char **argv)
{
  g_autofree char *program = g_path_get_basename (argv[0]);
  const char *name = strstr (program, "fuzz-");
  const char *top = g_getenv ("abs_top_srcdir");
  unsigned int n_files = 0;

  for (int i = 1; i < argc; i++, n_files++)
    replay (argv[i], argv[i]);
  if (argc == 1)
    {
      g_assert_nonnull (name);
      g_autofree char *path = g_build_filename (top != NULL ? top : ".", "tests", "fuzz", "corpus", name + 5, NULL);
      g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
      const char *entry;
      if (dir == NULL)
        g_error ("no corpus at %s", path);
      while ((entry = g_dir_read_name (dir)) != NULL)
        {
          g_autofree char *file = g_build_filename (path, entry, NULL);
          replay (file, entry);
          n_files++;
        }
    }
  printf ("1..%u\n", n_files);
  return 0;
}
