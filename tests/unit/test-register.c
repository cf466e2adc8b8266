/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose a dump is: by this host's register and never by what the file says; and what a domain uses is nobody's to remove. */
#include <config.h>

#include <fcntl.h>
#include <glib/gstdio.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"
#include "vthunder.h"

#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f" /* of test:///default's domain */
#define T0 1774137600
#define SIZE 4096

typedef struct {
  virConnectPtr conn;
  virDomainPtr domain;
  char *dir;
  char *dumps;
  char *state;
  VthHost *host;
  VthConfig *config;
  VthOutput *output;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VthSchedule) schedule = vth_schedule_new ("s", "@daily", &error);
  VthRetention one = { .keep_last = 1 };

  f->conn = virConnectOpen ("test:///default");
  f->domain = virDomainLookupByName (f->conn, "test");
  f->dir = g_dir_make_tmp ("vth-register-XXXXXX", NULL);
  f->dumps = g_build_filename (f->dir, "dumps", NULL);
  f->state = g_build_filename (f->dir, "state", NULL);
  g_assert_cmpint (g_mkdir (f->dumps, 0700) | g_mkdir (f->state, 0700), ==, 0);
  f->host = vth_host_load ("/nonexistent/vthunder.conf", &error);
  vth_host_set_state_dir (f->host, f->state);
  f->config = vth_config_new ();
  vth_schedule_set_retention (schedule, &one);
  vth_config_put_schedule (f->config, schedule);
  g_assert_true (vth_config_set_output (f->config, VTH_OUTPUT_DIR, f->dumps, &error));
  f->output = vth_output_resolve (f->conn, f->config, f->host, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  remove_tree (f->dir);
  g_free (f->dir);
  g_free (f->dumps);
  g_free (f->state);
  vth_host_free (f->host);
  vth_config_free (f->config);
  vth_output_free (f->output);
  virDomainFree (f->domain);
  virConnectClose (f->conn);
}

static char *
path_in (const char *dir, const char *name)
{
  return g_build_filename (dir, name, NULL);
}

/* A dump, by a record beside it, as anybody could write: taken @day days after T0. */
static void
forge (const char *dir, const char *name, unsigned int day)
{
  g_autofree char *path = path_in (dir, name);
  g_autofree char *record = g_strconcat (path, ".vthunder", NULL);
  g_autofree char *shown = g_utf8_make_valid (name, -1);
  g_autofree char *text = g_strdup_printf ("{\"version\":1,\"domain\":\"test\",\"uuid\":\"" UUID "\",\"mode\":\"stop\",\"time-ns\":%"
                                           G_GINT64_FORMAT ",\"caller\":{\"tool\":\"vthunder\",\"file\":\"%s\",\"schedule\":\"s\"}}",
                                           (T0 + day * INT64_C (86400)) * 1000000000, shown);
  char content[SIZE] = "PAGEDU64";
  /* in place, as a guest writes to its disk */
  int fd = open (path, O_WRONLY | O_CREAT, 0600);
  g_assert_cmpint (pwrite (fd, content, sizeof content, 0), ==, sizeof content);
  close (fd);
  g_assert_true (g_file_set_contents (record, text, -1, NULL));
}

/* One that is in the register. */
static void
own (Fixture *f, const char *name, unsigned int day)
{
  g_autoptr (GError) error = NULL;
  forge (f->dumps, name, day);
  g_assert_true (vth_dump_adopt (f->output, name, &error));
  g_assert_no_error (error);
}

/* The names of dumps: "a b"; of foreign ones "c?", and if there was one of ours "d!". */
static char *
names_of (Fixture *f, VthOutput *output, bool all)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) dumps = all ? vth_dump_list_all (output, f->domain, &error) : vth_dump_list (output, f->domain, &error);
  GString *names = g_string_new (NULL);
  g_assert_no_error (error);
  for (unsigned int i = 0; i < dumps->len; i++)
    {
      const VthDump *dump = dumps->pdata[i];
      g_string_append_printf (names, "%s%s%s", i > 0 ? " " : "", dump->name, dump->own ? "" : dump->changed ? "!" : "?");
    }
  return g_string_free (names, FALSE);
}

#define assert_names(f, all, expected) \
  G_STMT_START { g_autofree char *names_ = names_of (f, (f)->output, all); g_assert_cmpstr (names_, ==, expected); } G_STMT_END

/* What pruning removes: "a b". */
static char *
prune (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) plan = vth_prune_plan (f->output, f->domain, f->config, NULL, NULL, &error);
  GString *names = g_string_new (NULL);
  g_assert_no_error (error);
  vth_prune_execute (f->output, plan);
  for (unsigned int i = 0; i < plan->len; i++)
    {
      const VthPruneItem *item = plan->pdata[i];
      if (item->removed)
        g_string_append_printf (names, "%s%s", names->len > 0 ? " " : "", item->dump->name);
      else if (item->error != NULL)
        g_string_append_printf (names, "%s%s!", names->len > 0 ? " " : "", item->dump->name);
    }
  return g_string_free (names, FALSE);
}

#define assert_pruned(f, expected) \
  G_STMT_START { g_autofree char *names_ = prune (f); g_assert_cmpstr (names_, ==, expected); } G_STMT_END

static bool
is_there (Fixture *f, const char *name)
{
  g_autofree char *path = path_in (f->dumps, name);
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* --- whose --- */

/* A file's own words make nothing ours: newest or oldest, it stays, and so do the others as if it was not there. */
static void
test_words (Fixture *f, gconstpointer data)
{
  own (f, "a", 10);
  forge (f->dumps, "now", 300);
  forge (f->dumps, "old", 0);
  assert_names (f, false, "a");
  assert_names (f, true, "old? a now?");
  assert_pruned (f, "");
  own (f, "b", 11);
  assert_pruned (f, "a");
  assert_names (f, true, "old? b now?");
  g_assert_true (is_there (f, "old") && is_there (f, "old.vthunder") && is_there (f, "now"));
  g_assert_false (is_there (f, "a.vthunder"));
  g_autoptr (VthDump) found = vth_dump_inspect_in (f->output, "now", NULL);
  g_assert_true (found->names_itself && !found->own);
  g_autoptr (VthDump) ours = vth_dump_inspect_in (f->output, "b", NULL);
  g_assert_true (ours->own);
}

/* What was changed, replaced, copied or moved is not the file that was registered. */
static void
test_identity (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  const char *const names[] = { "touched", "grown", "replaced", "kept" };
  for (unsigned int i = 0; i < G_N_ELEMENTS (names); i++)
    own (f, names[i], i);
  assert_names (f, false, "touched grown replaced kept");
  g_autofree char *touched = path_in (f->dumps, "touched");
  g_autofree char *grown = path_in (f->dumps, "grown");
  g_autofree char *replaced = path_in (f->dumps, "replaced");
  g_autofree char *kept = path_in (f->dumps, "kept");
  g_autofree char *copy = path_in (f->dumps, "copy");
  g_autofree char *text = NULL;
  gsize length;
  struct stat st;

  g_assert_cmpint (stat (touched, &st), ==, 0);
  const struct timespec later[2] = { st.st_atim, { st.st_mtim.tv_sec, (st.st_mtim.tv_nsec + 1) % 1000000000 } };
  g_assert_cmpint (utimensat (AT_FDCWD, touched, later, 0), ==, 0);
  g_assert_cmpint (stat (grown, &st), ==, 0);
  const struct timespec same[2] = { st.st_atim, st.st_mtim };
  g_assert_cmpint (truncate (grown, 2 * SIZE), ==, 0);
  g_assert_cmpint (utimensat (AT_FDCWD, grown, same, 0), ==, 0);
  /* the same content and times, in another file under the name */
  g_assert_cmpint (stat (replaced, &st), ==, 0);
  const struct timespec as_before[2] = { st.st_atim, st.st_mtim };
  g_assert_true (g_file_get_contents (replaced, &text, &length, NULL));
  g_assert_true (g_file_set_contents (copy, text, (gssize) length, NULL));
  g_assert_cmpint (utimensat (AT_FDCWD, copy, as_before, 0), ==, 0);
  g_assert_cmpint (g_rename (copy, replaced), ==, 0);
  assert_names (f, true, "touched! grown! replaced! kept");

  /* moved, with its record, to another directory, and back */
  g_autofree char *elsewhere = path_in (f->dir, "elsewhere");
  g_autofree char *moved = path_in (elsewhere, "kept");
  g_autofree char *record = path_in (f->dumps, "kept.vthunder");
  g_autofree char *moved_record = path_in (elsewhere, "kept.vthunder");
  g_assert_cmpint (g_mkdir (elsewhere, 0700), ==, 0);
  g_assert_cmpint (g_rename (kept, moved) | g_rename (record, moved_record), ==, 0);
  g_assert_true (vth_config_set_output (f->config, VTH_OUTPUT_DIR, elsewhere, &error));
  g_autoptr (VthOutput) other = vth_output_resolve (f->conn, f->config, f->host, &error);
  g_autofree char *there = names_of (f, other, true);
  g_assert_cmpstr (there, ==, "kept?");
  g_assert_cmpint (g_rename (moved, kept) | g_rename (moved_record, record), ==, 0);
  assert_names (f, false, "kept");

  /* the same place by another path: a link, slashes */
  g_autofree char *link_path = path_in (f->dir, "link");
  g_autofree char *slashes = g_strconcat (f->dir, "//./dumps//", NULL);
  g_assert_cmpint (symlink (f->dumps, link_path), ==, 0);
  const char *const ways[] = { link_path, slashes };
  for (unsigned int i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_assert_true (vth_config_set_output (f->config, VTH_OUTPUT_DIR, ways[i], &error));
      g_autoptr (VthOutput) way = vth_output_resolve (f->conn, f->config, f->host, &error);
      g_assert_true (vth_output_is_same (way, f->output));
      g_assert_false (vth_output_is_same (way, other));
      g_autofree char *by_it = names_of (f, way, false);
      g_assert_cmpstr (by_it, ==, "kept");
      if (ways[i] == slashes)
        g_assert_cmpstr (vth_output_get_path (way), ==, f->dumps);
    }
}

/* Another host's, by another state directory. */
static void
test_other_host (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *state = path_in (f->dir, "other-state");
  own (f, "a", 0);
  vth_host_set_state_dir (f->host, state);
  g_autoptr (VthOutput) there = vth_output_resolve (f->conn, f->config, f->host, &error);
  g_autofree char *names = names_of (f, there, true);
  g_assert_cmpstr (names, ==, "a?");
  g_assert_true (vth_dump_adopt (there, "a", &error));
  g_autofree char *now = names_of (f, there, true);
  g_assert_cmpstr (now, ==, "a");
}

static void
test_adopt_refused (Fixture *f, gconstpointer data)
{
  static const struct {
    const char *name;
    int code;
  } cases[] = { { "a.vthunder", VTH_ERROR_USAGE }, { "none", VTH_ERROR_NOT_FOUND }, { "text", VTH_ERROR_FORMAT },
                { "renamed", VTH_ERROR_FORMAT },   { "link", VTH_ERROR_FORMAT },    { "others", VTH_ERROR_UNSAFE } };
  g_autofree char *text = path_in (f->dumps, "text");
  g_autofree char *a = path_in (f->dumps, "a");
  g_autofree char *renamed = path_in (f->dumps, "renamed");
  g_autofree char *a_record = path_in (f->dumps, "a.vthunder");
  g_autofree char *renamed_record = path_in (f->dumps, "renamed.vthunder");
  g_autofree char *link_path = path_in (f->dumps, "link");
  g_autofree char *others = path_in (f->dumps, "others");
  forge (f->dumps, "a", 0);
  g_assert_cmpint (g_rename (a, renamed) | g_rename (a_record, renamed_record), ==, 0);
  forge (f->dumps, "a", 0);
  forge (f->dumps, "others", 0);
  g_assert_true (g_file_set_contents (text, "text", -1, NULL));
  g_assert_cmpint (symlink ("a", link_path), ==, 0);
  bool root = geteuid () == 0;
  if (root)
    g_assert_cmpint (chown (others, 12345, 12345), ==, 0);
  for (unsigned int i = 0; i < G_N_ELEMENTS (cases) - !root; i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_false (vth_dump_adopt (f->output, cases[i].name, &error));
      if (!g_error_matches (error, VTH_ERROR, cases[i].code))
        g_error ("%s: code %d: %s", cases[i].name, error->code, error->message);
    }
  assert_names (f, false, "");
}

/* --- what is remembered --- */

static char *
register_path (Fixture *f)
{
  return g_build_filename (f->state, "register", UUID ".json", NULL);
}

static void
write_state (Fixture *f, int64_t time_s, uint64_t size_bytes, const char *last_path)
{
  g_autofree char *state = path_in (f->state, UUID ".json");
  g_autofree char *text = g_strdup_printf ("{\"version\":1,\"last-dump\":%" G_GINT64_FORMAT ",\"last-size\":%" G_GUINT64_FORMAT
                                           ",\"last-path\":\"%s\"}", time_s, size_bytes, last_path);
  g_assert_true (g_file_set_contents (state, text, -1, NULL));
}

/* A host that upgrades has no register: what its state has written down is its own, once; the rest is foreign. */
static void
test_upgrade (Fixture *f, gconstpointer data)
{
  g_autofree char *a = path_in (f->dumps, "a"), *b = path_in (f->dumps, "b");
  forge (f->dumps, "a", 0);
  forge (f->dumps, "b", 1);
  write_state (f, T0 + 86400, SIZE, b);
  assert_names (f, true, "a? b");
  /* later another is the last: the register counts, not the state */
  write_state (f, T0, SIZE, a);
  assert_names (f, true, "a? b");
}

static void
test_upgrade_unproved (Fixture *f, gconstpointer data)
{
  g_autofree char *a = path_in (f->dumps, "a"), *none = path_in (f->dumps, "none");
  forge (f->dumps, "a", 0);
  write_state (f, T0 + 1, SIZE, a);
  assert_names (f, true, "a?");
  write_state (f, T0, SIZE + 1, a);
  assert_names (f, true, "a?");
  write_state (f, T0, SIZE, none);
  assert_names (f, true, "a?");
  write_state (f, T0, SIZE, a);
  assert_names (f, true, "a");
}

/* A vthunder that was killed between the dump and its entry has said before that it would write it. */
static void
test_begun (Fixture *f, gconstpointer data)
{
  g_autofree char *path = register_path (f), *dir = g_path_get_dirname (path);
  g_autofree char *real = realpath (f->dumps, NULL);
  forge (f->dumps, "a", 0);
  forge (f->dumps, "b", 1);
  forge (f->dumps, "c", 2);
  g_autofree char *text = g_strdup_printf ("{\"version\":1,\"files\":[{\"path\":\"%s/a\",\"schedule\":\"s\",\"begun\":%" G_GINT64_FORMAT
                                           "},{\"path\":\"%s/b\",\"schedule\":\"s\",\"begun\":%" G_GINT64_FORMAT "}]}",
                                           real, g_get_real_time () / G_USEC_PER_SEC, real,
                                           g_get_real_time () / G_USEC_PER_SEC + 3600);
  g_assert_cmpint (g_mkdir (dir, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  /* b was there before it was begun, and of c nobody knows */
  assert_names (f, true, "a b? c?");
}

/* On an NFS server whose clock is behind what is beside a dump is ours too, and goes with it. */
static void
test_skew (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = register_path (f), *dir = g_path_get_dirname (path);
  g_autofree char *real = realpath (f->dumps, NULL);
  forge (f->dumps, "a", 0);
  g_autofree char *text = g_strdup_printf ("{\"version\":1,\"files\":[{\"path\":\"%s/a\",\"schedule\":\"s\",\"begun\":%" G_GINT64_FORMAT
                                           "}]}", real, g_get_real_time () / G_USEC_PER_SEC + 100);
  g_assert_cmpint (g_mkdir (dir, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_true (vth_dump_adopt (f->output, "a", &error));
  own (f, "b", 1);
  assert_pruned (f, "a");
  g_assert_false (is_there (f, "a.vthunder"));
}

/* What doctor says of the state directory */
static VthCheckStatus
state_check (Fixture *f)
{
  g_autoptr (GPtrArray) checks = vth_doctor_run (f->conn, f->host, NULL);

  for (unsigned int i = 0; i < checks->len; i++)
    {
      const VthCheck *check = checks->pdata[i];
      if (strcmp (check->name, "state") == 0)
        return check->status;
    }
  g_assert_not_reached ();
}

static void
test_broken (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = register_path (f);
  static const char *const wrong[] = { "nonsense", "", "[]", "{\"version\":99}" };
  own (f, "a", 0);
  for (unsigned int i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_assert_true (g_file_set_contents (path, wrong[i], -1, NULL));
      g_assert_cmpint (state_check (f), ==, VTH_CHECK_FAILED);
      g_autoptr (GPtrArray) dumps = vth_dump_list (f->output, f->domain, &error);
      g_assert_null (dumps);
      g_assert_error (error, VTH_ERROR, VTH_ERROR_CONFIG);
      g_assert_nonnull (strstr (error->message, path));
      g_clear_error (&error);
    }
  /* of a newer version that adds to it, and entries that are none */
  g_assert_true (g_file_set_contents (path, "{\"version\":1,\"more\":1,\"files\":[1,{},{\"path\":\"relative\"},{\"path\":7}]}", -1, NULL));
  assert_names (f, true, "a?");
  g_assert_cmpint (state_check (f), ==, VTH_CHECK_OK);
}

/* Names are bytes. */
static void
test_bytes (Fixture *f, gconstpointer data)
{
  static const char name[] = "caf\xe9 %41.core";
  g_autoptr (GError) error = NULL;
  g_autofree char *dir = g_strconcat (f->dir, "/d\xff", NULL);
  g_autofree char *path = path_in (dir, "x"), *text = NULL, *file = register_path (f);
  /* the name of the file itself has to be text, for the note is: the directory need not */
  g_assert_cmpint (g_mkdir (dir, 0700), ==, 0);
  g_autofree char *link_path = path_in (f->dir, "link");
  g_assert_cmpint (symlink (dir, link_path), ==, 0);
  g_assert_true (vth_config_set_output (f->config, VTH_OUTPUT_DIR, link_path, &error));
  g_autoptr (VthOutput) there = vth_output_resolve (f->conn, f->config, f->host, &error);
  forge (dir, "x", 0);
  g_assert_true (vth_dump_adopt (there, "x", &error));
  g_autofree char *names = names_of (f, there, false);
  g_assert_cmpstr (names, ==, "x");
  g_assert_true (g_file_get_contents (file, &text, NULL, NULL));
  g_assert_true (g_utf8_validate (text, -1, NULL));
  g_assert_nonnull (strstr (text, "/d%FF/x"));
  forge (f->dumps, name, 0);
  g_assert_false (vth_dump_adopt (f->output, name, &error));
}

/* --- what domains use --- */

static virDomainPtr
define (Fixture *f, const char *devices)
{
  g_autofree char *xml = g_strdup_printf ("<domain type='test'><name>user</name><memory>1024</memory><os><type>hvm</type></os>"
                                          "<devices>%s</devices></domain>", devices);
  virDomainPtr domain = virDomainDefineXML (f->conn, xml);
  g_assert_nonnull (domain);
  return domain;
}

/* What is known of the domains' files is kept for a minute. */
static void
resolve_again (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  VthOutput *output = vth_output_resolve (f->conn, f->config, f->host, &error);

  g_assert_no_error (error);
  vth_output_free (f->output);
  f->output = output;
}

static void
undefine (virDomainPtr domain)
{
  g_assert_cmpint (virDomainUndefine (domain), ==, 0);
  virDomainFree (domain);
}

/* A qcow2 header, and no more: all that is read of one. */
static void
write_qcow2 (const char *path, const char *backing)
{
  char image[512] = "QFI\xfb";

  image[7] = 3;                        /* version */
  image[14] = 1;                       /* offset of the name: 256 */
  image[19] = (char) strlen (backing); /* its length */
  g_assert_cmpuint (strlen (backing), <, 127);
  memcpy (image + 256, backing, strlen (backing));
  g_assert_true (g_file_set_contents (path, image, sizeof image, NULL));
}

static void
test_used (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *link_path = path_in (f->dir, "disk");
  g_autofree char *a = path_in (f->dumps, "a");
  g_autofree char *disk = g_strdup_printf ("<disk type='file'><source file='%s'/><target dev='sda'/></disk>", a);
  g_autofree char *by_link = g_strdup_printf ("<disk type='file'><source file='%s'/><target dev='sda'/></disk>", link_path);
  g_autofree char *log = g_strdup_printf ("<serial type='pty'><log file='%s' append='on'/></serial>", a);
  g_autofree char *chain = g_strdup_printf ("<disk type='file'><driver type='qcow2'/><source file='/nonexistent'/>"
                                            "<backingStore type='file'><format type='raw'/><source file='%s'/></backingStore>"
                                            "<target dev='sda'/></disk>", a);
  /* of a domain that is off libvirt names the top of a chain only; through two images, the first name relative */
  g_autofree char *top_path = path_in (f->dir, "top.qcow2");
  g_autofree char *middle_path = path_in (f->dir, "middle.qcow2");
  g_autofree char *top = g_strdup_printf ("<disk type='file'><driver name='qemu' type='qcow2'/><source file='%s'/>"
                                          "<target dev='sda'/></disk>", top_path);
  const char *const devices[] = { disk, by_link, log, chain, top };
  write_qcow2 (top_path, "middle.qcow2");
  write_qcow2 (middle_path, a);
  g_assert_cmpint (symlink (a, link_path), ==, 0);
  for (unsigned int i = 0; i < G_N_ELEMENTS (devices); i++)
    {
      own (f, "a", 0);
      own (f, "b", 1);
      virDomainPtr domain = define (f, devices[i]);
      resolve_again (f);
      assert_pruned (f, "a!");
      g_assert_true (is_there (f, "a") && is_there (f, "a.vthunder"));
      g_assert_false (vth_dump_adopt (f->output, "a", &error));
      g_assert_error (error, VTH_ERROR, VTH_ERROR_LOCKED);
      g_assert_nonnull (strstr (error->message, "file of domain 'user'"));
      g_clear_error (&error);
      /* nor is it replaced: this is refused before libvirt is asked for anything */
      VthDumpRequest request = { .mode = VTH_MODE_STOP, .path = a, .config = f->config, .host = f->host };
      g_autoptr (VthDump) dump = vth_dump_take (f->domain, &request, NULL, NULL, NULL, &error);
      g_assert_null (dump);
      g_assert_error (error, VTH_ERROR, VTH_ERROR_LOCKED);
      g_clear_error (&error);
      /* nor through a link, which a libvirt that writes there itself would follow */
      g_autofree char *way = path_in (f->dumps, "way");
      g_assert_cmpint (symlink (a, way), ==, 0);
      request.path = way;
      g_autoptr (VthDump) by_way = vth_dump_take (f->domain, &request, NULL, NULL, NULL, &error);
      g_assert_null (by_way);
      g_assert_error (error, VTH_ERROR, VTH_ERROR_LOCKED);
      g_clear_error (&error);
      g_unlink (way);
      undefine (domain);
      resolve_again (f);
      assert_pruned (f, "a");
    }
  /* what a guest has written onto a raw disk of its own keeps no dump */
  g_autofree char *raw = g_strdup_printf ("<disk type='file'><driver name='qemu' type='raw'/><source file='%s'/>"
                                          "<target dev='sda'/></disk>", top_path);
  own (f, "a", 0);
  own (f, "b", 1);
  virDomainPtr forger = define (f, raw);
  resolve_again (f);
  assert_pruned (f, "a");
  undefine (forger);
  /* in an option of QEMU a comma is written twice */
  g_autofree char *option = g_strdup_printf ("<serial type='pty'><log file='id=x,path=%s/c,,d,append=on'/></serial>", f->dumps);
  own (f, "c,d", 0);
  own (f, "b", 1);
  virDomainPtr by_option = define (f, option);
  resolve_again (f);
  assert_pruned (f, "c,d!");
  undefine (by_option);
  g_autofree char *commas = path_in (f->dumps, "c,d");
  g_unlink (commas);
  resolve_again (f);
  /* a foreign one is not even read */
  forge (f->dumps, "a", 0);
  assert_names (f, true, "a? b");
  virDomainPtr domain = define (f, disk);
  g_autoptr (VthOutput) now = vth_output_resolve (f->conn, f->config, f->host, &error);
  g_autofree char *names = names_of (f, now, true);
  g_assert_cmpstr (names, ==, "b");
  undefine (domain);
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
#define ADD(name, function) g_test_add ("/register/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("words", test_words);
  ADD ("identity", test_identity);
  ADD ("other-host", test_other_host);
  ADD ("adopt-refused", test_adopt_refused);
  ADD ("upgrade", test_upgrade);
  ADD ("upgrade-unproved", test_upgrade_unproved);
  ADD ("begun", test_begun);
  ADD ("skew", test_skew);
  ADD ("broken", test_broken);
  ADD ("bytes", test_bytes);
  ADD ("used", test_used);
  return g_test_run ();
}
