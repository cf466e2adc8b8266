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
      g_autofree char *off = vth_xml_string (xml, "string(not(/domain/features/vmcoreinfo[not(@state='off')]))");
      if (xml != NULL && g_strcmp0 (off, "false") != 0 && n_without++ < 5)
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

/* The settings in one of the definitions, but not since when: both are written at once, and perhaps in two seconds. */
static char *
settings_of (virDomainPtr domain, VthImpact impact)
{
  g_autoptr (VthConfig) config = vth_config_load (domain, impact, NULL);

  for (unsigned int i = 0; config != NULL && i < vth_config_get_n_schedules (config); i++)
    {
      g_autoptr (VthSchedule) schedule = vth_schedule_copy (vth_config_get_schedule (config, i));
      vth_schedule_set_since (schedule, 0);
      vth_config_put_schedule (config, schedule);
    }
  return config != NULL ? vth_config_to_xml (config, NULL) : NULL;
}

/* A domain that was defined anew without them, or started from a saved state with those of then. */
static void
check_definitions (GPtrArray *checks, virConnectPtr conn)
{
  virDomainPtr *domains = NULL;
  int n = conn != NULL ? virConnectListAllDomains (conn, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE
                                                                       | VIR_CONNECT_LIST_DOMAINS_PERSISTENT)
                       : -1;
  g_autoptr (GString) differ = g_string_new (NULL);

  for (int i = 0; i < n; i++)
    {
      g_autofree char *live = settings_of (domains[i], VTH_IMPACT_LIVE);
      g_autofree char *persistent = settings_of (domains[i], VTH_IMPACT_CONFIG);
      /* One that cannot be read is told elsewhere, or is gone. */
      if (live != NULL && persistent != NULL && strcmp (live, persistent) != 0)
        g_string_append_printf (differ, "%s%s", differ->len > 0 ? ", " : "", virDomainGetName (domains[i]));
      virDomainFree (domains[i]);
    }
  free (domains);
  if (n < 0)
    add (checks, "definitions", VTH_CHECK_SKIPPED, g_strdup ("not connected"), NULL);
  else if (differ->len > 0)
    add (checks, "definitions", VTH_CHECK_WARNING,
         g_strdup_printf ("these run with other schedules or settings than they will when started anew: %s", differ->str),
         "those of the running domain count (schedule-list, path-show); set what is to stay again, without --live or --config");
  else
    add (checks, "definitions", VTH_CHECK_OK, g_strdup ("running domains have the settings of their persistent definition"), NULL);
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

/* Where a domain's dumps go may be another place than the host's, which nobody looks at until a dump is due. */
static void
check_outputs (GPtrArray *checks, virConnectPtr conn, const VthHost *host)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) domains
      = conn != NULL && host != NULL
            ? vth_domain_list (conn, VTH_DOMAIN_LIST_ACTIVE | VTH_DOMAIN_LIST_INACTIVE, host, &error)
            : NULL;
  g_autoptr (GString) wrong = g_string_new (NULL);
  unsigned int n = 0, n_wrong = 0;

  for (unsigned int i = 0; domains != NULL && i < domains->len; i++)
    {
      const VthDomain *domain = domains->pdata[i];
      g_autoptr (GError) reason = NULL;
      /* That of the host has a check of its own. */
      if (domain->config == NULL || vth_config_get_output_kind (domain->config) == VTH_OUTPUT_NONE)
        continue;
      n++;
      g_autoptr (VthOutput) output = vth_output_resolve (conn, domain->config, host, &reason);
      if ((output == NULL || !vth_output_check (output, &reason)) && n_wrong++ < 5)
        g_string_append_printf (wrong, "%s%s: %s", wrong->len > 0 ? "; " : "", domain->name, reason->message);
    }
  if (domains == NULL)
    add (checks, "outputs", VTH_CHECK_SKIPPED, g_strdup (error != NULL ? error->message : "not connected"), NULL);
  else if (n_wrong > 0)
    add (checks, "outputs", VTH_CHECK_FAILED,
         g_strdup_printf ("%u of %u domains with an output of their own cannot use it: %s%s", n_wrong, n, wrong->str,
                          n_wrong > 5 ? "; ..." : ""),
         "no dump of them is taken until it is there: see vthunder path-list");
  else
    add (checks, "outputs", VTH_CHECK_OK,
         n > 0 ? g_strdup_printf ("%u domains have outputs of their own, all usable", n)
               : g_strdup ("no domain has an output of its own"),
         NULL);
}

static void
append_name (GString *list, const char *dir, const char *name)
{
  g_string_append_printf (list, "%s'%s/%s'", list->len > 0 ? ", " : "", dir, name);
}

/* What the batch remembers of each domain: it would be found out by a dump that does not come, or is a full one. */
static void
check_memory (GPtrArray *checks, const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  g_autoptr (GString) broken = g_string_new (NULL), ahead = g_string_new (NULL), unread = g_string_new (NULL);
  const int64_t now_s = g_get_real_time () / G_USEC_PER_SEC;
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autoptr (GError) reason = NULL;
      if (g_str_has_suffix (name, VTH_STATE_BROKEN_SUFFIX))
        append_name (broken, path, name);
      if (!g_str_has_suffix (name, VTH_STATE_SUFFIX))
        continue;
      g_autofree char *uuid = g_strndup (name, strlen (name) - strlen (VTH_STATE_SUFFIX));
      g_autoptr (VthState) state = vth_state_load (path, uuid, &reason);
      if (state != NULL && vth_state_is_ahead (state, now_s))
        append_name (ahead, path, name);
      else if (g_error_matches (reason, VTH_ERROR, VTH_ERROR_FORMAT))
        append_name (broken, path, name);
      else if (reason != NULL)
        g_string_append_printf (unread, "%s%s", unread->len > 0 ? ", " : "", reason->message);
    }
  g_autoptr (GError) no_register = NULL;
  if (!vth_register_check (path, &no_register))
    add (checks, "state", VTH_CHECK_FAILED, g_strdup (no_register->message), "until then no dump of that domain is taken or pruned");
  else if (unread->len > 0)
    add (checks, "state", VTH_CHECK_FAILED, g_strdup (unread->str), "use the vthunder that wrote it, or move it away to start anew");
  else if (broken->len > 0)
    add (checks, "state", VTH_CHECK_WARNING, g_strdup_printf ("broken: %s", broken->str),
         "the next batch puts a broken file away and begins anew; find out what broke it, then remove what ends in .broken");
  else if (ahead->len > 0)
    add (checks, "state", VTH_CHECK_WARNING, g_strdup_printf ("of a time that is yet to come: %s", ahead->str),
         "the clock was set back, or is wrong now; if it is right, the next batch goes by it");
  else
    add (checks, "state", VTH_CHECK_OK, g_strdup_printf ("'%s' can be written", path), NULL);
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
  while (access (dir, F_OK) < 0 && strcmp (dir, "/") != 0)
    {
      char *parent = g_path_get_dirname (dir);
      g_free (dir);
      dir = parent;
    }
  if (access (dir, W_OK | X_OK) == 0)
    check_memory (checks, vth_host_get_state_dir (host));
  else
    add (checks, "state", VTH_CHECK_FAILED, g_strdup_printf ("cannot write to '%s': %s", dir, g_strerror (errno)),
         "run as a user who may, or set state-dir");
}

static void
check_settings (GPtrArray *checks, const VthHost *host)
{
  if (host == NULL)
    add (checks, "settings", VTH_CHECK_SKIPPED, g_strdup ("no settings"), NULL);
  else if (vth_host_get_unknown (host) != NULL)
    add (checks, "settings", VTH_CHECK_WARNING,
         g_strdup_printf ("'%s' has what means nothing here: %s", vth_host_get_path (host), vth_host_get_unknown (host)),
         "see SETTINGS in vthunder-batch(8) for the names");
  else
    add (checks, "settings", VTH_CHECK_OK, g_strdup_printf ("nothing unknown in '%s'", vth_host_get_path (host)), NULL);
}

GPtrArray *
vth_doctor_run (virConnectPtr conn, const VthHost *host, GError **error)
{
  GPtrArray *checks = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_check_free);
  check_libvirt (checks, conn);
  check_kernel (checks, vth_conn_is_local (conn));
  check_vmcoreinfo (checks, conn);
  check_definitions (checks, conn);
  check_output (checks, conn, host);
  check_outputs (checks, conn, host);
  check_state (checks, host);
  check_settings (checks, host);
  return checks;
}
