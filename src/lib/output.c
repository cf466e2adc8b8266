/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where dumps are: a directory of this host, or a storage pool.
 *
 * A directory is used with file calls, a pool only through libvirt, whether it
 * is local or not: what works over ssh is then what was tested at home.
 */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <libvirt/virterror.h>
#include <libxml/uri.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "vth-private.h"

#define WINDOW_BYTES 65536

struct _VthOutput {
  virConnectPtr conn; /* or NULL */
  VthOutputKind kind;
  char *target;
  char *path;
  char *real; /* the same without links, where that can be told */
  char *host; /* of a remote connection; NULL: this one */
  virStoragePoolPtr pool;
  bool local;
  char *state_dir;       /* NULL: not asked for yet */
  VthDomainFiles *used;  /* the same */
};

void
vth_file_free (VthFile *file)
{
  if (file == NULL)
    return;
  g_free (file->name);
  g_free (file);
}

/* Whether the files of the connection's host are ours to open. */
bool
vth_conn_is_local (virConnectPtr conn)
{
  char *uri = conn != NULL ? virConnectGetURI (conn) : NULL;
  xmlURI *parsed = uri != NULL ? xmlParseURI (uri) : NULL;
  bool local = uri == NULL || (parsed != NULL && (parsed->server == NULL || *parsed->server == '\0'));
  if (parsed != NULL)
    xmlFreeURI (parsed);
  free (uri);
  return local;
}

/* NULL for this host. */
static char *
host_of (virConnectPtr conn)
{
  char *uri = conn != NULL ? virConnectGetURI (conn) : NULL;
  xmlURI *parsed = uri != NULL ? xmlParseURI (uri) : NULL;
  char *host = parsed != NULL && parsed->server != NULL && *parsed->server != '\0' ? g_strdup (parsed->server) : NULL;
  if (parsed != NULL)
    xmlFreeURI (parsed);
  free (uri);
  return host;
}

bool
vth_output_is_local (const VthOutput *output)
{
  return output->local;
}

/* --- making one --- */

/* "/d", "/d/", "/d//." are one place, and a path in it is always the same text. */
static char *
canonical (const char *path)
{
  g_autofree char *plain = g_canonicalize_filename (path, "/");
  return g_strdup (plain + (plain[0] == '/' && plain[1] == '/')); /* which GLib leaves, and Linux does not know */
}

/* A pool that is not active has no place: what libvirt would write goes into the bare directory, under what is mounted
 * there later, and libvirt does not see it. */
static bool
check_active (VthOutput *output, const char *type, GError **error)
{
  int active = virStoragePoolIsActive (output->pool);
  g_autofree char *parent = g_path_get_dirname (output->path);
  struct stat st, above;

  if (active == 0)
    g_set_error (error, VTH_ERROR, VTH_ERROR_FAILED, "storage pool '%s' is not active: start it with: virsh pool-start %s",
                 output->target, output->target);
  else if (active < 0)
    vth_error_set_libvirt (error, "cannot use storage pool '%s'", output->target);
  else if (output->local && strcmp (type, "dir") != 0 && stat (output->path, &st) == 0 && stat (parent, &above) == 0
           && st.st_dev == above.st_dev)
    g_set_error (error, VTH_ERROR, VTH_ERROR_FAILED,
                 "storage pool '%s' has nothing mounted at '%s': start it anew with: virsh pool-destroy %s; virsh pool-start %s",
                 output->target, output->path, output->target, output->target);
  else
    return true;
  return false;
}

static bool
open_pool (VthOutput *output, GError **error)
{
  output->pool = virStoragePoolLookupByName (output->conn, output->target);
  if (output->pool == NULL)
    {
      vth_error_set_libvirt (error, "cannot use storage pool '%s'", output->target);
      return false;
    }
  char *xml = virStoragePoolGetXMLDesc (output->pool, 0);
  g_autofree char *type = vth_xml_string (xml, "/pool/@type");
  static const char *const usable[] = { "dir", "fs", "netfs", NULL };

  if (type != NULL && g_strv_contains (usable, type))
    {
      g_autofree char *path = vth_xml_string (xml, "/pool/target/path");
      output->path = path != NULL ? canonical (path) : NULL;
    }
  if (xml == NULL)
    vth_error_set_libvirt (error, "cannot use storage pool '%s'", output->target);
  else if (output->path == NULL)
    g_set_error (error, VTH_ERROR, VTH_ERROR_UNSUPPORTED,
                 "cannot use storage pool '%s': it is of type %s, dumps need a directory (dir, fs, netfs)", output->target,
                 type != NULL ? type : "unknown");
  free (xml);
  return output->path != NULL && check_active (output, type, error);
}

static void
find_real_path (VthOutput *output)
{
  char *real = output->local ? realpath (output->path, NULL) : NULL;

  output->real = g_strdup (real != NULL ? real : output->path);
  free (real);
}

VthOutput *
vth_output_new (virConnectPtr conn, VthOutputKind kind, const char *target, GError **error)
{
  g_autoptr (VthOutput) output = g_new0 (VthOutput, 1);

  if (kind == VTH_OUTPUT_NONE || (kind == VTH_OUTPUT_POOL && conn == NULL))
    {
      g_set_error_literal (error, VTH_ERROR, VTH_ERROR_USAGE, "an output needs a directory, or a connection and a pool");
      return NULL;
    }
  if (!vth_output_check_target (kind, target, error))
    return NULL;
  output->kind = kind;
  output->target = kind == VTH_OUTPUT_DIR ? canonical (target) : g_strdup (target);
  output->local = vth_conn_is_local (conn);
  output->host = host_of (conn);
  if (conn != NULL)
    {
      virConnectRef (conn);
      output->conn = conn;
    }
  if (kind == VTH_OUTPUT_POOL && !open_pool (output, error))
    return NULL;
  if (kind == VTH_OUTPUT_DIR)
    output->path = g_strdup (output->target);
  if (kind == VTH_OUTPUT_DIR && output->local && !g_file_test (output->path, G_FILE_TEST_IS_DIR))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_NOT_FOUND, "output '%s' is not a directory: create it first", output->path);
      return NULL;
    }
  find_real_path (output);
  return g_steal_pointer (&output);
}

static VthOutput *
resolve (virConnectPtr conn, const VthConfig *config, const VthHost *host, GError **error)
{
  if (config != NULL && vth_config_get_output_kind (config) != VTH_OUTPUT_NONE)
    return vth_output_new (conn, vth_config_get_output_kind (config), vth_config_get_output (config), error);
  if (host != NULL && vth_host_get_output_kind (host) != VTH_OUTPUT_NONE)
    return vth_output_new (conn, vth_host_get_output_kind (host), vth_host_get_output (host), error);
  if (!vth_conn_is_local (conn))
    {
      g_set_error_literal (error, VTH_ERROR, VTH_ERROR_USAGE,
                           "no output is set, and a remote host has no default: set a storage pool");
      return NULL;
    }
  g_autofree char *base = vth_host_dir ("XDG_DATA_HOME", g_get_user_data_dir (), "/var/lib/vthunder");
  g_autofree char *path = g_build_filename (base, "dumps", NULL);
  return vth_mkdir_private (path, error) ? vth_output_new (conn, VTH_OUTPUT_DIR, path, error) : NULL;
}

VthOutput *
vth_output_resolve (virConnectPtr conn, const VthConfig *config, const VthHost *host, GError **error)
{
  VthOutput *output = resolve (conn, config, host, error);

  if (output != NULL && host != NULL)
    vth_output_set_state_dir (output, vth_host_get_state_dir (host));
  return output;
}

void
vth_output_free (VthOutput *output)
{
  if (output == NULL)
    return;
  if (output->pool != NULL)
    virStoragePoolFree (output->pool);
  if (output->conn != NULL)
    virConnectClose (output->conn);
  vth_domain_files_unref (output->used);
  g_free (output->target);
  g_free (output->path);
  g_free (output->real);
  g_free (output->host);
  g_free (output->state_dir);
  g_free (output);
}

VthOutputKind
vth_output_get_kind (const VthOutput *output)
{
  return output->kind;
}

const char *
vth_output_get_target (const VthOutput *output)
{
  return output->target;
}

const char *
vth_output_get_path (const VthOutput *output)
{
  return output->path;
}

const char *
vth_output_get_host (const VthOutput *output)
{
  return output->host;
}

bool
vth_output_is_same (const VthOutput *a, const VthOutput *b)
{
  return g_strcmp0 (a->host, b->host) == 0 && strcmp (a->real, b->real) == 0
         && ((a->local && b->local) || (a->kind == b->kind && strcmp (a->target, b->target) == 0));
}

void
vth_output_set_state_dir (VthOutput *output, const char *state_dir)
{
  g_free (output->state_dir);
  output->state_dir = g_strdup (state_dir);
}

const char *
vth_output_get_state_dir (VthOutput *output)
{
  if (output->state_dir == NULL)
    {
      g_autoptr (VthHost) host = vth_host_load (NULL, NULL);
      output->state_dir = host != NULL ? g_strdup (vth_host_get_state_dir (host)) : NULL;
    }
  return output->state_dir;
}

void
vth_output_share_domain_files (VthOutput *output, VthDomainFiles *used)
{
  vth_domain_files_ref (used);
  vth_domain_files_unref (output->used);
  output->used = used;
}

void
vth_output_share_domains (VthOutput *output, VthOutput *with)
{
  if (with->conn == NULL || output->conn != with->conn)
    return;
  if (with->used == NULL)
    with->used = vth_domain_files_new (with->conn);
  vth_output_share_domain_files (output, with->used);
}

/* --- safety --- */

/* Each directory on the way: who may swap a part of the path may choose where a dump goes. */
static bool
check_way (const char *path, unsigned int links_left, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  g_autoptr (GString) at = g_string_new ("");

  for (unsigned int i = 0; parts[i] != NULL; i++)
    {
      struct stat st;
      if (*parts[i] == '\0' && i > 0)
        continue;
      g_string_append_printf (at, "%s%s", i > 0 && (at->len == 0 || at->str[at->len - 1] != '/') ? "/" : "", parts[i]);
      const char *here = at->len > 0 ? at->str : "/";
      if (lstat (here, &st) < 0)
        {
          vth_set_error_errno (error, errno, "cannot use output '%s': '%s'", path, here);
          return false;
        }
      if (!vth_is_trusted (st.st_uid))
        {
          g_set_error (error, VTH_ERROR, VTH_ERROR_UNSAFE, "output '%s' is not safe: '%s' belongs to user %u", path, here,
                       (unsigned int) st.st_uid);
          return false;
        }
      if (S_ISLNK (st.st_mode))
        {
          g_autofree char *target = realpath (here, NULL);
          if (target == NULL || links_left == 0)
            {
              vth_set_error_errno (error, target == NULL ? errno : ELOOP, "cannot use output '%s': '%s'", path, here);
              return false;
            }
          if (!check_way (target, links_left - 1, error))
            return false;
          g_string_assign (at, target);
        }
      else if (!S_ISDIR (st.st_mode))
        {
          vth_set_error_errno (error, ENOTDIR, "cannot use output '%s': '%s'", path, here);
          return false;
        }
      else if (vth_others_may_write (&st) && !(st.st_mode & S_ISVTX))
        {
          if (st.st_mode & S_IWOTH)
            g_set_error (error, VTH_ERROR, VTH_ERROR_UNSAFE,
                         "output '%s' is not safe: everybody may write to '%s': chmod o-w or +t it", path, here);
          else
            g_set_error (error, VTH_ERROR, VTH_ERROR_UNSAFE,
                         "output '%s' is not safe: group %u may write to '%s': chmod g-w or +t it", path,
                         (unsigned int) st.st_gid, here);
          return false;
        }
    }
  return true;
}

bool
vth_output_check (VthOutput *output, GError **error)
{
  if (output->kind == VTH_OUTPUT_POOL || !output->local)
    return true;
  return check_way (output->path, 8, error);
}

bool
vth_output_get_space (VthOutput *output, uint64_t *available_bytes, uint64_t *capacity_bytes, GError **error)
{
  if (output->kind == VTH_OUTPUT_POOL)
    {
      virStoragePoolInfo info;
      /* Refreshing needs more rights than reading: without it the figures are a little older. */
      (void) virStoragePoolRefresh (output->pool, 0);
      if (virStoragePoolGetInfo (output->pool, &info) < 0)
        {
          vth_error_set_libvirt (error, "cannot read the space of storage pool '%s'", output->target);
          return false;
        }
      *available_bytes = info.available;
      *capacity_bytes = info.capacity;
      return true;
    }
  if (!output->local)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_UNSUPPORTED,
                   "cannot see the space of directory '%s' of a remote host: use a storage pool", output->target);
      return false;
    }
  struct statvfs st;
  if (statvfs (output->path, &st) < 0)
    {
      vth_set_error_errno (error, errno, "cannot read the space of '%s'", output->path);
      return false;
    }
  *available_bytes = (uint64_t) st.f_bavail * st.f_frsize;
  *capacity_bytes = (uint64_t) st.f_blocks * st.f_frsize;
  return true;
}

/* --- files --- */

static bool
refuse_remote (VthOutput *output, GError **error)
{
  if (output->kind == VTH_OUTPUT_POOL || output->local)
    return false;
  g_set_error (error, VTH_ERROR, VTH_ERROR_UNSUPPORTED,
               "cannot look into directory '%s' of a remote host: use a storage pool", output->target);
  return true;
}

static GPtrArray *
list_dir (VthOutput *output, bool hidden, GError **error)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_file_free);
  DIR *dir = opendir (output->path);
  const struct dirent *entry;

  if (dir == NULL)
    {
      vth_set_error_errno (error, errno, "cannot list '%s'", output->path);
      return NULL;
    }
  while ((entry = readdir (dir)) != NULL)
    {
      struct stat st;
      if ((entry->d_name[0] == '.' && !hidden) || fstatat (dirfd (dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0
          || !S_ISREG (st.st_mode))
        continue;
      VthFile *file = g_new0 (VthFile, 1);
      file->name = g_strdup (entry->d_name);
      file->size_bytes = (uint64_t) st.st_size;
      file->allocated_bytes = (uint64_t) st.st_blocks * 512;
      file->time_s = st.st_mtime;
      g_ptr_array_add (files, file);
    }
  closedir (dir);
  return g_steal_pointer (&files);
}

static GPtrArray *
list_pool (VthOutput *output, bool hidden, GError **error)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_file_free);
  virStorageVolPtr *volumes = NULL;

  (void) virStoragePoolRefresh (output->pool, 0);
  int n = virStoragePoolListAllVolumes (output->pool, &volumes, 0);
  if (n < 0)
    {
      vth_error_set_libvirt (error, "cannot list storage pool '%s'", output->target);
      return NULL;
    }
  for (int i = 0; i < n; i++)
    {
      const char *name = virStorageVolGetName (volumes[i]);
      virStorageVolInfo info;
      /* Hidden: a dump that is being written. */
      if ((name[0] != '.' || hidden) && virStorageVolGetInfo (volumes[i], &info) == 0 && info.type == VIR_STORAGE_VOL_FILE)
        {
          VthFile *file = g_new0 (VthFile, 1);
          file->name = g_strdup (name);
          file->size_bytes = info.capacity;
          file->allocated_bytes = info.allocation;
          g_ptr_array_add (files, file);
        }
      virStorageVolFree (volumes[i]);
    }
  free (volumes);
  return g_steal_pointer (&files);
}

static GPtrArray *
list_files (VthOutput *output, bool hidden, GError **error)
{
  if (refuse_remote (output, error))
    return NULL;
  return output->kind == VTH_OUTPUT_POOL ? list_pool (output, hidden, error) : list_dir (output, hidden, error);
}

GPtrArray *
vth_output_files (VthOutput *output, GError **error)
{
  return list_files (output, false, error);
}

static char *
path_of (VthOutput *output, const char *name)
{
  return g_build_filename (output->path, name, NULL);
}

static virStorageVolPtr
volume_of (VthOutput *output, const char *name, GError **error)
{
  virStorageVolPtr volume = virStorageVolLookupByName (output->pool, name);
  if (volume == NULL)
    {
      /* The pool does not see what a dump wrote until it is refreshed. */
      (void) virStoragePoolRefresh (output->pool, 0);
      volume = virStorageVolLookupByName (output->pool, name);
    }
  if (volume == NULL)
    vth_error_set_libvirt (error, "cannot find '%s' in storage pool '%s'", name, output->target);
  return volume;
}

char *
vth_output_place (VthOutput *output, const char *name)
{
  return g_build_filename (output->real, name, NULL);
}

/* --- which file it is --- */

static bool
identify_path (const char *path, VthIdentity *identity, GError **error)
{
  struct statx st;

  if (statx (AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
    {
      vth_set_error_errno (error, errno, "cannot look at '%s'", path);
      return false;
    }
  if (!S_ISREG (st.stx_mode))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_FORMAT, "'%s' is no regular file", path);
      return false;
    }
  identity->device = makedev (st.stx_dev_major, st.stx_dev_minor);
  identity->inode = st.stx_ino;
  identity->size_bytes = st.stx_size;
  identity->written_ns = st.stx_mtime.tv_sec * INT64_C (1000000000) + st.stx_mtime.tv_nsec;
  identity->born_ns = st.stx_mask & STATX_BTIME ? st.stx_btime.tv_sec * INT64_C (1000000000) + st.stx_btime.tv_nsec : 0;
  identity->is_foreign = !vth_is_trusted (st.stx_uid);
  return true;
}

/* "1341933637.273190990" */
static int64_t
time_of_text (const char *text)
{
  char *end = NULL;
  int64_t s = text != NULL ? g_ascii_strtoll (text, &end, 10) : 0, ns = 0;

  if (s <= 0 || s > G_MAXINT64 / 1000000000 - 1)
    return 0;
  if (*end == '.')
    {
      g_autofree char *digits = g_strdup_printf ("%-9.9s", end + 1);
      ns = g_ascii_strtoll (g_strdelimit (digits, " ", '0'), NULL, 10);
    }
  return s * 1000000000 + ns;
}

/* What libvirt tells of a file that cannot be looked at here. */
static bool
identify_volume (VthOutput *output, const char *name, VthIdentity *identity, GError **error)
{
  virStorageVolPtr volume = volume_of (output, name, error);
  char *xml = volume != NULL ? virStorageVolGetXMLDesc (volume, 0) : NULL;
  g_autofree char *capacity = vth_xml_string (xml, "/volume/capacity");
  g_autofree char *written = vth_xml_string (xml, "/volume/target/timestamps/mtime");

  if (volume != NULL && xml == NULL)
    vth_error_set_libvirt (error, "cannot look at '%s' in storage pool '%s'", name, output->target);
  if (volume != NULL)
    virStorageVolFree (volume);
  bool ok = xml != NULL;
  free (xml);
  identity->size_bytes = capacity != NULL ? g_ascii_strtoull (capacity, NULL, 10) : 0;
  identity->written_ns = time_of_text (written);
  return ok;
}

bool
vth_output_identify (VthOutput *output, const char *name, VthIdentity *identity, GError **error)
{
  g_auto (VthIdentity) found = { .host = g_strdup (output->host), .path = vth_output_place (output, name) };
  g_autoptr (GError) reason = NULL;

  if (refuse_remote (output, error))
    return false;
  bool ok = output->local && identify_path (found.path, &found, &reason);
  /* Of a pool we may lack the right to look into the directory. */
  if (!ok && output->kind == VTH_OUTPUT_POOL && (reason == NULL || !g_error_matches (reason, VTH_ERROR, VTH_ERROR_FORMAT)))
    {
      g_clear_error (&reason);
      ok = identify_volume (output, name, &found, &reason);
    }
  if (!ok)
    {
      g_propagate_error (error, g_steal_pointer (&reason));
      return false;
    }
  *identity = found;
  memset (&found, 0, sizeof found);
  return true;
}

bool
vth_output_check_unused (VthOutput *output, const char *name, const char *what, GError **error)
{
  g_autofree char *place = vth_output_place (output, name);
  g_autofree char *domain = NULL;

  /* Without a connection there are no domains, and what is ours is so by the register alone. */
  if (output->conn == NULL)
    return true;
  if (output->used == NULL)
    output->used = vth_domain_files_new (output->conn);
  if (!vth_domain_files_find (output->used, place, output->pool != NULL ? output->target : NULL, name, &domain, error))
    {
      g_prefix_error (error, "'%s' is not %s: ", name, what);
      return false;
    }
  if (domain != NULL)
    g_set_error (error, VTH_ERROR, VTH_ERROR_LOCKED, "'%s' is not %s: it is a file of domain '%s'", name, what, domain);
  return domain == NULL;
}

bool
vth_output_exists (VthOutput *output, const char *name)
{
  g_autofree char *path = path_of (output, name);
  struct stat st;
  if (output->kind == VTH_OUTPUT_DIR)
    return output->local && lstat (path, &st) == 0;
  virStorageVolPtr volume = volume_of (output, name, NULL);
  if (volume != NULL)
    virStorageVolFree (volume);
  return volume != NULL;
}

bool
vth_output_remove (VthOutput *output, const char *name, GError **error)
{
  if (refuse_remote (output, error) || !vth_output_check_unused (output, name, "removed", error))
    return false;
  if (output->kind == VTH_OUTPUT_DIR)
    {
      g_autofree char *path = path_of (output, name);
      if (unlink (path) == 0)
        return true;
      vth_set_error_errno (error, errno, "cannot remove '%s'", path);
      return false;
    }
  virStorageVolPtr volume = volume_of (output, name, error);
  if (volume == NULL)
    return false;
  bool ok = virStorageVolDelete (volume, 0) == 0;
  if (!ok)
    vth_error_set_libvirt (error, "cannot remove '%s' from storage pool '%s'", name, output->target);
  virStorageVolFree (volume);
  return ok;
}

/* --- reading --- */

/* A stretch of a volume; @got may be less at its end. */
static bool
volume_read (VthOutput *output, virStorageVolPtr volume, uint64_t offset, char *buffer, size_t length, size_t *got, GError **error)
{
  const char *name = virStorageVolGetName (volume); /* later it would reset the error that is to be told */
  virStreamPtr stream = virStreamNew (output->conn, 0);
  size_t done = 0;
  int n = 0;

  if (stream == NULL || virStorageVolDownload (volume, stream, offset, length, 0) < 0)
    n = -1;
  while (n >= 0 && done < length && (n = virStreamRecv (stream, buffer + done, length - done)) > 0)
    done += (size_t) n;
  if (n < 0)
    vth_error_set_libvirt (error, "cannot read '%s' of storage pool '%s'", name, output->target);
  /* finishing fails when the stream has more than was read, which is no error here */
  if (stream != NULL && (n < 0 || virStreamFinish (stream) < 0))
    (void) virStreamAbort (stream);
  if (stream != NULL)
    virStreamFree (stream);
  if (n < 0)
    return false;
  *got = done;
  return true;
}

typedef struct {
  VthOutput *output;
  virStorageVolPtr volume;
  uint64_t start;
  size_t length;
  char window[WINDOW_BYTES];
} VolumeReader;

static bool
volume_source_read (void *data, uint64_t offset, void *buffer, size_t length, GError **error)
{
  VolumeReader *reader = data;
  char *p = buffer;
  while (length > 0)
    {
      if (offset < reader->start || offset - reader->start >= reader->length)
        {
          reader->length = 0;
          reader->start = offset;
          if (!volume_read (reader->output, reader->volume, offset, reader->window, sizeof reader->window, &reader->length, error))
            return false;
          if (reader->length == 0)
            {
              g_set_error (error, VTH_ERROR, VTH_ERROR_IO, "the volume ends at %" G_GUINT64_FORMAT, offset);
              return false;
            }
        }
      size_t n = MIN (length, reader->length - (size_t) (offset - reader->start));
      memcpy (p, reader->window + (offset - reader->start), n);
      p += n;
      offset += n;
      length -= n;
    }
  return true;
}

static void
volume_close (VolumeReader *reader)
{
  virStorageVolFree (reader->volume);
  g_free (reader);
}

static VolumeReader *
volume_open (VthOutput *output, const char *name, virStorageVolInfo *details, GError **error)
{
  VolumeReader *reader = g_new0 (VolumeReader, 1);

  reader->output = output;
  reader->volume = volume_of (output, name, error);
  if (reader->volume == NULL)
    {
      g_free (reader);
      return NULL;
    }
  if (virStorageVolGetInfo (reader->volume, details) < 0)
    {
      vth_error_set_libvirt (error, "cannot read '%s' of storage pool '%s'", name, output->target);
      volume_close (reader);
      return NULL;
    }
  return reader;
}

static VthDump *
inspect_volume (VthOutput *output, const char *name, VthNoteInfo *info, GError **error)
{
  virStorageVolInfo details;
  VolumeReader *reader = volume_open (output, name, &details, error);

  if (reader == NULL)
    return NULL;
  VthSource source = { volume_source_read, reader, details.capacity };
  VthDump *dump = vth_note_read (&source, name, info, error);
  volume_close (reader);
  if (dump != NULL)
    dump->allocated_bytes = details.allocation;
  /* libvirt does not tell which blocks are shared; those of an overlay are its own. */
  if (vth_dump_is_overlay (dump))
    {
      dump->has_unique = true;
      dump->unique_bytes = details.allocation;
    }
  return dump;
}

VthDump *
vth_file_inspect (const char *path, int flags, VthNoteInfo *info, GError **error)
{
  struct stat st;
  int fd = vth_open_regular (path, O_RDONLY | flags, &st, error);
  if (fd < 0)
    return NULL;
  info->is_foreign = !vth_is_trusted (st.st_uid);
  VthSource source = vth_source_of_fd (&fd, (uint64_t) st.st_size);
  VthDump *dump = vth_note_read (&source, path, info, error);
  const uint64_t allocated = (uint64_t) st.st_blocks * 512;
  uint64_t unique = vth_dump_is_overlay (dump) || dump == NULL ? allocated : vth_unique_bytes (fd, allocated);
  close (fd);
  if (dump == NULL)
    return NULL;
  dump->path = g_strdup (path);
  dump->allocated_bytes = allocated;
  dump->unique_bytes = unique;
  dump->has_unique = true;
  if (dump->time_s == 0)
    dump->time_s = st.st_mtime;
  return dump;
}

VthDump *
vth_output_inspect (VthOutput *output, const char *name, VthNoteInfo *info, GError **error)
{
  if (refuse_remote (output, error))
    return NULL;
  if (output->kind == VTH_OUTPUT_POOL)
    {
      VthDump *dump = inspect_volume (output, name, info, error);
      if (dump != NULL)
        {
          dump->path = path_of (output, name);
          dump->pool = g_strdup (output->target);
        }
      return dump;
    }
  g_autofree char *path = path_of (output, name);
  return vth_file_inspect (path, O_NOFOLLOW, info, error);
}

static char *
read_small (VthOutput *output, const char *name, size_t *length, bool *is_foreign, GError **error)
{
  *is_foreign = false;
  if (output->kind == VTH_OUTPUT_POOL)
    {
      virStorageVolPtr volume = volume_of (output, name, error);
      g_autofree char *text = g_malloc0 (VTH_SMALL_BYTES_MAX + 1);
      bool ok = volume != NULL && volume_read (output, volume, 0, text, VTH_SMALL_BYTES_MAX, length, error);
      if (volume != NULL)
        virStorageVolFree (volume);
      return ok ? g_steal_pointer (&text) : NULL;
    }
  if (refuse_remote (output, error))
    return NULL;
  g_autofree char *path = path_of (output, name);
  struct stat st;
  char *text = vth_file_read_small (path, O_NOFOLLOW, &st, length, error);
  *is_foreign = text != NULL && !vth_is_trusted (st.st_uid);
  return text;
}

VthDump *
vth_output_inspect_all (VthOutput *output, const char *name, VthNoteInfo *info, GError **error)
{
  g_autofree char *record = g_strconcat (name, VTH_RECORD_SUFFIX, NULL);
  VthDump *dump = vth_output_inspect (output, name, info, error);

  if (dump == NULL)
    return NULL;
  if (info->note_offset == 0 && vth_output_exists (output, record))
    {
      size_t length = 0;
      bool is_foreign = false; /* also where the dump is root's: by virsh, say */
      g_autofree char *text = read_small (output, record, &length, &is_foreign, NULL);
      if (text != NULL)
        vth_note_apply_json (dump, text, strlen (text), NULL);
      info->is_foreign = info->is_foreign || is_foreign;
    }
  return dump;
}

/* --- what builds on what --- */

static char *
inode_key (const struct stat *st)
{
  return g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (uint64_t) st->st_dev, (uint64_t) st->st_ino);
}

/* Names by inode, of what is here to be looked at. */
static GHashTable *
index_inodes (VthOutput *output, GPtrArray *files)
{
  GHashTable *inodes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (unsigned int i = 0; output->local && i < files->len; i++)
    {
      const VthFile *file = files->pdata[i];
      g_autofree char *path = vth_output_place (output, file->name);
      struct stat st;
      if (lstat (path, &st) == 0)
        g_hash_table_insert (inodes, inode_key (&st), file->name);
    }
  return inodes;
}

/* The name in the output of what is written as @backing in one of its files; NULL: it is elsewhere. */
static char *
name_of_backing (VthOutput *output, const char *backing, GHashTable *inodes)
{
  g_autoptr (GPtrArray) paths = vth_overlay_paths (backing, output->real);

  /* Links, and other ways to the same directory, lead to the same file. */
  for (unsigned int i = 0; i < paths->len; i++)
    {
      struct stat st;
      g_autofree char *key = output->local && stat (paths->pdata[i], &st) == 0 ? inode_key (&st) : NULL;
      const char *name = key != NULL ? g_hash_table_lookup (inodes, key) : NULL;
      if (name != NULL)
        return g_strdup (name);
    }
  return vth_overlay_sibling (backing, output->path);
}

/* The backing file of one file; NULL if it has none, or is gone.  @error if that cannot be told. */
static char *
backing_of_file (VthOutput *output, const char *name, GHashTable *inodes, GError **error)
{
  g_auto (VthOverlay) overlay = { 0 };
  unsigned char magic[4] = { 0 };
  g_autoptr (GError) reason = NULL;
  VolumeReader *reader = NULL;
  VthSource source = { 0 };
  struct stat st;
  int fd = -1;

  if (output->kind == VTH_OUTPUT_POOL)
    {
      virStorageVolInfo details;
      reader = volume_open (output, name, &details, &reason);
      if (reader != NULL)
        source = (VthSource){ volume_source_read, reader, MAX (details.capacity, details.allocation) };
    }
  else
    {
      g_autofree char *path = path_of (output, name);
      fd = vth_open_regular (path, O_RDONLY | O_NOFOLLOW, &st, &reason);
      /* Whoever may put a file here must not thereby keep dumps for ever; and could not read what it claims to build on. */
      if (fd >= 0 && vth_is_trusted (st.st_uid))
        source = vth_source_of_fd (&fd, (uint64_t) st.st_size);
    }
  /* What is damaged or has another format needs no other file. */
  if (reason == NULL && source.size_bytes >= sizeof magic && source.read (source.reader, 0, magic, sizeof magic, &reason)
      && vth_is_qcow2 (magic))
    vth_overlay_probe (&source, name, &overlay, &reason);
  if (fd >= 0)
    close (fd);
  if (reader != NULL)
    volume_close (reader);
  if (reason != NULL && !g_error_matches (reason, VTH_ERROR, VTH_ERROR_FORMAT)
      && !g_error_matches (reason, VTH_ERROR, VTH_ERROR_NOT_FOUND))
    g_propagate_error (error, g_steal_pointer (&reason));
  return overlay.backing != NULL ? name_of_backing (output, overlay.backing, inodes) : NULL;
}

GHashTable *
vth_output_backing (VthOutput *output, GError **error)
{
  g_autoptr (GPtrArray) files = list_files (output, true, error);
  g_autoptr (GHashTable) backing = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  if (files == NULL)
    return NULL;
  g_autoptr (GHashTable) inodes = index_inodes (output, files);
  for (unsigned int i = 0; i < files->len; i++)
    {
      const VthFile *file = files->pdata[i];
      g_autoptr (GError) unread = NULL;
      char *needed = backing_of_file (output, file->name, inodes, &unread);
      if (unread != NULL)
        {
          g_propagate_prefixed_error (error, g_steal_pointer (&unread), "cannot tell which files others need: ");
          return NULL;
        }
      if (needed != NULL)
        g_hash_table_insert (backing, g_strdup (file->name), needed);
    }
  return g_steal_pointer (&backing);
}

char *
vth_output_read_small (VthOutput *output, const char *name, size_t *length, GError **error)
{
  bool is_foreign;
  return read_small (output, name, length, &is_foreign, error);
}

/* --- writing --- */

static bool
volume_write (VthOutput *output, virStorageVolPtr volume, uint64_t offset, const char *data, size_t length, GError **error)
{
  const char *name = virStorageVolGetName (volume);
  virStreamPtr stream = virStreamNew (output->conn, 0);
  bool ok = stream != NULL && virStorageVolUpload (volume, stream, offset, length, 0) == 0;
  size_t done = 0;

  while (ok && done < length)
    {
      int n = virStreamSend (stream, data + done, length - done);
      ok = n > 0;
      done += ok ? (size_t) n : 0;
    }
  ok = ok && virStreamFinish (stream) == 0;
  if (!ok)
    {
      vth_error_set_libvirt (error, "cannot write '%s' of storage pool '%s'", name, output->target);
      if (stream != NULL)
        (void) virStreamAbort (stream);
    }
  if (stream != NULL)
    virStreamFree (stream);
  return ok;
}

bool
vth_output_write_at (VthOutput *output, const char *name, uint64_t offset, const char *data, size_t length, GError **error)
{
  if (refuse_remote (output, error))
    return false;
  if (output->kind == VTH_OUTPUT_POOL)
    {
      virStorageVolPtr volume = volume_of (output, name, error);
      bool written = volume != NULL && volume_write (output, volume, offset, data, length, error);
      if (volume != NULL)
        virStorageVolFree (volume);
      return written;
    }
  g_autofree char *path = path_of (output, name);
  struct stat st;
  int fd = vth_open_regular (path, O_WRONLY | O_NOFOLLOW, &st, error);
  if (fd < 0)
    return false;
  bool ok = pwrite (fd, data, length, (off_t) offset) == (ssize_t) length && fdatasync (fd) == 0;
  if (!ok)
    vth_set_error_errno (error, errno, "cannot write '%s'", path);
  close (fd);
  return ok;
}

bool
vth_output_write_small (VthOutput *output, const char *name, const char *text, GError **error)
{
  if (refuse_remote (output, error)
      || (vth_output_exists (output, name) && !vth_output_check_unused (output, name, "replaced", error)))
    return false;
  if (output->kind == VTH_OUTPUT_DIR)
    {
      g_autofree char *path = path_of (output, name);
      return vth_file_replace (path, text, -1, 0600, error);
    }
  g_autofree char *xml = g_markup_printf_escaped (
      "<volume><name>%s</name><capacity unit='bytes'>%zu</capacity><target><format type='raw'/>"
      "<permissions><mode>0600</mode></permissions></target></volume>",
      name, strlen (text));
  virStorageVolPtr old = virStorageVolLookupByName (output->pool, name);
  if (old != NULL)
    {
      (void) virStorageVolDelete (old, 0);
      virStorageVolFree (old);
    }
  virStorageVolPtr volume = virStorageVolCreateXML (output->pool, xml, 0);
  if (volume == NULL)
    {
      vth_error_set_libvirt (error, "cannot create '%s' in storage pool '%s'", name, output->target);
      return false;
    }
  bool ok = volume_write (output, volume, 0, text, strlen (text), error);
  if (!ok)
    (void) virStorageVolDelete (volume, 0);
  virStorageVolFree (volume);
  return ok;
}

/* --- reading all of it --- */

/* Sends a volume to @data and @hole, which get @opaque. */
static bool
stream_volume (VthOutput *output, const char *name, virStreamSinkFunc data, virStreamSinkHoleFunc hole, void *opaque,
               GError **error)
{
  virStorageVolPtr volume = volume_of (output, name, error);
  if (volume == NULL)
    return false;
  bool ok = false;
  /* Drivers that cannot tell holes send everything. */
  for (int sparse = 1; sparse >= 0 && !ok; sparse--)
    {
      virStreamPtr stream = virStreamNew (output->conn, 0);
      bool begun = stream != NULL
                   && virStorageVolDownload (volume, stream, 0, 0, sparse ? VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM : 0) == 0;
      if (begun)
        {
          ok = (sparse ? virStreamSparseRecvAll (stream, data, hole, opaque) : virStreamRecvAll (stream, data, opaque)) == 0
               && virStreamFinish (stream) == 0;
          sparse = 0;
        }
      if (!ok && sparse == 0)
        vth_error_set_libvirt (error, "cannot read '%s' of storage pool '%s'", name, output->target);
      if (!ok && begun)
        (void) virStreamAbort (stream);
      if (stream != NULL)
        virStreamFree (stream);
    }
  virStorageVolFree (volume);
  return ok;
}

/* The reason is that of the callback, not what libvirt makes of it. */
static void
set_cancelled (GError **error, const char *what, const char *name)
{
  if (error != NULL)
    g_clear_error (error);
  g_set_error (error, VTH_ERROR, VTH_ERROR_CANCELLED, "%s '%s' was cancelled", what, name);
}

typedef struct {
  GChecksum *sum;
  uint64_t done_bytes, size_bytes;
  VthProgressFunc progress;
  void *user_data;
  GCancellable *cancellable;
} Hash;

static int
hash_data (virStreamPtr stream, const char *data, size_t length, void *opaque)
{
  Hash *hash = opaque;
  if (g_cancellable_is_cancelled (hash->cancellable))
    {
      errno = ECANCELED;
      return -1;
    }
  g_checksum_update (hash->sum, (const guchar *) data, (gssize) length);
  hash->done_bytes += length;
  if (hash->progress != NULL)
    hash->progress (hash->done_bytes, hash->size_bytes, NULL, hash->user_data);
  return (int) length;
}

static int
hash_hole (virStreamPtr stream, long long length, void *opaque)
{
  static const char zero[WINDOW_BYTES];
  while (length > 0)
    {
      int n = hash_data (stream, zero, (size_t) MIN (length, WINDOW_BYTES), opaque);
      if (n < 0)
        return -1;
      length -= n;
    }
  return 0;
}

char *
vth_output_hash (VthOutput *output, const char *name, VthProgressFunc progress, void *user_data, GCancellable *cancellable,
                 GError **error)
{
  if (refuse_remote (output, error))
    return NULL;
  if (output->kind == VTH_OUTPUT_DIR)
    {
      g_autofree char *path = path_of (output, name);
      struct stat st;
      int fd = vth_open_regular (path, O_RDONLY | O_NOFOLLOW, &st, error);
      char *digits = fd >= 0 ? vth_hash_fd (fd, (uint64_t) st.st_size, path, progress, user_data, cancellable, error) : NULL;
      if (fd >= 0)
        close (fd);
      return digits;
    }
  virStorageVolPtr volume = volume_of (output, name, error);
  virStorageVolInfo info = { 0 };
  if (volume == NULL)
    return NULL;
  (void) virStorageVolGetInfo (volume, &info); /* for the progress only */
  virStorageVolFree (volume);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  Hash hash = { sum, 0, info.capacity, progress, user_data, cancellable };
  bool ok = stream_volume (output, name, hash_data, hash_hole, &hash, error);
  if (g_cancellable_is_cancelled (cancellable))
    {
      set_cancelled (error, "reading", name);
      return NULL;
    }
  return ok ? g_strdup (g_checksum_get_string (sum)) : NULL;
}

/* --- download --- */

typedef struct {
  int fd;
  GCancellable *cancellable;
} Download;

static int
receive_data (virStreamPtr stream, const char *data, size_t length, void *opaque)
{
  const Download *download = opaque;
  if (g_cancellable_is_cancelled (download->cancellable))
    {
      errno = ECANCELED;
      return -1;
    }
  return (int) write (download->fd, data, length);
}

static int
receive_hole (virStreamPtr stream, long long length, void *opaque)
{
  const Download *download = opaque;
  off_t end = lseek (download->fd, (off_t) length, SEEK_CUR);
  return end >= 0 && ftruncate (download->fd, end) == 0 ? 0 : -1;
}

bool
vth_output_download (VthOutput *output, const char *name, const char *to_path, GCancellable *cancellable, GError **error)
{
  if (refuse_remote (output, error))
    return false;
  int to = open (to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (to < 0)
    {
      vth_set_error_errno (error, errno, "cannot create '%s'", to_path);
      return false;
    }
  bool ok;
  if (output->kind == VTH_OUTPUT_POOL)
    {
      Download download = { to, cancellable };
      ok = stream_volume (output, name, receive_data, receive_hole, &download, error);
    }
  else
    {
      g_autofree char *path = path_of (output, name);
      struct stat st;
      int from = vth_open_regular (path, O_RDONLY | O_NOFOLLOW, &st, error);
      ok = from >= 0 && vth_copy_sparse (from, (uint64_t) st.st_size, to, NULL, NULL, cancellable, error);
      if (from >= 0)
        close (from);
    }
  if (g_cancellable_is_cancelled (cancellable))
    {
      set_cancelled (error, "the download of", name);
      ok = false;
    }
  if (ok && fsync (to) < 0)
    {
      vth_set_error_errno (error, errno, "cannot write '%s'", to_path);
      ok = false;
    }
  close (to);
  if (!ok)
    g_unlink (to_path);
  return ok;
}
