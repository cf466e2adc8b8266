/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this host can do and what stops it, each with a remedy.  Looks only. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <libvirt/virterror.h>
#include <linux/magic.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "vth-private.h"

/* Kernel headers older than the kernel lack these. */
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO (0xAA, 0x00)
#endif
#ifndef UFFD_FEATURE_PAGEFAULT_FLAG_WP
#define UFFD_FEATURE_PAGEFAULT_FLAG_WP (1 << 0)
#endif
#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (1 << 12)
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif

#define DEVICE "/dev/userfaultfd"

static void
add (GPtrArray *checks, const char *name, VthCheckStatus status, char *detail, const char *remedy)
{
  g_ptr_array_add (checks, vth_check_new (name, status, detail, remedy));
}

static char *
emulator_of (virDomainPtr domain)
{
  char *xml = virDomainGetXMLDesc (domain, 0);
  char *path = vth_xml_string (xml, "/domain/devices/emulator");
  free (xml);
  return path;
}

/* A domain may name another emulator than libvirt's default. */
static void
check_emulators (GPtrArray *checks, virConnectPtr conn)
{
  virDomainPtr *domains = NULL;
  int n = virConnectListAllDomains (conn, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GString) without = g_string_new (NULL);
  unsigned int n_without = 0;

  for (int i = 0; i < n; i++)
    {
      g_autofree char *emulator = emulator_of (domains[i]), *supported = NULL;
      if (emulator != NULL && !g_hash_table_contains (known, emulator))
        {
          supported = vth_mirror_support (conn, emulator, NULL, NULL, NULL, NULL);
          g_hash_table_insert (known, g_strdup (emulator), GINT_TO_POINTER (g_strcmp0 (supported, "yes") == 0));
        }
      if (emulator != NULL && !GPOINTER_TO_INT (g_hash_table_lookup (known, emulator)) && n_without++ < 5)
        g_string_append_printf (without, "%s%s (%s)", without->len > 0 ? ", " : "", virDomainGetName (domains[i]), emulator);
      virDomainFree (domains[i]);
    }
  free (domains);
  if (n <= 0)
    add (checks, "emulator", VTH_CHECK_SKIPPED, g_strdup (n < 0 ? "cannot list the domains" : "no domain is running"), NULL);
  else if (n_without == 0)
    add (checks, "emulator", VTH_CHECK_OK, g_strdup ("all running domains have one that takes mirror dumps"), NULL);
  else
    add (checks, "emulator", VTH_CHECK_FAILED,
         g_strdup_printf ("%u of %d running domains have one that cannot take mirror dumps: %s%s", n_without, n, without->str,
                          n_without > 5 ? ", ..." : ""),
         "name the QEMU that vthunder's patches make in the domain's <emulator> and start the domain again");
}

static void
check_libvirt (GPtrArray *checks, virConnectPtr conn)
{
  unsigned long version = 0;
  char *type_uri = conn != NULL ? virConnectGetURI (conn) : NULL;

  if (conn == NULL)
    {
      add (checks, "libvirt", VTH_CHECK_SKIPPED, g_strdup ("not connected"), "connect first: vthunder -c qemu:///system doctor");
      add (checks, "qemu", VTH_CHECK_SKIPPED, g_strdup ("not connected"), NULL);
      add (checks, "emulator", VTH_CHECK_SKIPPED, g_strdup ("not connected"), NULL);
      return;
    }
  virConnectGetLibVersion (conn, &version);
  g_autofree char *libvirt = g_strdup_printf ("libvirt %lu.%lu.%lu at %s", version / 1000000, version / 1000 % 1000, version % 1000,
                                              type_uri != NULL ? type_uri : "unknown");
  free (type_uri);

  g_autofree char *emulator = NULL;
  g_autofree char *supported = vth_mirror_support (conn, NULL, NULL, NULL, NULL, &emulator);
  if (supported == NULL)
    {
      add (checks, "libvirt", VTH_CHECK_WARNING, g_strdup_printf ("%s: cannot tell: %s", libvirt, virGetLastErrorMessage ()),
           "mirror dumps need a qemu connection");
      add (checks, "qemu", VTH_CHECK_SKIPPED, g_strdup ("libvirt cannot tell"), NULL);
      add (checks, "emulator", VTH_CHECK_SKIPPED, g_strdup ("libvirt cannot tell"), NULL);
      return;
    }
  if (*supported == '\0')
    {
      add (checks, "libvirt", VTH_CHECK_FAILED, g_strdup_printf ("%s does not know mirror dumps", libvirt),
           "install the libvirt that vthunder's patches make; until then dumps stop the guest (--allow-pause)");
      add (checks, "qemu", VTH_CHECK_SKIPPED, g_strdup ("libvirt cannot tell"), NULL);
      add (checks, "emulator", VTH_CHECK_SKIPPED, g_strdup ("libvirt cannot tell"), NULL);
      return;
    }
  add (checks, "libvirt", VTH_CHECK_OK, g_strdup (libvirt), NULL);
  bool yes = strcmp (supported, "yes") == 0;
  add (checks, "qemu", yes ? VTH_CHECK_OK : VTH_CHECK_FAILED,
       g_strdup_printf ("%s %s mirror dumps", emulator != NULL ? emulator : "QEMU", yes ? "takes" : "cannot take"),
       yes ? NULL : "install the QEMU that vthunder's patches make, or name it in the domain's <emulator>");
  check_emulators (checks, conn);
}

/* A userfaultfd, by the device or the system call; -1 with errno. */
static int
open_userfaultfd (bool *by_device)
{
  int device = open (DEVICE, O_RDWR | O_CLOEXEC);
  *by_device = device >= 0;
  if (device >= 0)
    {
      int fd = ioctl (device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
      int errsv = errno;
      close (device);
      errno = errsv;
      return fd;
    }
  return (int) syscall (SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
}

static void
check_kernel (GPtrArray *checks, bool local)
{
  bool by_device = false;

  if (!local)
    {
      add (checks, "userfaultfd", VTH_CHECK_SKIPPED, g_strdup ("the host is remote"), "run vthunder doctor there");
      add (checks, "kernel", VTH_CHECK_SKIPPED, g_strdup ("the host is remote"), NULL);
      return;
    }
  int fd = open_userfaultfd (&by_device);
  if (fd < 0)
    {
      int errsv = errno;
      bool absent = access (DEVICE, F_OK) < 0;
      add (checks, "userfaultfd", VTH_CHECK_FAILED,
           g_strdup_printf ("%s, and the system call fails: %s", absent ? DEVICE " does not exist" : "no access to " DEVICE,
                            g_strerror (errsv)),
           absent ? "use a kernel of at least 6.1 with CONFIG_USERFAULTFD"
                  : "a system libvirt opens it as root; for a session give your user access to " DEVICE);
      add (checks, "kernel", VTH_CHECK_SKIPPED, g_strdup ("needs a userfaultfd"), NULL);
      return;
    }
  add (checks, "userfaultfd", VTH_CHECK_OK, g_strdup (by_device ? DEVICE " can be opened" : "by the system call"), NULL);

  struct uffdio_api api = { .api = UFFD_API };
  bool known = ioctl (fd, UFFDIO_API, &api) == 0;
  close (fd);
  const struct {
    uint64_t bit;
    const char *name;
  } wanted[] = { { UFFD_FEATURE_PAGEFAULT_FLAG_WP, "write-protect (5.7)" },
                 { UFFD_FEATURE_WP_HUGETLBFS_SHMEM, "shared and huge pages (5.19)" },
                 { UFFD_FEATURE_WP_UNPOPULATED, "unpopulated pages (6.4)" } };
  g_autoptr (GString) missing = g_string_new (NULL);
  for (unsigned int i = 0; i < G_N_ELEMENTS (wanted); i++)
    if (!known || !(api.features & wanted[i].bit))
      g_string_append_printf (missing, "%s%s", missing->len > 0 ? ", " : "", wanted[i].name);
  bool usable = known && (api.features & UFFD_FEATURE_PAGEFAULT_FLAG_WP);
  add (checks, "kernel", missing->len == 0 ? VTH_CHECK_OK : usable ? VTH_CHECK_WARNING : VTH_CHECK_FAILED,
       missing->len == 0 ? g_strdup ("has all userfaultfd features") : g_strdup_printf ("lacks %s", missing->str),
       missing->len == 0 ? NULL
       : usable          ? "dumps work, but prepare longer or refuse some memory backends; a newer kernel has no such limits"
                         : "use a kernel of at least 6.4");
}

static void
check_vmcoreinfo (GPtrArray *checks, virConnectPtr conn)
{
  virDomainPtr *domains = NULL;
  int n = conn != NULL ? virConnectListAllDomains (conn, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE) : -1;
  g_autoptr (GString) without = g_string_new (NULL);
  unsigned int n_without = 0;

  for (int i = 0; i < n; i++)
    {
      char *xml = virDomainGetXMLDesc (domains[i], 0);
      const char *element = xml != NULL ? strstr (xml, "<vmcoreinfo") : NULL;
      bool on = element != NULL && strncmp (element, "<vmcoreinfo state='off'", 23) != 0;
      if (xml != NULL && !on && n_without++ < 5)
        g_string_append_printf (without, "%s%s", without->len > 0 ? ", " : "", virDomainGetName (domains[i]));
      free (xml);
      virDomainFree (domains[i]);
    }
  free (domains);
  if (n <= 0)
    add (checks, "vmcoreinfo", VTH_CHECK_SKIPPED, g_strdup (n < 0 ? "not connected" : "no domain is running"), NULL);
  else if (n_without == 0)
    add (checks, "vmcoreinfo", VTH_CHECK_OK, g_strdup ("all running domains have it"), NULL);
  else
    add (checks, "vmcoreinfo", VTH_CHECK_WARNING,
         g_strdup_printf ("%u of %d running domains lack it: %s%s", n_without, n, without->str, n_without > 5 ? ", ..." : ""),
         "add <vmcoreinfo state='on'/> to <features> and load qemu_fw_cfg in the guest: tools then find the kernel by themselves");
}

static void
check_output (GPtrArray *checks, virConnectPtr conn, const VthHost *host)
{
  g_autoptr (GError) error = NULL;
  uint64_t available = 0, capacity = 0;

  if (host == NULL)
    {
      add (checks, "reflink", VTH_CHECK_SKIPPED, g_strdup ("no output"), NULL);
      add (checks, "space", VTH_CHECK_SKIPPED, g_strdup ("no output"), NULL);
      return;
    }
  g_autoptr (VthOutput) output = NULL;
  VthOutputKind kind = vth_host_get_output_kind (host);
  if (kind != VTH_OUTPUT_NONE && (kind == VTH_OUTPUT_DIR || conn != NULL))
    output = vth_output_new (conn, kind, vth_host_get_output (host), &error);
  else
    {
      /* As vth_output_resolve (), but without making the directory. */
      g_autofree char *base = vth_host_dir ("XDG_DATA_HOME", g_get_user_data_dir (), "/var/lib/vthunder");
      g_autofree char *dir = g_build_filename (base, "dumps", NULL);
      while (!g_file_test (dir, G_FILE_TEST_IS_DIR))
        {
          char *parent = g_path_get_dirname (dir);
          g_free (dir);
          dir = parent;
        }
      output = vth_output_new (NULL, VTH_OUTPUT_DIR, dir, &error);
    }
  if (output == NULL || !vth_output_check (output, &error) || !vth_output_get_space (output, &available, &capacity, &error))
    {
      add (checks, "reflink", VTH_CHECK_SKIPPED, g_strdup ("the output cannot be used"), NULL);
      add (checks, "space", VTH_CHECK_FAILED, g_strdup (error->message), "set another output: vthunder path-set");
      return;
    }
  struct statfs fs;
  bool dir = vth_output_is_local (output) && statfs (vth_output_get_path (output), &fs) == 0;
  /* XFS can be made without it, which only trying would tell. */
  bool reflink = dir && (fs.f_type == BTRFS_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC);
  add (checks, "reflink", reflink ? VTH_CHECK_OK : VTH_CHECK_SKIPPED,
       reflink ? g_strdup ("the output's file system shares blocks between copies")
               : g_strdup ("the output's file system does not share blocks: copies of dumps take their full size"),
       reflink ? NULL : "optional: put the output on XFS or btrfs");

  uint64_t floor_bytes = vth_host_get_min_free_bytes (host);
  g_autofree char *have = vth_size_to_string (available);
  g_autofree char *least = vth_size_to_string (floor_bytes);
  bool enough = available > floor_bytes;
  add (checks, "space", enough ? VTH_CHECK_OK : VTH_CHECK_FAILED,
       g_strdup_printf ("%s free at '%s', min-free is %s", have, vth_output_get_path (output), least),
       enough ? NULL : "free some space, tighten retention, or lower min-free");
}

static void
check_state (GPtrArray *checks, const VthHost *host)
{
  g_autofree char *dir = host != NULL ? g_strdup (vth_host_get_state_dir (host)) : NULL;
  if (dir == NULL)
    {
      add (checks, "state", VTH_CHECK_SKIPPED, g_strdup ("no settings"), NULL);
      return;
    }
  g_autofree char *named = g_strdup (dir);
  while (access (dir, F_OK) < 0 && strcmp (dir, "/") != 0)
    {
      char *parent = g_path_get_dirname (dir);
      g_free (dir);
      dir = parent;
    }
  bool ok = access (dir, W_OK | X_OK) == 0;
  add (checks, "state", ok ? VTH_CHECK_OK : VTH_CHECK_FAILED,
       ok ? g_strdup_printf ("'%s' can be written", named) : g_strdup_printf ("cannot write to '%s': %s", dir, g_strerror (errno)),
       ok ? NULL : "run as a user who may, or set state-dir");
}

GPtrArray *
vth_doctor_run (virConnectPtr conn, const VthHost *host, GError **error)
{
  GPtrArray *checks = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_check_free);
  check_libvirt (checks, conn);
  check_kernel (checks, vth_conn_is_local (conn));
  check_vmcoreinfo (checks, conn);
  check_output (checks, conn, host);
  check_state (checks, host);
  return checks;
}
