/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a dump file is whole, and its SHA-256 manifest. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vth-private.h"

#define BUFFER_BYTES (1 << 20)

char *
vth_hash_fd (int fd, uint64_t size_bytes, const char *what, VthProgressFunc progress, void *user_data, GCancellable *cancellable,
             GError **error)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree guchar *buffer = g_malloc (BUFFER_BYTES);
  uint64_t done = 0;
  ssize_t n;

  while ((n = pread (fd, buffer, BUFFER_BYTES, (off_t) done)) != 0)
    {
      if (n < 0)
        {
          if (errno == EINTR)
            continue;
          vth_set_error_errno (error, errno, "cannot read '%s'", what);
          return NULL;
        }
      if (g_cancellable_is_cancelled (cancellable))
        {
          g_set_error (error, VTH_ERROR, VTH_ERROR_CANCELLED, "reading '%s' was cancelled", what);
          return NULL;
        }
      g_checksum_update (sum, buffer, n);
      done += (uint64_t) n;
      if (progress != NULL)
        progress (done, size_bytes, NULL, user_data);
    }
  return g_strdup (g_checksum_get_string (sum));
}

/* sha256sum(1) would escape a line break or a backslash in a name; ours have neither. */
static char *
manifest_text (const char *hash, const char *name)
{
  return g_strdup_printf ("%s  %s\n", hash, name);
}

bool
vth_dump_write_manifest (const char *path, GCancellable *cancellable, GError **error)
{
  struct stat st;
  int fd = vth_open_regular (path, O_RDONLY, &st, error);
  if (fd < 0)
    return false;
  g_autofree char *hash = vth_hash_fd (fd, (uint64_t) st.st_size, path, NULL, NULL, cancellable, error);
  close (fd);
  if (hash == NULL)
    return false;
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *manifest = g_strconcat (path, VTH_MANIFEST_SUFFIX, NULL);
  g_autofree char *text = manifest_text (hash, name);
  return vth_file_replace (manifest, text, -1, 0600, error);
}

bool
vth_dump_write_manifest_in (VthOutput *output, const char *name, GCancellable *cancellable, GError **error)
{
  g_autofree char *hash = vth_output_hash (output, name, NULL, NULL, cancellable, error);
  if (hash == NULL)
    return false;
  g_autofree char *manifest = g_strconcat (name, VTH_MANIFEST_SUFFIX, NULL);
  g_autofree char *text = manifest_text (hash, name);
  return vth_output_write_small (output, manifest, text, error);
}

/* Whether there is anything to compare with; else the check is made already. */
static bool
is_manifest (const char *text, const char *name, GPtrArray *checks)
{
  if (strlen (text) >= 64 && strspn (text, "0123456789abcdefABCDEF") == 64)
    return true;
  g_ptr_array_add (checks, vth_check_new ("manifest", VTH_CHECK_FAILED, g_strdup_printf ("'%s' holds no SHA-256", name), NULL));
  return false;
}

static void
compare_manifest (const char *text, const char *hash, GPtrArray *checks)
{
  bool same = g_ascii_strncasecmp (hash, text, 64) == 0;
  g_ptr_array_add (checks, vth_check_new ("manifest", same ? VTH_CHECK_OK : VTH_CHECK_FAILED,
                                          same ? g_strdup_printf ("SHA-256 %s", hash)
                                               : g_strdup_printf ("the file has SHA-256 %s, the manifest says %.64s", hash, text),
                                          same ? NULL : "the file was changed or damaged after the dump"));
}

static void
add_header_failure (const VthDump *dump, const GError *reason, GPtrArray *checks)
{
  if (dump == NULL)
    g_ptr_array_add (checks, vth_check_new ("header", VTH_CHECK_FAILED, g_strdup (reason->message), NULL));
}

static bool
check_manifest (const char *path, int fd, uint64_t size_bytes, VthProgressFunc progress, void *user_data,
                GCancellable *cancellable, GPtrArray *checks, GError **error)
{
  g_autofree char *manifest = g_strconcat (path, VTH_MANIFEST_SUFFIX, NULL);
  g_autoptr (GError) reason = NULL;
  struct stat st;
  size_t length = 0;
  g_autofree char *text = vth_file_read_small (manifest, 0, &st, &length, &reason);

  if (text == NULL)
    {
      bool none = g_error_matches (reason, VTH_ERROR, VTH_ERROR_NOT_FOUND);
      g_ptr_array_add (checks, vth_check_new ("manifest", none ? VTH_CHECK_SKIPPED : VTH_CHECK_FAILED,
                                              none ? g_strdup ("there is none") : g_strdup (reason->message), NULL));
      return true;
    }
  if (!is_manifest (text, manifest, checks))
    return true;
  g_autofree char *hash = vth_hash_fd (fd, size_bytes, path, progress, user_data, cancellable, error);
  if (hash == NULL)
    return false;
  compare_manifest (text, hash, checks);
  return true;
}

#define BASE_REMEDY "an overlay is of use only together with the dumps it builds on"

/* An overlay is worth what the files are that it builds on. */
static bool
check_chain (const char *path, const VthDump *dump, GCancellable *cancellable, GPtrArray *checks, GError **error)
{
  g_auto (VthChain) chain = { 0 };
  g_autoptr (GError) reason = NULL;

  if (!vth_dump_is_overlay (dump))
    return true;
  if (vth_chain_open (path, &chain, &reason) && vth_chain_check (&chain, cancellable, &reason))
    g_ptr_array_add (checks, vth_check_new ("base", VTH_CHECK_OK,
                                            g_strdup_printf ("all %u files are there, whole, and fit each other", chain.fds->len), NULL));
  else if (g_error_matches (reason, VTH_ERROR, VTH_ERROR_CANCELLED))
    {
      g_propagate_error (error, g_steal_pointer (&reason));
      return false;
    }
  else
    g_ptr_array_add (checks, vth_check_new ("base", VTH_CHECK_FAILED, g_strdup (reason->message), BASE_REMEDY));
  return true;
}

/* What is wrong with the files that volume @at builds on, as far as their heads and records tell; NULL: nothing. */
static char *
find_misfit (VthOutput *output, const char *at, GHashTable *backing)
{
  g_autoptr (GArray) segments = g_array_new (FALSE, FALSE, sizeof (VthSegment));
  VthNoteInfo info = { .segments = segments };
  g_autoptr (GError) reason = NULL;
  const char *next;

  for (; (next = g_hash_table_lookup (backing, at)) != NULL; at = next)
    {
      g_autoptr (VthDump) over = vth_dump_inspect_in (output, at, &reason);
      g_autoptr (VthDump) under = over != NULL ? vth_dump_inspect_in (output, next, &reason) : NULL;
      if (under == NULL)
        return g_strdup (reason->message);
      if (over->tracking.base_generation == NULL || (vth_dump_is_overlay (under) && under->tracking.generation == NULL))
        continue; /* nobody says */
      if (g_strcmp0 (over->tracking.base_generation, under->tracking.generation) != 0)
        return g_strdup_printf ("'%s' was not written over this '%s', which is another dump", at, next);
    }
  g_autoptr (VthDump) bottom = vth_output_inspect (output, at, &info, &reason);
  return bottom == NULL ? g_strdup (reason->message) : NULL;
}

/* The same for volumes of another host, which are not opened here. */
static void
check_volumes (VthOutput *output, const char *name, GPtrArray *checks)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (GHashTable) backing = vth_output_backing (output, &reason);
  const char *at = name, *next = backing != NULL ? g_hash_table_lookup (backing, at) : NULL;
  unsigned int n = 1;

  while (next != NULL && vth_output_exists (output, next) && n <= g_hash_table_size (backing))
    {
      at = next;
      next = g_hash_table_lookup (backing, at);
      n++;
    }
  char *wrong = reason != NULL             ? g_strdup (reason->message)
                : next != NULL || n == 1 ? g_strdup_printf ("'%s' builds on a file that is not there", at)
                                           : find_misfit (output, name, backing);
  if (wrong != NULL)
    {
      g_ptr_array_add (checks, vth_check_new ("base", VTH_CHECK_FAILED, wrong, BASE_REMEDY));
      return;
    }
  g_ptr_array_add (checks, vth_check_new ("base", VTH_CHECK_OK, g_strdup_printf ("all %u files are there and fit each other", n), NULL));
  g_ptr_array_add (checks, vth_check_new ("overlays", VTH_CHECK_SKIPPED,
                                          g_strdup ("whether they are whole can be told only on the host they are on"), NULL));
}

static bool
check_chain_in (VthOutput *output, const char *name, const VthDump *dump, GCancellable *cancellable, GPtrArray *checks,
                GError **error)
{
  g_autofree char *path = g_build_filename (vth_output_get_path (output), name, NULL);

  if (!vth_dump_is_overlay (dump))
    return true;
  if (vth_output_get_kind (output) == VTH_OUTPUT_DIR || (vth_output_is_local (output) && access (path, R_OK) == 0))
    return check_chain (path, dump, cancellable, checks, error);
  check_volumes (output, name, checks);
  return true;
}

bool
vth_dump_verify (const char *path, VthProgressFunc progress, void *user_data, GCancellable *cancellable, GPtrArray **checks,
                 GError **error)
{
  g_autoptr (GPtrArray) made = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_check_free);
  VthNoteInfo info = { .checks = made };
  g_autoptr (GError) reason = NULL;
  struct stat st;
  int fd = vth_open_regular (path, O_RDONLY, &st, error);

  if (fd < 0)
    return false;
  VthSource source = vth_source_of_fd (&fd, (uint64_t) st.st_size);
  g_autoptr (VthDump) dump = vth_note_read (&source, path, &info, &reason);
  add_header_failure (dump, reason, made);
  bool ok = check_chain (path, dump, cancellable, made, error)
            && check_manifest (path, fd, (uint64_t) st.st_size, progress, user_data, cancellable, made, error);
  close (fd);
  if (ok)
    *checks = g_steal_pointer (&made);
  return ok;
}

bool
vth_dump_verify_in (VthOutput *output, const char *name, VthProgressFunc progress, void *user_data, GCancellable *cancellable,
                    GPtrArray **checks, GError **error)
{
  g_autoptr (GPtrArray) made = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_check_free);
  g_autofree char *manifest = g_strconcat (name, VTH_MANIFEST_SUFFIX, NULL);
  VthNoteInfo info = { .checks = made };
  g_autoptr (GError) reason = NULL;
  size_t length = 0;

  g_autoptr (VthDump) dump = vth_output_inspect (output, name, &info, &reason);
  if (dump == NULL && !g_error_matches (reason, VTH_ERROR, VTH_ERROR_FORMAT))
    {
      g_propagate_error (error, g_steal_pointer (&reason));
      return false;
    }
  add_header_failure (dump, reason, made);
  if (!check_chain_in (output, name, dump, cancellable, made, error))
    return false;
  if (!vth_output_exists (output, manifest))
    g_ptr_array_add (made, vth_check_new ("manifest", VTH_CHECK_SKIPPED, g_strdup ("there is none"), NULL));
  else
    {
      g_autofree char *text = vth_output_read_small (output, manifest, &length, error);
      if (text == NULL)
        return false;
      if (is_manifest (text, manifest, made))
        {
          g_autofree char *hash = vth_output_hash (output, name, progress, user_data, cancellable, error);
          if (hash == NULL)
            return false;
          compare_manifest (text, hash, made);
        }
    }
  *checks = g_steal_pointer (&made);
  return true;
}
