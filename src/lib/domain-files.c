/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which files domains use: disks and what these build on, firmware, kernels,
 * logs, whatever their XML names.  None of them is ever removed or replaced.
 *
 * Every absolute path in the XML counts, not those of a list of elements: a new
 * kind of device must not wait for us to hear of it.  Knows only the domains of
 * its connection.
 */
#include <config.h>

#include <fcntl.h>
#include <libvirt/virterror.h>
#include <libxml/parser.h>
#include <string.h>
#include <unistd.h>

#include "vth-private.h"

/* A batch asks for each dump it removes; what one asks for twice within a minute is read once. */
#define FRESH_US (60 * G_USEC_PER_SEC)
/* As libvirt's own limit; loops end, too */
#define CHAIN_MAX 200

struct _VthDomainFiles {
  gatomicrefcount refs;
  virConnectPtr conn;
  bool local;
  GMutex mutex; /* of all below */
  int64_t read_us;
  /* each to the name of the domain */
  GHashTable *paths;
  GHashTable *inodes;  /* "device:inode" */
  GHashTable *volumes; /* "pool/volume" */
};

VthDomainFiles *
vth_domain_files_new (virConnectPtr conn)
{
  VthDomainFiles *files = g_new0 (VthDomainFiles, 1);

  g_atomic_ref_count_init (&files->refs);
  g_mutex_init (&files->mutex);
  virConnectRef (conn);
  files->conn = conn;
  files->local = vth_conn_is_local (conn);
  files->paths = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  files->inodes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  files->volumes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return files;
}

VthDomainFiles *
vth_domain_files_ref (VthDomainFiles *files)
{
  g_atomic_ref_count_inc (&files->refs);
  return files;
}

void
vth_domain_files_unref (VthDomainFiles *files)
{
  if (files == NULL || !g_atomic_ref_count_dec (&files->refs))
    return;
  g_hash_table_unref (files->paths);
  g_hash_table_unref (files->inodes);
  g_hash_table_unref (files->volumes);
  g_mutex_clear (&files->mutex);
  virConnectClose (files->conn);
  g_free (files);
}

static char *
inode_key (const struct stat *st)
{
  return g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (uint64_t) st->st_dev, (uint64_t) st->st_ino);
}

static char *
volume_key (const char *pool, const char *volume)
{
  return g_strconcat (pool, "/", volume, NULL);
}

static void
add_path (VthDomainFiles *files, const char *domain, const char *path)
{
  struct stat st;

  g_hash_table_insert (files->paths, g_canonicalize_filename (path, "/"), g_strdup (domain));
  /* By whatever name it is known here: a link is followed, as QEMU does. */
  if (files->local && stat (path, &st) == 0 && !S_ISDIR (st.st_mode))
    g_hash_table_insert (files->inodes, inode_key (&st), g_strdup (domain));
}

/* The path at the beginning of @p, which may be one of QEMU's options: a comma in it is written twice. */
static char *
cut_path (const char *p)
{
  GString *path = g_string_new (NULL);

  for (; *p != '\0' && strchr ("\"'}", *p) == NULL && (*p != ',' || p[1] == ','); p += *p == ',' ? 2 : 1)
    g_string_append_c (path, *p);
  return g_string_free (path, FALSE);
}

/* A path, or a command line or JSON text with paths in it ("file=/a,if=none"). */
static void
add_text (VthDomainFiles *files, const char *domain, const char *text)
{
  g_autofree char *whole = g_strstrip (g_strdup (text));

  if (*whole == '/')
    {
      add_path (files, domain, whole);
      return;
    }
  for (const char *p = strchr (whole, '/'); p != NULL; p = strchr (p + 1, '/'))
    if (p > whole && strchr ("=:\"'", p[-1]) != NULL)
      {
        g_autofree char *path = cut_path (p);
        add_path (files, domain, path);
      }
}

/*
 * What a qcow2 image builds on: of a domain that is off libvirt names the image
 * only.  @path is called qcow2 by the XML: what a guest writes onto a raw disk
 * is never read for it.
 */
static void
add_chain (VthDomainFiles *files, const char *domain, const char *path)
{
  g_autofree char *image = g_strdup (path);

  for (unsigned int i = 0; i < CHAIN_MAX && files->local; i++)
    {
      struct stat st;
      g_auto (VthOverlay) overlay = { 0 };
      int fd = vth_open_regular (image, O_RDONLY, &st, NULL);
      if (fd < 0)
        return;
      VthSource source = vth_source_of_fd (&fd, (uint64_t) st.st_size);
      bool ok = vth_overlay_probe (&source, image, &overlay, NULL) && overlay.backing != NULL;
      close (fd);
      if (!ok)
        return;
      const char *backing = g_str_has_prefix (overlay.backing, "file:") ? overlay.backing + strlen ("file:") : overlay.backing;
      if (g_str_has_prefix (backing, "json:"))
        {
          add_text (files, domain, backing);
          return;
        }
      g_autofree char *dir = g_path_get_dirname (image);
      g_free (image);
      image = g_canonicalize_filename (backing, dir);
      add_path (files, domain, image);
    }
}

static bool
is_qcow2_disk (const xmlNode *disk)
{
  bool found = false;

  for (xmlNode *child = disk->children; child != NULL && !found; child = child->next)
    {
      xmlChar *type = child->type == XML_ELEMENT_NODE && strcmp ((const char *) child->name, "driver") == 0
                          ? xmlGetNoNsProp (child, (const xmlChar *) "type") : NULL;
      found = type != NULL && strcmp ((const char *) type, "qcow2") == 0;
      xmlFree (type);
    }
  return found;
}

static void
add_source (VthDomainFiles *files, const char *domain, const xmlNode *node)
{
  xmlChar *pool = xmlGetNoNsProp ((xmlNode *) node, (const xmlChar *) "pool");
  xmlChar *volume = xmlGetNoNsProp ((xmlNode *) node, (const xmlChar *) "volume");

  if (pool != NULL && volume != NULL)
    {
      virStoragePoolPtr in = virStoragePoolLookupByName (files->conn, (const char *) pool);
      virStorageVolPtr found = in != NULL ? virStorageVolLookupByName (in, (const char *) volume) : NULL;
      char *path = found != NULL ? virStorageVolGetPath (found) : NULL;
      g_hash_table_insert (files->volumes, volume_key ((const char *) pool, (const char *) volume), g_strdup (domain));
      if (path != NULL)
        add_path (files, domain, path);
      if (path != NULL && is_qcow2_disk (node->parent))
        add_chain (files, domain, path);
      free (path);
      if (found != NULL)
        virStorageVolFree (found);
      if (in != NULL)
        virStoragePoolFree (in);
    }
  xmlFree (pool);
  xmlFree (volume);
  xmlChar *file = strcmp ((const char *) node->name, "source") == 0 ? xmlGetNoNsProp ((xmlNode *) node, (const xmlChar *) "file") : NULL;
  if (file != NULL && is_qcow2_disk (node->parent))
    add_chain (files, domain, (const char *) file);
  xmlFree (file);
}

static void
add_node (VthDomainFiles *files, const char *domain, const xmlNode *node)
{
  for (; node != NULL; node = node->next)
    {
      if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE)
        add_text (files, domain, (const char *) node->content);
      /* Metadata is anybody's, and ours names the directory of the dumps. */
      if (node->type != XML_ELEMENT_NODE || strcmp ((const char *) node->name, "metadata") == 0)
        continue;
      for (const xmlAttr *attribute = node->properties; attribute != NULL; attribute = attribute->next)
        add_node (files, domain, attribute->children);
      add_source (files, domain, node);
      add_node (files, domain, node->children);
    }
}

/* Takes @xml. */
static bool
add_xml (VthDomainFiles *files, const char *domain, char *xml)
{
  xmlDoc *doc = xml != NULL ? xmlReadMemory (xml, (int) strlen (xml), NULL, NULL,
                                             XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_HUGE)
                            : NULL;
  bool ok = doc != NULL;

  if (ok)
    {
      add_node (files, domain, xmlDocGetRootElement (doc));
      xmlFreeDoc (doc);
    }
  free (xml);
  return ok;
}

/* Of an external snapshot: its disks and its memory.  A driver that has none need not know the call. */
static bool
add_snapshots (VthDomainFiles *files, virDomainPtr domain, const char *name)
{
  virDomainSnapshotPtr *snapshots = NULL;
  int n = virDomainListAllSnapshots (domain, &snapshots, 0);
  bool ok = n >= 0 || virGetLastErrorCode () == VIR_ERR_NO_SUPPORT || virGetLastErrorCode () == VIR_ERR_OPERATION_UNSUPPORTED;

  for (int i = 0; i < n; i++)
    {
      char *xml = virDomainSnapshotGetXMLDesc (snapshots[i], 0);
      if (xml == NULL)
        ok = ok && virGetLastErrorCode () == VIR_ERR_NO_DOMAIN_SNAPSHOT; /* it was deleted meanwhile */
      else
        ok = add_xml (files, name, xml) && ok;
      virDomainSnapshotFree (snapshots[i]);
    }
  free (snapshots);
  return ok;
}

static bool
add_domain (VthDomainFiles *files, virDomainPtr domain)
{
  g_autofree char *name = g_strdup (virDomainGetName (domain));

  bool ok = add_xml (files, name, virDomainGetXMLDesc (domain, 0))
            && (virDomainIsPersistent (domain) != 1 || virDomainIsActive (domain) != 1
                || add_xml (files, name, virDomainGetXMLDesc (domain, VIR_DOMAIN_XML_INACTIVE)))
            && add_snapshots (files, domain, name);
  return ok || virGetLastErrorCode () == VIR_ERR_NO_DOMAIN; /* it ended meanwhile */
}

static bool
read_all (VthDomainFiles *files, GError **error)
{
  virDomainPtr *domains = NULL;
  int n = virConnectListAllDomains (files->conn, &domains, 0);
  bool ok = n >= 0;

  g_hash_table_remove_all (files->paths);
  g_hash_table_remove_all (files->inodes);
  g_hash_table_remove_all (files->volumes);
  for (int i = 0; i < n; i++)
    {
      virResetLastError ();
      ok = ok && add_domain (files, domains[i]);
      if (!ok && error != NULL && *error == NULL)
        vth_error_set_libvirt (error, "cannot tell which files domain '%s' uses", virDomainGetName (domains[i]));
    }
  if (n < 0)
    vth_error_set_libvirt (error, "cannot tell which files domains use");
  for (int i = 0; i < n; i++)
    virDomainFree (domains[i]);
  free (domains);
  files->read_us = ok ? g_get_monotonic_time () : 0;
  return ok;
}

bool
vth_domain_files_find (VthDomainFiles *files, const char *path, const char *pool, const char *volume, char **domain, GError **error)
{
  g_autofree char *canonical = g_canonicalize_filename (path, "/");
  g_autofree char *of_volume = pool != NULL ? volume_key (pool, volume) : NULL;
  const char *found = NULL;
  struct stat st;

  g_mutex_lock (&files->mutex);
  bool ok = (files->read_us != 0 && g_get_monotonic_time () - files->read_us < FRESH_US) || read_all (files, error);
  if (ok)
    found = g_hash_table_lookup (files->paths, canonical);
  if (ok && found == NULL && of_volume != NULL)
    found = g_hash_table_lookup (files->volumes, of_volume);
  if (ok && found == NULL && files->local && stat (path, &st) == 0)
    {
      g_autofree char *inode = inode_key (&st);
      found = g_hash_table_lookup (files->inodes, inode);
    }
  if (ok)
    *domain = g_strdup (found);
  g_mutex_unlock (&files->mutex);
  return ok;
}
