/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Outputs: which directories are refused, and storage pools of the test driver. */
#include <config.h>

#include <glib/gstdio.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vthunder.h"

static char *
make_dir (const char *parent, const char *name, mode_t mode)
{
  char *path = g_build_filename (parent, name, NULL);
  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  g_assert_cmpint (chmod (path, mode), ==, 0);
  return path;
}

static void
check (const char *path, int code, const char *why)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VthOutput) output = vth_output_new (NULL, VTH_OUTPUT_DIR, path, &error);
  bool ok = output != NULL && vth_output_check (output, &error);
  if (code < 0)
    {
      g_assert_no_error (error);
      g_assert_true (ok);
      return;
    }
  g_assert_error (error, VTH_ERROR, code);
  if (why != NULL && strstr (error->message, why) == NULL)
    g_error ("'%s' lacks '%s'", error->message, why);
}

static void
test_safety (void)
{
  g_autofree char *top = g_dir_make_tmp ("vth-output-XXXXXX", NULL);
  g_autofree char *good = make_dir (top, "good", 0700);
  g_autofree char *open_dir = make_dir (top, "open", 0777);
  g_autofree char *below = make_dir (open_dir, "below", 0700);
  g_autofree char *sticky = make_dir (top, "sticky", 01777);
  g_autofree char *group = make_dir (top, "group", 0770);
  g_autofree char *group_sticky = make_dir (top, "group-sticky", 01770);
  g_autofree char *link_path = g_build_filename (top, "link", NULL);
  g_autofree char *bad_link = g_build_filename (top, "bad-link", NULL);
  g_autofree char *loop = g_build_filename (top, "loop", NULL);
  g_autofree char *file = g_build_filename (top, "file", NULL);
  g_assert_cmpint (symlink (good, link_path), ==, 0);
  g_assert_cmpint (symlink (below, bad_link), ==, 0);
  g_assert_cmpint (symlink (loop, loop), ==, 0);
  g_assert_true (g_file_set_contents (file, "", -1, NULL));

  check (good, -1, NULL);
  check (sticky, -1, NULL);
  check (link_path, -1, NULL);
  check (open_dir, VTH_ERROR_UNSAFE, "everybody may write");
  check (below, VTH_ERROR_UNSAFE, "everybody may write");
  check (bad_link, VTH_ERROR_UNSAFE, "everybody may write");
  check (loop, VTH_ERROR_NOT_FOUND, NULL);
  check (file, VTH_ERROR_NOT_FOUND, "not a directory");
  check ("/nonexistent/dir", VTH_ERROR_NOT_FOUND, "create it first");
  check ("relative", VTH_ERROR_USAGE, "relative");
  check ("/tmp/../etc", VTH_ERROR_USAGE, "..");
  if (geteuid () == 0)
    {
      g_autofree char *others = make_dir (top, "others", 0700);
      g_autofree char *others_link = g_build_filename (top, "others-link", NULL);
      g_assert_cmpint (symlink (good, others_link), ==, 0);
      g_assert_cmpint (chown (others, 12345, 0), ==, 0);
      g_assert_cmpint (lchown (others_link, 12345, 0), ==, 0);
      check (others, VTH_ERROR_UNSAFE, "belongs to user 12345");
      check (others_link, VTH_ERROR_UNSAFE, "belongs to user 12345");
      /* root's group may write, any other could put links there */
      g_assert_cmpint (chown (group, 0, 0) | chown (group_sticky, 0, 12345), ==, 0);
      check (group, -1, NULL);
      check (group_sticky, -1, NULL);
      g_assert_cmpint (chown (group, 0, 12345), ==, 0);
      check (group, VTH_ERROR_UNSAFE, "group 12345 may write");
      g_rmdir (others);
      g_unlink (others_link);
    }
  else
    g_test_message ("not root: other owners are not tried");
  g_unlink (link_path);
  g_unlink (bad_link);
  g_unlink (loop);
  g_unlink (file);
  g_rmdir (below);
  g_rmdir (open_dir);
  g_rmdir (sticky);
  g_rmdir (group);
  g_rmdir (group_sticky);
  g_rmdir (good);
  g_rmdir (top);
}

static void
test_space (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VthOutput) output = vth_output_new (NULL, VTH_OUTPUT_DIR, "/", &error);
  uint64_t available = 0, capacity = 0;
  g_assert_true (vth_output_get_space (output, &available, &capacity, &error));
  g_assert_cmpuint (capacity, >, 0);
  g_assert_cmpuint (available, <=, capacity);
}

static void
test_pool (void)
{
  g_autoptr (GError) error = NULL;
  virConnectPtr conn = virConnectOpen ("test:///default");
  g_autoptr (VthOutput) pool = vth_output_new (conn, VTH_OUTPUT_POOL, "default-pool", &error);
  uint64_t available = 0, capacity = 0;
  g_assert_no_error (error);
  g_assert_cmpstr (vth_output_get_path (pool), ==, "/default-pool");
  g_assert_true (vth_output_check (pool, &error));
  g_assert_true (vth_output_get_space (pool, &available, &capacity, &error));
  g_autoptr (GPtrArray) dumps = vth_dump_list (pool, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (dumps->len, ==, 0);

  /* one that is not active has no place */
  virStoragePoolPtr stopped = virStoragePoolLookupByName (conn, "default-pool");
  g_assert_cmpint (virStoragePoolDestroy (stopped), ==, 0);
  g_autoptr (VthOutput) inactive = vth_output_new (conn, VTH_OUTPUT_POOL, "default-pool", &error);
  g_assert_null (inactive);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "is not active: start it with: virsh pool-start default-pool"));
  g_clear_error (&error);
  virStoragePoolFree (stopped);

  g_autoptr (VthOutput) none = vth_output_new (conn, VTH_OUTPUT_POOL, "no-such", &error);
  g_assert_null (none);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_NOT_FOUND);
  g_clear_error (&error);

  static const char logical[] = "<pool type='logical'><name>lvm</name><source><device path='/dev/x'/><name>lvm</name></source>"
                                "<target><path>/dev/lvm</path></target></pool>";
  virStoragePoolPtr made = virStoragePoolDefineXML (conn, logical, 0);
  g_assert_nonnull (made);
  g_autoptr (VthOutput) block = vth_output_new (conn, VTH_OUTPUT_POOL, "lvm", &error);
  g_assert_null (block);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_UNSUPPORTED);
  virStoragePoolUndefine (made);
  virStoragePoolFree (made);
  virConnectClose (conn);
}

/* libvirt takes it for active, and nothing is mounted there any more. */
static void
test_unmounted (void)
{
  g_autoptr (GError) error = NULL;
  virConnectPtr conn = virConnectOpen ("test:///default");
  g_autofree char *top = g_dir_make_tmp ("vth-output-XXXXXX", NULL);
  g_autofree char *bare = make_dir (top, "bare", 0700);
  g_autofree char *netfs = g_strdup_printf ("<pool type='netfs'><name>p</name><source><host name='h'/><dir path='/x'/></source>"
                                            "<target><path>%s</path></target></pool>", bare);
  g_autofree char *dir = g_strdup_printf ("<pool type='dir'><name>p</name><target><path>%s//.</path></target></pool>", bare);
  virStoragePoolPtr pool = virStoragePoolCreateXML (conn, netfs, 0);
  g_assert_nonnull (pool);
  g_autoptr (VthOutput) unmounted = vth_output_new (conn, VTH_OUTPUT_POOL, "p", &error);
  g_assert_null (unmounted);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "nothing mounted"));
  g_clear_error (&error);
  virStoragePoolDestroy (pool);
  virStoragePoolFree (pool);

  pool = virStoragePoolCreateXML (conn, dir, 0);
  g_autoptr (VthOutput) plain = vth_output_new (conn, VTH_OUTPUT_POOL, "p", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (vth_output_get_path (plain), ==, bare);
  g_autoptr (VthOutput) same = vth_output_new (conn, VTH_OUTPUT_DIR, bare, &error);
  g_assert_true (vth_output_is_same (plain, same));
  virStoragePoolFree (pool);
  virConnectClose (conn);
  g_rmdir (bare);
  g_rmdir (top);
}

static void
test_resolve (void)
{
  g_autofree char *top = g_dir_make_tmp ("vth-output-XXXXXX", NULL);
  g_autofree char *conf = g_build_filename (top, "vthunder.conf", NULL);
  g_autoptr (GError) error = NULL;
  g_setenv ("XDG_DATA_HOME", top, TRUE);
  g_autoptr (VthHost) host = vth_host_load (conf, &error);
  g_autoptr (VthConfig) config = vth_config_new ();

  g_autofree char *standard = g_build_filename (top, "vthunder", "dumps", NULL);
  g_autoptr (VthOutput) fallback = vth_output_resolve (NULL, config, host, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (vth_output_get_path (fallback), ==, standard);

  g_assert_true (vth_host_set_output (host, VTH_OUTPUT_DIR, "/tmp", &error));
  g_autoptr (VthOutput) of_host = vth_output_resolve (NULL, config, host, &error);
  g_assert_cmpstr (vth_output_get_path (of_host), ==, "/tmp");
  g_assert_true (vth_config_set_output (config, VTH_OUTPUT_DIR, "/var", &error));
  g_autoptr (VthOutput) own = vth_output_resolve (NULL, config, host, &error);
  g_assert_cmpstr (vth_output_get_path (own), ==, "/var");

  /* the host's is written and read back, with what else is in the file */
  g_assert_true (g_file_set_contents (conf, "# mine\n[batch]\nmax-parallel=3\nmin-free=5GiB\n\n[future]\nx=1\n", -1, NULL));
  g_autoptr (VthHost) again = vth_host_load (conf, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vth_host_get_max_parallel (again), ==, 3);
  g_assert_cmpuint (vth_host_get_min_free_bytes (again), ==, UINT64_C (5) << 30);
  g_assert_true (vth_host_set_output (again, VTH_OUTPUT_POOL, "dumps", &error));
  g_assert_true (vth_host_save (again, &error));
  g_autofree char *text = NULL;
  g_assert_true (g_file_get_contents (conf, &text, NULL, NULL));
  g_assert_nonnull (strstr (text, "# mine"));
  g_assert_nonnull (strstr (text, "[future]"));
  g_assert_nonnull (strstr (text, "pool=dumps"));

  static const char *const wrong[] = { "nonsense", "[output]\ndir=relative\n", "[output]\ndir=/a\npool=b\n",
                                       "[batch]\nmax-parallel=0\n", "[batch]\nmin-free=lots\n", "[hooks]\ntimeout=0\n",
                                       "[batch]\nstate-dir=here\n", "[output]\nfile-name={domain}\n" };
  for (unsigned int i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) reason = NULL;
      g_assert_true (g_file_set_contents (conf, wrong[i], -1, NULL));
      g_autoptr (VthHost) broken = vth_host_load (conf, &reason);
      g_assert_null (broken);
      g_assert_error (reason, VTH_ERROR, VTH_ERROR_CONFIG);
      g_assert_nonnull (strstr (reason->message, conf));
    }
  g_unlink (conf);
  g_rmdir (standard);
  g_autofree char *parent = g_path_get_dirname (standard);
  g_rmdir (parent);
  g_rmdir (top);
}

static void
quiet (void *data, virErrorPtr error)
{
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  virSetErrorFunc (NULL, quiet);
  g_test_add_func ("/output/safety", test_safety);
  g_test_add_func ("/output/space", test_space);
  g_test_add_func ("/output/pool", test_pool);
  g_test_add_func ("/output/unmounted", test_unmounted);
  g_test_add_func ("/output/resolve", test_resolve);
  return g_test_run ();
}
