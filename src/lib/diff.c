/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What differs between the memory of two dumps.
 *
 * Blocks that both files share on the disk, and stretches that are holes in
 * both, are equal without being read: of two clones only what the guest wrote
 * between them is.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vth-private.h"

#define PAGE 4096
#define WINDOW_BYTES (1 << 20)

typedef struct {
  char *what;
  int fd;
  GArray *segments; /* VthSegment, by address */
  GArray *extents;  /* VthExtent */
  unsigned int at;  /* the extent that was looked at last */
} File;

static void
file_clear (File *file)
{
  if (file->fd >= 0)
    close (file->fd);
  file->fd = -1;
  g_clear_pointer (&file->segments, g_array_unref);
  g_clear_pointer (&file->extents, g_array_unref);
  g_clear_pointer (&file->what, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (File, file_clear)

void
vth_diff_free (VthDiff *diff)
{
  if (diff == NULL)
    return;
  g_free (diff->ranges);
  g_free (diff);
}

static int
by_address (const void *a, const void *b)
{
  const VthSegment *x = a, *y = b;
  return x->address < y->address ? -1 : x->address > y->address;
}

/* A file without a name, so that it is gone whatever becomes of us. */
static int
open_unnamed (const char *path, GError **error)
{
  g_autofree char *real = realpath (path, NULL);
  g_autofree char *dir = g_path_get_dirname (real != NULL ? real : path);
  int fd = open (dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
    {
      g_autofree char *temporary = g_build_filename (dir, ".vthunder-diff.XXXXXX", NULL);
      fd = g_mkstemp_full (temporary, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
      if (fd >= 0)
        unlink (temporary);
    }
  if (fd < 0)
    vth_set_error_errno (error, errno, "cannot create a file in '%s'", dir);
  return fd;
}

static bool
open_file (const char *path, File *file, GCancellable *cancellable, GError **error)
{
  unsigned char magic[4] = { 0 };
  struct stat st;

  file->what = g_strdup (path);
  file->fd = vth_open_regular (path, O_RDONLY, &st, error);
  if (file->fd < 0)
    return false;
  if (pread (file->fd, magic, sizeof magic, 0) == (ssize_t) sizeof magic && vth_is_qcow2 (magic))
    {
      close (file->fd);
      file->fd = open_unnamed (path, error);
      if (file->fd < 0 || !vth_export_to_fd (path, file->fd, NULL, NULL, cancellable, error))
        return false;
    }
  if (fstat (file->fd, &st) < 0)
    {
      vth_set_error_errno (error, errno, "cannot read '%s'", path);
      return false;
    }
  file->segments = g_array_new (FALSE, FALSE, sizeof (VthSegment));
  VthNoteInfo info = { .segments = file->segments };
  VthSource source = vth_source_of_fd (&file->fd, (uint64_t) st.st_size);
  g_autoptr (VthDump) dump = vth_note_read (&source, path, &info, error);
  if (dump == NULL)
    return false;
  g_array_sort (file->segments, by_address);
  file->extents = vth_extents_of_fd (file->fd, (uint64_t) st.st_size);
  return true;
}

/* --- layouts --- */

static bool
refuse_layout (const File *only, const VthSegment *segment, const File *other, GError **error)
{
  g_set_error (error, VTH_ERROR, VTH_ERROR_UNSUPPORTED,
               "'%s' and '%s' have different layouts of memory: 0x%" G_GINT64_MODIFIER "x-0x%" G_GINT64_MODIFIER
               "x is a range of the former only; was memory added or removed?",
               only->what, other->what, segment->address, segment->address + segment->length);
  return false;
}

static bool
check_layouts (const File *a, const File *b, GError **error)
{
  for (unsigned int i = 0; i < MAX (a->segments->len, b->segments->len); i++)
    {
      const VthSegment *x = i < a->segments->len ? &g_array_index (a->segments, VthSegment, i) : NULL;
      const VthSegment *y = i < b->segments->len ? &g_array_index (b->segments, VthSegment, i) : NULL;
      if (x == NULL)
        return refuse_layout (b, y, a, error);
      if (y == NULL || x->address != y->address || x->length != y->length)
        return refuse_layout (a, x, b, error);
    }
  return true;
}

/* --- comparing --- */

/* What there is at @offset and for how long: an extent, or NULL for a hole. */
static const VthExtent *
extent_at (File *file, uint64_t offset, uint64_t *length)
{
  const GArray *extents = file->extents;

  /* Files need not have memory in the order of its addresses. */
  if (file->at == extents->len || g_array_index (extents, VthExtent, file->at).logical > offset)
    file->at = 0;
  while (file->at < extents->len)
    {
      const VthExtent *extent = &g_array_index (extents, VthExtent, file->at);
      if (offset < extent->logical)
        {
          *length = MIN (*length, extent->logical - offset);
          return NULL;
        }
      if (offset - extent->logical < extent->length)
        {
          *length = MIN (*length, extent->length - (offset - extent->logical));
          return extent;
        }
      file->at++;
    }
  return NULL;
}

static bool
is_same_place (const VthExtent *x, uint64_t x_offset, const VthExtent *y, uint64_t y_offset)
{
  if (x == NULL || y == NULL)
    return x == y;
  return x->physical != VTH_PLACE_UNKNOWN && y->physical != VTH_PLACE_UNKNOWN
         && x->physical + (x_offset - x->logical) == y->physical + (y_offset - y->logical);
}

typedef struct {
  File *a, *b;
  bool same_device;
  char *buffers[2];
  GArray *ranges; /* VthRange */
  VthDiff *diff;
} Comparison;

static void
add_page (Comparison *c, uint64_t address, uint64_t length)
{
  VthRange *last = c->ranges->len > 0 ? &g_array_index (c->ranges, VthRange, c->ranges->len - 1) : NULL;

  if (last != NULL && last->start + last->length_bytes == address)
    last->length_bytes += length;
  else
    {
      VthRange range = { address, length };
      g_array_append_val (c->ranges, range);
    }
  c->diff->pages_different++;
}

/* How much from @done on is of one kind: on the same blocks of the disk, or not; in whole pages. */
static uint64_t
next_stretch (Comparison *c, const VthSegment *x, const VthSegment *y, uint64_t done, bool *same)
{
  const uint64_t left = x->length - done, x_at = x->offset + done, y_at = y->offset + done;
  uint64_t length = left;
  const VthExtent *first = extent_at (c->a, x_at, &length);
  const VthExtent *second = extent_at (c->b, y_at, &length);

  *same = is_same_place (first, x_at, second, y_at) && (first == NULL || c->same_device) && (length >= PAGE || length == left);
  if (length == left)
    return length;
  return *same ? length & ~(uint64_t) (PAGE - 1) : MIN ((length + PAGE - 1) & ~(uint64_t) (PAGE - 1), left);
}

static bool
compare_window (Comparison *c, const VthSegment *x, const VthSegment *y, uint64_t done, size_t length, GError **error)
{
  VthSource sources[] = { vth_source_of_fd (&c->a->fd, 0), vth_source_of_fd (&c->b->fd, 0) };

  if (!sources[0].read (sources[0].reader, x->offset + done, c->buffers[0], length, error))
    {
      g_prefix_error (error, "'%s': ", c->a->what);
      return false;
    }
  if (!sources[1].read (sources[1].reader, y->offset + done, c->buffers[1], length, error))
    {
      g_prefix_error (error, "'%s': ", c->b->what);
      return false;
    }
  if (memcmp (c->buffers[0], c->buffers[1], length) == 0)
    return true;
  for (size_t i = 0; i < length; i += PAGE)
    {
      size_t n = MIN (length - i, PAGE);
      if (memcmp (c->buffers[0] + i, c->buffers[1] + i, n) != 0)
        add_page (c, x->address + done + i, n);
    }
  return true;
}

static bool
compare (Comparison *c, VthProgressFunc progress, void *user_data, GCancellable *cancellable, GError **error)
{
  uint64_t total_bytes = 0, done_bytes = 0;

  for (unsigned int i = 0; i < c->a->segments->len; i++)
    total_bytes += g_array_index (c->a->segments, VthSegment, i).length;
  for (unsigned int i = 0; i < c->a->segments->len; i++)
    {
      const VthSegment *x = &g_array_index (c->a->segments, VthSegment, i);
      const VthSegment *y = &g_array_index (c->b->segments, VthSegment, i);
      c->diff->pages_total += (x->length + PAGE - 1) / PAGE;
      for (uint64_t done = 0; done < x->length;)
        {
          bool same;
          uint64_t length = next_stretch (c, x, y, done, &same);
          if (same)
            c->diff->shared_bytes += length;
          else
            length = MIN (length, WINDOW_BYTES);
          if (!same && !compare_window (c, x, y, done, (size_t) length, error))
            return false;
          done += length;
          done_bytes += length;
          if (progress != NULL)
            progress (done_bytes, total_bytes, NULL, user_data);
          if (g_cancellable_is_cancelled (cancellable))
            {
              g_set_error_literal (error, VTH_ERROR, VTH_ERROR_CANCELLED, "the comparison was cancelled");
              return false;
            }
        }
    }
  return true;
}

VthDiff *
vth_dump_diff (const char *a, const char *b, VthProgressFunc progress, void *user_data, GCancellable *cancellable, GError **error)
{
  g_auto (File) first = { .fd = -1 };
  g_auto (File) second = { .fd = -1 };
  g_autoptr (VthDiff) diff = g_new0 (VthDiff, 1);
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (VthRange));
  g_autofree char *buffer = g_malloc (2 * WINDOW_BYTES);
  struct stat x, y;

  if (!open_file (a, &first, cancellable, error) || !open_file (b, &second, cancellable, error)
      || !check_layouts (&first, &second, error))
    return NULL;
  bool same_device = fstat (first.fd, &x) == 0 && fstat (second.fd, &y) == 0 && x.st_dev == y.st_dev;
  Comparison c = { &first, &second, same_device, { buffer, buffer + WINDOW_BYTES }, ranges, diff };
  if (!compare (&c, progress, user_data, cancellable, error))
    return NULL;
  diff->n_ranges = ranges->len;
  diff->ranges = g_memdup2 (ranges->data, ranges->len * sizeof (VthRange));
  return g_steal_pointer (&diff);
}
