/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the blocks of a file are, and which of them other files have too. */
#include <config.h>

#include <errno.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vth-private.h"

#define EXTENTS_AT_ONCE 512
/* Blocks whose place on the disk is not (only) theirs or not known yet. */
#define NO_PLACE \
  (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_NOT_ALIGNED \
   | FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL | FIEMAP_EXTENT_UNWRITTEN)

/* NULL where the file system cannot tell. */
static GArray *
fiemap (int fd, bool sync)
{
  g_autofree struct fiemap *map = g_malloc0 (sizeof *map + EXTENTS_AT_ONCE * sizeof (struct fiemap_extent));
  g_autoptr (GArray) extents = g_array_new (FALSE, FALSE, sizeof (VthExtent));
  uint64_t at = 0;

  for (bool last = false; !last;)
    {
      memset (map, 0, sizeof *map);
      map->fm_start = at;
      map->fm_length = FIEMAP_MAX_OFFSET - at;
      map->fm_flags = sync ? FIEMAP_FLAG_SYNC : 0;
      map->fm_extent_count = EXTENTS_AT_ONCE;
      if (ioctl (fd, FS_IOC_FIEMAP, map) < 0)
        return NULL;
      last = map->fm_mapped_extents == 0;
      for (unsigned int i = 0; i < map->fm_mapped_extents; i++)
        {
          const struct fiemap_extent *from = &map->fm_extents[i];
          VthExtent extent = { from->fe_logical, from->fe_length,
                               from->fe_flags & NO_PLACE ? VTH_PLACE_UNKNOWN : from->fe_physical,
                               (from->fe_flags & FIEMAP_EXTENT_SHARED) != 0 };
          g_array_append_val (extents, extent);
          last = last || (from->fe_flags & FIEMAP_EXTENT_LAST);
          if (from->fe_logical + from->fe_length <= at && from->fe_length > 0)
            return NULL; /* it goes back */
          at = from->fe_logical + from->fe_length;
        }
    }
  return g_steal_pointer (&extents);
}

static GArray *
seek_data (int fd, uint64_t size_bytes)
{
  GArray *extents = g_array_new (FALSE, FALSE, sizeof (VthExtent));
  off_t at = 0;

  while ((uint64_t) at < size_bytes)
    {
      off_t data = lseek (fd, at, SEEK_DATA);
      if (data < 0 && errno == ENXIO)
        break;
      off_t hole = data >= 0 ? lseek (fd, data, SEEK_HOLE) : -1;
      /* A file system without holes: all of it is data. */
      VthExtent extent = { (uint64_t) (data >= 0 ? data : at), 0, VTH_PLACE_UNKNOWN, false };
      extent.length = (hole > data ? (uint64_t) hole : size_bytes) - extent.logical;
      g_array_append_val (extents, extent);
      at = (off_t) (extent.logical + extent.length);
    }
  return extents;
}

GArray *
vth_extents_of_fd (int fd, uint64_t size_bytes)
{
  GArray *extents = fiemap (fd, true);
  return extents != NULL ? extents : seek_data (fd, size_bytes);
}

uint64_t
vth_unique_bytes (int fd, uint64_t allocated_bytes)
{
  g_autoptr (GArray) extents = fiemap (fd, false);
  uint64_t sum = 0;

  /* Without the call there is no sharing of blocks either. */
  if (extents == NULL)
    return allocated_bytes;
  for (unsigned int i = 0; i < extents->len; i++)
    {
      const VthExtent *extent = &g_array_index (extents, VthExtent, i);
      sum += extent->is_shared ? 0 : extent->length;
    }
  return sum;
}
