/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dumps: taking, listing, inspecting, verifying, pruning.
 *
 * The test driver has domains but no memory: this program stands in for the
 * libvirt calls that take a dump, and writes what an engine would.
 */
#include <config.h>

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <libvirt/virterror.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "vthunder.h"

#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f" /* of test:///default's domain */
#define NOTE_BYTES 8192

/* --- stand-ins: found before libvirt's own --- */

static struct {
  bool stock;        /* refuses the mirror flag, and does not know what it is */
  bool refuses;      /* this domain with the mirror flag */
  const char *features; /* of the domain capabilities, NULL: ours; "": it takes the bit of our flag all the same */
  bool fails;
  bool slow;         /* until aborted */
  int aborted;
  int told;          /* that it cannot be cancelled: lets a slow dump that stops the guest end */
  unsigned int calls;
  unsigned int flags;
  char to[512];      /* what it was last asked to write */
  ino_t synced[64];  /* the last ones */
  unsigned int n_synced;
  bool completed_job; /* dumps during which the guest runs on leave one */
  bool left;         /* one is there, until it is read */
  void (*at_end) (void *data); /* of a dump */
  void *at_end_data;
  int running;       /* dumps that libvirt has in hand */
  bool busy;         /* a dump of somebody else's is running */
  /* virDomainCoreDumpParams: */
  bool no_params;    /* a daemon that lacks it */
  bool loses;        /* the base is not what QEMU knows */
  bool overlay;
  unsigned int generation;
  guint64 t0_s;      /* of the next tracked dump; 0: always the same second */
  char base[256];    /* what it was last asked to build on; empty: nothing */
  char built_on[16]; /* the generation that the last dump builds on; empty: full */
  unsigned int tuned; /* calls for a dump that is not tracked */
  char strategy[16]; /* what it was last asked for; empty, 0: nothing */
  char format[16];
  unsigned long long limit, bandwidth;
  unsigned int threads;
} fake;

static void
put_note (GByteArray *out, const char *name, uint32_t type, const void *desc, uint32_t length)
{
  const guint32 head[3] = { (guint32) strlen (name) + 1, length, type };
  static const guint8 zero[4];
  g_byte_array_append (out, (const guint8 *) head, sizeof head);
  g_byte_array_append (out, (const guint8 *) name, head[0]);
  g_byte_array_append (out, zero, -head[0] & 3);
  g_byte_array_append (out, desc, length);
  g_byte_array_append (out, zero, -length & 3);
}

/* A small ELF core; @json NULL: without our note. */
static void
write_core (const char *path, const char *json, int64_t cut)
{
  g_autoptr (GByteArray) notes = g_byte_array_new ();
  g_autoptr (GByteArray) file = g_byte_array_new ();
  const guint8 status[336] = { 0 };
  g_autofree char *text = g_malloc0 (NOTE_BYTES);
  put_note (notes, "CORE", NT_PRSTATUS, status, sizeof status);
  put_note (notes, "CORE", NT_PRSTATUS, status, sizeof status);
  put_note (notes, "VMCOREINFO", 0, "OSRELEASE=6.12.0\nX=1\n", 21);
  if (json != NULL)
    {
      g_strlcpy (text, json, NOTE_BYTES);
      put_note (notes, "VTHUNDER", 0x56544844, text, NOTE_BYTES);
    }
  Elf64_Ehdr head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_CORE,
                      .e_machine = EM_X86_64, .e_version = 1, .e_phoff = sizeof head, .e_ehsize = sizeof head,
                      .e_phentsize = sizeof (Elf64_Phdr), .e_phnum = 2 };
  Elf64_Phdr segments[2] = { { .p_type = PT_NOTE, .p_offset = sizeof head + sizeof segments, .p_filesz = notes->len },
                             { .p_type = PT_LOAD, .p_offset = 16384, .p_filesz = 8192, .p_memsz = 8192 } };
  g_byte_array_append (file, (const guint8 *) &head, sizeof head);
  g_byte_array_append (file, (const guint8 *) segments, sizeof segments);
  g_byte_array_append (file, notes->data, notes->len);
  guint used = file->len;
  g_byte_array_set_size (file, 16384 + 8192);
  memset (file->data + used, 0, file->len - used);
  memset (file->data + 16384, 0x5a, 8192);
  int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  gsize length = cut > 0 ? (gsize) cut : file->len;
  g_assert_cmpint (write (fd, file->data, length), ==, (gssize) length);
  close (fd);
}

int
fsync (int fd)
{
  struct stat st;
  if (fstat (fd, &st) == 0)
    fake.synced[fake.n_synced++ % G_N_ELEMENTS (fake.synced)] = st.st_ino;
  return (int) syscall (SYS_fsync, fd);
}

static bool
was_synced (const char *path)
{
  struct stat st;
  g_assert_cmpint (lstat (path, &st), ==, 0);
  for (unsigned int i = 0; i < MIN (fake.n_synced, G_N_ELEMENTS (fake.synced)); i++)
    if (fake.synced[i] == st.st_ino)
      return true;
  return false;
}

static void
raise_error (virDomainPtr domain, unsigned int flags)
{
  /* Any call with a flag nobody knows leaves VIR_ERR_INVALID_ARG, as a stock libvirt does. */
  virDomainInfo info;
  if (flags != 0)
    virConnectListAllDomains (virDomainGetConnect (domain), NULL, 1u << 31);
  else
    virDomainGetInfo (NULL, &info);
}

static int
dump_with_format (virDomainPtr domain, const char *to, unsigned int flags)
{
  fake.calls++;
  fake.flags = flags;
  g_strlcpy (fake.to, to, sizeof fake.to);
  if ((fake.stock || fake.refuses) && (flags & (1 << 30)))
    {
      raise_error (domain, flags);
      return -1;
    }
  for (unsigned int i = 0; fake.slow && g_atomic_int_get (&fake.aborted) == 0 && g_atomic_int_get (&fake.told) == 0 && i < 1000; i++)
    g_usleep (10000);
  if ((fake.slow && (flags & (1 << 30))) || fake.fails)
    {
      raise_error (domain, 0);
      return -1;
    }
  const bool mirror = flags & (1 << 30);
  fake.left = fake.left || (mirror && fake.completed_job);
  write_core (to, mirror ? "{\"version\":1,\"domain\":\"test\",\"uuid\":\"" UUID "\",\"mode\":\"mirror\",\"format\":\"elf\","
                           "\"caller\":{\"mine\":1},\"mirror\":{\"t0-ns\":1774137600500000000,\"pause-ns\":250000,"
                           "\"protect-calls\":3,\"t0-tries\":2,\"stall-max-ns\":90000,\"stall-histogram\":[1,2]}}"
                         : NULL, 0);
  if (fake.at_end != NULL)
    fake.at_end (fake.at_end_data);
  return 0;
}

int
virDomainCoreDumpWithFormat (virDomainPtr domain, const char *to, unsigned int format, unsigned int flags)
{
  g_atomic_int_inc (&fake.running);
  int result = dump_with_format (domain, to, flags);
  g_atomic_int_add (&fake.running, -1);
  return result;
}

/* A qcow2 header, and no more: all that we read of one. */
static void
write_overlay (const char *path, const char *backing, guint64 features)
{
  g_autofree guint8 *file = g_malloc0 (65536);
  const guint32 version = GUINT32_TO_BE (3), length = GUINT32_TO_BE ((guint32) strlen (backing));
  const guint64 offset = GUINT64_TO_BE (512), size = GUINT64_TO_BE (16384 + 8192), be_features = GUINT64_TO_BE (features);
  memcpy (file, "QFI\xfb", 4);
  memcpy (file + 4, &version, 4);
  memcpy (file + 8, &offset, 8);
  memcpy (file + 16, &length, 4);
  memcpy (file + 24, &size, 8);
  memcpy (file + 72, &be_features, 8);
  memcpy (file + 512, backing, strlen (backing));
  g_assert_true (g_file_set_contents (path, (const char *) file, 65536, NULL));
}

static void
note_tuning (virTypedParameterPtr params, int n)
{
  const char *strategy = "", *format = "";
  fake.limit = fake.bandwidth = fake.threads = 0;
  g_assert_cmpint (virTypedParamsGetString (params, n, "strategy", &strategy), >=, 0);
  g_assert_cmpint (virTypedParamsGetString (params, n, "format", &format), >=, 0);
  g_assert_cmpint (virTypedParamsGetULLong (params, n, "mirror_limit", &fake.limit), >=, 0);
  g_assert_cmpint (virTypedParamsGetULLong (params, n, "bandwidth", &fake.bandwidth), >=, 0);
  g_assert_cmpint (virTypedParamsGetUInt (params, n, "threads", &fake.threads), >=, 0);
  g_strlcpy (fake.strategy, strategy, sizeof fake.strategy);
  g_strlcpy (fake.format, format, sizeof fake.format);
}

char *
virConnectGetDomainCapabilities (virConnectPtr conn, const char *emulator, const char *arch, const char *machine,
                                 const char *type, unsigned int flags)
{
  const char *features = fake.features != NULL ? fake.features : "<thunder supported='yes'/>";
  g_assert_cmpstr (arch, ==, "i686"); /* those of test:///default's domain */
  g_assert_cmpstr (type, ==, "test");
  return g_strdup_printf ("<domainCapabilities><features>%s</features></domainCapabilities>", fake.stock ? "" : features);
}

/* The library finds it at run time, as it does the real one: only that of our libvirt. */
static int
core_dump_params (virDomainPtr domain, virTypedParameterPtr params, int n, unsigned int flags)
{
  const char *file = NULL, *base = NULL, *note = NULL;
  int track = 0;
  fake.calls++;
  fake.flags = flags;
  if (fake.no_params || fake.stock)
    {
      raise_error (domain, flags);
      return -1;
    }
  g_assert_cmpint (virTypedParamsGetString (params, n, "file", &file), ==, 1);
  note_tuning (params, n);
  if (virTypedParamsGet (params, n, "track") == NULL)
    {
      g_assert_null (virTypedParamsGet (params, n, "note"));
      g_assert_null (virTypedParamsGet (params, n, "base"));
      fake.tuned++;
      fake.calls--; /* counted there */
      return virDomainCoreDumpWithFormat (domain, file, 0, flags);
    }
  g_assert_cmpint (virTypedParamsGetString (params, n, "note", &note), ==, 1);
  g_assert_true (g_utf8_validate (note, -1, NULL)); /* it becomes part of what QEMU is sent */
  g_assert_cmpint (virTypedParamsGetBoolean (params, n, "track", &track), ==, 1);
  g_assert_cmpint (track, ==, 1);
  virTypedParamsGetString (params, n, "base", &base);
  g_strlcpy (fake.base, base != NULL ? base : "", sizeof fake.base);
  fake.built_on[0] = '\0';
  if (base != NULL && !fake.loses)
    g_snprintf (fake.built_on, sizeof fake.built_on, "g%u", fake.generation);
  fake.generation++;
  fake.left = fake.completed_job;
  if (fake.built_on[0] != '\0' && fake.overlay)
    {
      g_autofree char *name = g_path_get_basename (base);
      write_overlay (file, name, 0);
      return 0;
    }
  g_autofree char *on = fake.built_on[0] != '\0' ? g_strdup_printf (",\"base-generation\":\"%s\"", fake.built_on) : g_strdup ("");
  g_autofree char *json
      = g_strdup_printf ("{\"version\":1,\"domain\":\"test\",\"uuid\":\"" UUID "\",\"mode\":\"mirror\",\"format\":\"elf\","
                         "\"caller\":%s,\"mirror\":{\"t0-ns\":%" G_GUINT64_FORMAT ",\"generation\":\"g%u\"%s}}",
                         note, (fake.t0_s != 0 ? fake.t0_s * UINT64_C (1000000000) : UINT64_C (1774137600500000000)) + fake.generation,
                         fake.generation, on);
  write_core (file, json, 0);
  return 0;
}

void *
dlvsym (void *handle, const char *name, const char *version)
{
  const bool found = strcmp (name, "virDomainCoreDumpParams") == 0 && strcmp (version, "LIBVIRT_VTHUNDER_1") == 0;
  return found ? (void *) (uintptr_t) core_dump_params : NULL;
}

int
virDomainAbortJob (virDomainPtr domain)
{
  g_atomic_int_set (&fake.aborted, 1);
  return 0;
}

int
virDomainGetJobStats (virDomainPtr domain, int *type, virTypedParameterPtr *params, int *n, unsigned int flags)
{
  int room = 0;
  *type = VIR_DOMAIN_JOB_NONE;
  *params = NULL;
  *n = 0;
  if ((flags & VIR_DOMAIN_JOB_STATS_COMPLETED) ? !fake.left : !fake.busy && g_atomic_int_get (&fake.running) == 0)
    return 0;
  if (flags & VIR_DOMAIN_JOB_STATS_COMPLETED)
    fake.left = false;
  *type = flags ? VIR_DOMAIN_JOB_COMPLETED : VIR_DOMAIN_JOB_UNBOUNDED;
  virTypedParamsAddInt (params, n, &room, VIR_DOMAIN_JOB_OPERATION, VIR_DOMAIN_JOB_OPERATION_DUMP);
  virTypedParamsAddULLong (params, n, &room, VIR_DOMAIN_JOB_DATA_TOTAL, 1000);
  virTypedParamsAddULLong (params, n, &room, VIR_DOMAIN_JOB_DATA_PROCESSED, 400);
  virTypedParamsAddULLong (params, n, &room, "thunder_pause_ns", 250000);
  virTypedParamsAddULLong (params, n, &room, "thunder_protect_calls", 3);
  virTypedParamsAddULLong (params, n, &room, "thunder_t0_ns", UINT64_C (1774137600500000000) + fake.generation);
  if (fake.generation > 0)
    {
      g_autofree char *generation = g_strdup_printf ("g%u", fake.generation);
      bool delta = fake.built_on[0] != '\0';
      virTypedParamsAddULLong (params, n, &room, "thunder_pages_dirty", delta ? 7 : 70);
      virTypedParamsAddString (params, n, &room, "thunder_storage", !delta ? "file" : fake.overlay ? "overlay" : "clone");
      virTypedParamsAddString (params, n, &room, "thunder_generation", generation);
      if (delta)
        virTypedParamsAddString (params, n, &room, "thunder_base_generation", fake.built_on);
      else if (fake.base[0] != '\0')
        virTypedParamsAddString (params, n, &room, "thunder_full_reason", "the guest was reset");
    }
  return 0;
}

/* --- set-up --- */

typedef struct {
  virConnectPtr conn;
  virDomainPtr domain;
  char *dir;
  VthHost *host;
  VthConfig *config;
  VthOutput *output;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  memset (&fake, 0, sizeof fake);
  fake.completed_job = true;
  f->conn = virConnectOpen ("test:///default");
  f->domain = virDomainLookupByName (f->conn, "test");
  f->dir = g_dir_make_tmp ("vth-dump-XXXXXX", NULL);
  g_autofree char *dumps = g_build_filename (f->dir, "dumps", NULL);
  g_autofree char *state = g_build_filename (f->dir, "state", NULL);
  g_assert_cmpint (g_mkdir (dumps, 0700), ==, 0);
  f->host = vth_host_load ("/nonexistent/vthunder.conf", &error);
  vth_host_set_state_dir (f->host, state);
  f->config = vth_config_new ();
  g_assert_true (vth_config_set_output (f->config, VTH_OUTPUT_DIR, dumps, &error));
  f->output = vth_output_resolve (f->conn, f->config, f->host, &error);
  g_assert_no_error (error);
  /* what is told no settings finds the same state */
  g_autofree char *standard = g_build_filename (f->dir, "vthunder", NULL);
  g_setenv ("XDG_STATE_HOME", f->dir, TRUE);
  g_assert_cmpint (symlink ("state", standard), ==, 0);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  remove_tree (f->dir);
  g_free (f->dir);
  vth_host_free (f->host);
  vth_config_free (f->config);
  vth_output_free (f->output);
  virDomainFree (f->domain);
  virConnectClose (f->conn);
}

static VthDump *
take (Fixture *f, VthDumpRequest request, GError **error)
{
  request.config = f->config;
  request.host = f->host;
  return vth_dump_take (f->domain, &request, NULL, NULL, NULL, error);
}

static unsigned int
count_files (Fixture *f)
{
  g_autoptr (GDir) dir = g_dir_open (vth_output_get_path (f->output), 0, NULL);
  unsigned int n = 0;
  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static int64_t
fixed_now (void *data)
{
  return 1774137660;
}

static void
collect_kinds (const VthBatchEvent *event, void *data)
{
  g_string_append_printf (data, "%d%s ", event->kind, event->dump != NULL ? "+" : "");
}

/* The domain has a schedule "s" that is due. */
static void
make_due (Fixture *f)
{
  static const char state[] = "{\"version\":1,\"schedules\":{\"s\":{\"cron\":\"0 0 * * *\",\"seen\":1774137599}}}";
  g_autoptr (GError) error = NULL;
  g_autoptr (VthSchedule) schedule = vth_schedule_new ("s", "0 0 * * *", &error);
  g_autofree char *state_dir = g_build_filename (f->dir, "state", NULL);
  g_autofree char *path = g_build_filename (state_dir, UUID ".json", NULL);
  vth_host_set_hooks_dir (f->host, NULL);
  vth_config_put_schedule (f->config, schedule);
  g_assert_true (vth_config_save (f->config, f->domain, VTH_IMPACT_LIVE, &error));
  g_assert_cmpint (g_mkdir_with_parents (state_dir, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, state, -1, NULL));
}

static char *
run_batch (Fixture *f)
{
  const VthBatchOps ops = { .now = fixed_now };
  g_autoptr (GError) error = NULL;
  g_autoptr (VthBatch) batch = vth_batch_new (f->conn, f->host, &ops, NULL);
  GString *kinds = g_string_new (NULL);
  g_assert_true (vth_batch_run (batch, collect_kinds, kinds, NULL, NULL, &error));
  g_assert_no_error (error);
  return g_string_free (kinds, FALSE);
}

/* --- taking --- */

static void
test_mirror (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VthDump) dump = take (f, (VthDumpRequest){ .schedule = "nightly", .time_s = 1774137600 }, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (fake.flags, ==, VIR_DUMP_MEMORY_ONLY | 1 << 30);
  g_assert_cmpstr (dump->name, ==, "test-nightly-20260322T000000Z.core");
  g_assert_false (dump->paused);
  g_assert_true (dump->has_figures);
  g_assert_cmpuint (dump->figures.pause_ns, ==, 250000);
  g_assert_cmpuint (dump->figures.protect_calls, ==, 3);
  g_autoptr (VthDump) read = vth_dump_inspect (dump->path, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (read->figures.protect_calls, ==, 3);
  g_assert_cmpuint (read->figures.t0_tries, ==, 2);
  g_assert_cmpint (dump->time_s, ==, 1774137600);
  g_assert_true (dump->own);
  g_assert_cmpuint (count_files (f), ==, 1);

  /* the file says it all by itself, and keeps what others put into its note */
  g_autoptr (VthDump) found = vth_dump_inspect (dump->path, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (found->schedule, ==, "nightly");
  g_assert_cmpstr (found->uuid, ==, UUID);
  g_assert_cmpstr (found->uri, ==, "test:///default");
  g_assert_cmpint (found->mode, ==, VTH_MODE_MIRROR);
  g_assert_true (found->own);
  g_assert_cmpuint (found->figures.stall_max_ns, ==, 90000);
  g_assert_cmpuint (found->n_cpus, ==, 2);
  g_assert_cmpuint (found->elf_class, ==, 64);
  g_assert_cmpuint (found->memory_bytes, ==, 8192);
  g_assert_cmpstr (found->os_release, ==, "6.12.0");
  g_assert_nonnull (strstr (found->note_json, "\"mine\":1"));

  /* a second one in the same second does not replace the first */
  g_autoptr (VthDump) second = take (f, (VthDumpRequest){ .schedule = "nightly", .time_s = 1774137600 }, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (second->name, ==, "test-nightly-20260322T000000Z-2.core");
  g_autoptr (GPtrArray) dumps = vth_dump_list (f->output, f->domain, &error);
  g_assert_cmpuint (dumps->len, ==, 2);

  /* what the list of domains shows */
  g_autoptr (GPtrArray) domains = vth_domain_list (f->conn, 0, f->host, &error);
  g_assert_cmpint (((VthDomain *) domains->pdata[0])->last_dump_s, ==, 1774137600);
  g_assert_cmpstr (((VthDomain *) domains->pdata[0])->last_path, ==, second->path);
}

/* Our libvirt, and a domain that it can't dump like this */
static void
test_refused (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  fake.refuses = true;
  fake.completed_job = false;
  g_autoptr (VthDump) refused = take (f, (VthDumpRequest){ 0 }, &error);
  g_assert_null (refused);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_PAUSE_REFUSED);
  g_assert_cmpuint (fake.calls, ==, 1);
  g_clear_error (&error);
  g_autoptr (VthDump) paused = take (f, (VthDumpRequest){ .allow_pause = true }, &error);
  g_assert_no_error (error);
  g_assert_true (paused->paused);
  g_assert_cmpuint (fake.flags, ==, VIR_DUMP_MEMORY_ONLY);
}

/* Another libvirt that has a use of its own for the bit would stop the guest: it is never sent that. */
static void
test_foreign_flag (Fixture *f, gconstpointer data)
{
  static const char *const features[] = { "", "<thunder supported='no'/>", "<thunder/>", "<backup supported='yes'/>" };
  const VthTuning tuning = { .bandwidth_bytes_s = 1 << 20 };
  const VthDumpRequest requests[] = {
    { .mode = VTH_MODE_MIRROR }, { .mode = VTH_MODE_INCREMENTAL }, { .mode = VTH_MODE_MIRROR, .tuning = &tuning },
  };
  for (unsigned int i = 0; i < G_N_ELEMENTS (features); i++)
    for (unsigned int j = 0; j < G_N_ELEMENTS (requests); j++)
      {
        g_autoptr (GError) error = NULL;
        VthDumpRequest request = requests[j];
        fake.features = features[i];
        fake.completed_job = false;
        fake.calls = fake.tuned = 0;
        g_autoptr (VthDump) refused = take (f, request, &error);
        g_assert_null (refused);
        g_assert_error (error, VTH_ERROR, VTH_ERROR_PAUSE_REFUSED);
        g_assert_cmpuint (fake.calls, ==, 0);
        g_assert_cmpuint (fake.tuned, ==, 0);
        g_clear_error (&error);
        request.allow_pause = true;
        g_autoptr (VthDump) paused = take (f, request, &error);
        g_assert_no_error (error);
        g_assert_true (paused->paused);
        g_assert_cmpuint (fake.calls, ==, 1);
        g_assert_cmpuint (fake.flags, ==, VIR_DUMP_MEMORY_ONLY);
      }
}

static void
test_stock (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  fake.stock = true;
  fake.completed_job = false;
  g_autoptr (VthDump) refused = take (f, (VthDumpRequest){ 0 }, &error);
  g_assert_null (refused);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_PAUSE_REFUSED);
  g_assert_cmpuint (fake.calls, ==, 0);
  g_assert_cmpuint (count_files (f), ==, 0);
  g_clear_error (&error);

  g_autoptr (VthDump) paused = take (f, (VthDumpRequest){ .allow_pause = true }, &error);
  g_assert_no_error (error);
  g_assert_true (paused->paused);
  g_assert_cmpuint (fake.flags, ==, VIR_DUMP_MEMORY_ONLY);
  g_assert_cmpuint (count_files (f), ==, 2); /* the dump and its record */
  g_autoptr (GPtrArray) dumps = vth_dump_list (f->output, f->domain, &error);
  g_assert_cmpuint (dumps->len, ==, 1);
  const VthDump *listed = dumps->pdata[0];
  g_assert_true (listed->paused);
  g_assert_cmpstr (listed->schedule, ==, "manual");
  g_assert_cmpint (listed->time_s, ==, paused->time_s);

  /* the domain's setting is for dumps by hand, a schedule has its own */
  vth_config_set_allow_pause (f->config, true);
  g_autoptr (VthDump) allowed = take (f, (VthDumpRequest){ .time_s = 2 }, &error);
  g_assert_no_error (error);
  g_assert_true (allowed->paused);
  g_autoptr (VthDump) scheduled = take (f, (VthDumpRequest){ .schedule = "s" }, &error);
  g_assert_null (scheduled);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_PAUSE_REFUSED);
  g_clear_error (&error);

  /* asked for by mode: no mirror dump is tried */
  fake.calls = 0;
  g_autoptr (VthDump) stop = take (f, (VthDumpRequest){ .mode = VTH_MODE_STOP, .time_s = 1 }, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (fake.calls, ==, 1);
}

static void
test_failure (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  fake.fails = true;
  g_autoptr (VthDump) dump = take (f, (VthDumpRequest){ .allow_pause = true }, &error);
  g_assert_null (dump);
  g_assert_cmpuint (fake.calls, ==, 1); /* another failure is no reason to stop the guest */
  g_assert_nonnull (strstr (error->message, "cannot dump domain 'test'"));
  /* asking a domain for its name resets libvirt's error: it was lost that way once */
  g_assert_null (strstr (error->message, "gave no reason"));
  g_clear_error (&error);
  g_autoptr (VthDump) relative = take (f, (VthDumpRequest){ .path = "here" }, &error);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_USAGE);
  g_assert_cmpuint (count_files (f), ==, 0);
}

static void
cancel_soon (uint64_t done, uint64_t total, const VthFigures *figures, void *data)
{
  g_assert_cmpuint (done, ==, 400);
  g_assert_cmpuint (total, ==, 1000);
  g_assert_cmpuint (figures->pause_ns, ==, 250000);
  g_cancellable_cancel (data);
}

static void
test_cancel (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  VthDumpRequest request = { .config = f->config, .host = f->host };
  fake.slow = true;
  g_autoptr (VthDump) dump = vth_dump_take (f->domain, &request, cancel_soon, cancellable, cancellable, &error);
  g_assert_null (dump);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_CANCELLED);
  g_assert_cmpint (fake.aborted, ==, 1);
  g_clear_error (&error);

  fake.aborted = 0;
  g_autoptr (VthDump) late = take (f, (VthDumpRequest){ .timeout_s = 1 }, &error);
  g_assert_null (late);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_TIMEOUT);
  g_clear_error (&error);

  fake.aborted = 0;
  vth_config_set_timeout_s (f->config, 1);
  g_autoptr (VthDump) configured = take (f, (VthDumpRequest){ 0 }, &error);
  g_assert_null (configured);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_TIMEOUT);
}

static void
note_told (void *data)
{
  g_atomic_int_inc (&fake.told);
}

static void
cancel_stop (uint64_t done, uint64_t total, const VthFigures *figures, void *data)
{
  g_cancellable_cancel (data);
}

/* libvirt refuses to abort it: whoever wants to cancel is told at once, and the dump is whole. */
static void
test_cancel_stop (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  VthDumpRequest request = { .config = f->config, .host = f->host, .mode = VTH_MODE_STOP, .cannot_cancel = note_told };
  fake.completed_job = false;
  fake.slow = true;
  g_autoptr (VthDump) dump = vth_dump_take (f->domain, &request, cancel_stop, cancellable, cancellable, &error);
  g_assert_no_error (error);
  g_assert_nonnull (dump);
  g_assert_cmpint (fake.told, ==, 1);
  g_assert_cmpint (fake.aborted, ==, 0);
  g_assert_true (g_file_test (dump->path, G_FILE_TEST_IS_REGULAR));

  /* cancelled before it begins, it does not begin */
  fake.calls = 0;
  g_autoptr (VthDump) none = vth_dump_take (f->domain, &request, NULL, NULL, cancellable, &error);
  g_assert_null (none);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_CANCELLED);
  g_assert_cmpuint (fake.calls, ==, 0);
}

/* The figures of an earlier dump, which libvirt keeps until they are read, are of that one alone. */
static void
test_stale_figures (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  fake.completed_job = false;
  fake.generation = 5;
  fake.left = true;
  g_autoptr (VthDump) stop = take (f, (VthDumpRequest){ .mode = VTH_MODE_STOP, .time_s = 1774137700 }, &error);
  g_assert_no_error (error);
  g_assert_false (stop->has_figures);
  g_assert_null (stop->tracking.generation);
  g_assert_cmpint (stop->time_s, ==, 1774137700);

  g_assert_true (fake.left);
  g_autoptr (VthDump) mirror = take (f, (VthDumpRequest){ 0 }, &error);
  g_assert_no_error (error);
  g_assert_null (mirror->tracking.generation);
}

/* What a file says of itself can be said by anybody: only root's and our own are ours. */
static void
test_list_foreign (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  if (geteuid () != 0)
    {
      g_test_skip ("not root: nothing can be made somebody else's");
      return;
    }
  g_autoptr (VthSchedule) schedule = vth_schedule_new ("s", "@daily", &error);
  VthRetention one = { .keep_last = 1 };
  vth_schedule_set_retention (schedule, &one);
  vth_config_put_schedule (f->config, schedule);
  g_autoptr (VthDump) mirror = take (f, (VthDumpRequest){ .schedule = "s" }, &error);
  g_autoptr (VthDump) stop = take (f, (VthDumpRequest){ .schedule = "s", .mode = VTH_MODE_STOP, .time_s = 1774137700 }, &error);
  g_autoptr (VthDump) ours = take (f, (VthDumpRequest){ .schedule = "s", .mode = VTH_MODE_STOP, .time_s = 1774137500 }, &error);
  g_assert_no_error (error);
  g_autofree char *record = g_strconcat (stop->path, ".vthunder", NULL);
  g_assert_cmpint (chown (mirror->path, 12345, 12345) | chown (record, 12345, 12345), ==, 0);
  g_autoptr (GPtrArray) dumps = vth_dump_list (f->output, f->domain, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (dumps->len, ==, 1);
  g_assert_cmpstr (((VthDump *) dumps->pdata[0])->name, ==, ours->name);
  /* nor do they vanish: what the register says of them is told */
  g_autoptr (GPtrArray) all = vth_dump_list_all (f->output, f->domain, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (all->len, ==, 3);
  for (unsigned int i = 0, n = 0; i < all->len; i++)
    {
      const VthDump *dump = all->pdata[i];
      g_assert_true (dump->own != dump->changed);
      g_assert_cmpstr (dump->schedule, ==, "s");
      g_assert_cmpstr (dump->domain, ==, "test");
      n += dump->changed;
      g_assert_cmpuint (n, <=, 2);
    }
  /* they are newer, and neither go nor have ours go */
  g_autoptr (GPtrArray) plan = vth_prune_plan (f->output, f->domain, f->config, NULL, NULL, &error);
  g_assert_cmpuint (plan->len, ==, 1);
  g_assert_true (((VthPruneItem *) plan->pdata[0])->keep);
  g_autoptr (VthDump) found = vth_dump_inspect_in (f->output, mirror->name, &error);
  g_assert_false (found->own);
}

/* libvirt truncates what is there and follows links: it is told to write where nobody else can put any. */
static void
test_private_stop (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  const char *dir = vth_output_get_path (f->output);
  g_autofree char *victim = g_build_filename (f->dir, "victim", NULL);
  g_autofree char *planted = g_build_filename (dir, ".test-manual-20260322T000000Z.core.part", NULL);
  g_autofree char *path = g_build_filename (dir, "test-manual-20260322T000000Z.core", NULL);
  g_autofree char *text = NULL;
  struct stat st;

  g_assert_cmpint (chmod (dir, 01777), ==, 0);
  g_assert_true (g_file_set_contents (victim, "precious", -1, NULL));
  g_assert_cmpint (symlink (victim, planted), ==, 0);
  g_autoptr (VthDump) dump = take (f, (VthDumpRequest){ .mode = VTH_MODE_STOP, .time_s = 1774137600 }, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (dump->path, ==, path);
  g_assert_true (g_file_get_contents (victim, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "precious");
  g_assert_cmpint (lstat (path, &st), ==, 0);
  g_assert_true (S_ISREG (st.st_mode) && st.st_nlink == 1 && (st.st_mode & 0777) == 0600);
  g_assert_true (was_synced (path) && was_synced (dir));
  /* not in the directory itself, and nothing is left of where it was */
  g_autofree char *private = g_path_get_dirname (fake.to);
  g_autofree char *parent = g_path_get_dirname (private);
  g_assert_cmpstr (parent, ==, dir);
  g_assert_false (g_file_test (private, G_FILE_TEST_EXISTS));
  g_assert_cmpuint (count_files (f), ==, 3); /* with the record and the link */
  fake.fails = true;
  g_autoptr (VthDump) failed = take (f, (VthDumpRequest){ .mode = VTH_MODE_STOP }, &error);
  g_assert_null (failed);
  g_assert_cmpuint (count_files (f), ==, 3);
}

/* A vthunder that is killed while the guest is stopped leaves libvirt writing to a file in a hidden directory. */
static void
test_killed_stop (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *state = g_build_filename (f->dir, "state", NULL);
  g_autofree char *path = g_build_filename (state, UUID ".json", NULL);
  g_autofree char *hidden = g_build_filename (vth_output_get_path (f->output), ".x.core.01234567.part", NULL);
  g_autofree char *in_it = g_build_filename (hidden, "dump", NULL);
  g_autofree char *text = g_strdup_printf ("{\"version\":1,\"hidden\":\"%s\"}", hidden);
  vth_host_set_hooks_dir (f->host, NULL);
  for (int by_batch = 0; by_batch <= 1; by_batch++)
    {
      g_assert_cmpint (g_mkdir_with_parents (state, 0700), ==, 0);
      g_assert_cmpint (g_mkdir (hidden, 0700), ==, 0);
      g_assert_true (g_file_set_contents (in_it, "dump", -1, NULL) && g_file_set_contents (path, text, -1, NULL));
      fake.busy = true;
      if (by_batch)
        {
          g_autofree char *quiet = run_batch (f);
          g_assert_cmpstr (quiet, ==, "");
        }
      else
        {
          g_autoptr (VthDump) busy = take (f, (VthDumpRequest){ 0 }, &error);
          g_assert_error (error, VTH_ERROR, VTH_ERROR_LOCKED);
          g_clear_error (&error);
        }
      g_assert_true (g_file_test (in_it, G_FILE_TEST_EXISTS));
      fake.busy = false;
      if (by_batch)
        {
          g_autofree char *quiet = run_batch (f);
          g_assert_cmpstr (quiet, ==, "");
        }
      else
        {
          g_autoptr (VthDump) next = take (f, (VthDumpRequest){ .mode = VTH_MODE_STOP }, &error);
          g_assert_no_error (error);
        }
      g_assert_false (g_file_test (hidden, G_FILE_TEST_EXISTS));
      g_autofree char *left = NULL;
      g_assert_true (g_file_get_contents (path, &left, NULL, NULL));
      g_assert_null (strstr (left, "hidden"));
    }

  /* somebody else's link in its place leads nowhere */
  g_autofree char *other = g_build_filename (f->dir, "other", NULL);
  g_autofree char *others = g_build_filename (other, "dump", NULL);
  g_assert_cmpint (g_mkdir (other, 0700), ==, 0);
  g_assert_true (g_file_set_contents (others, "precious", -1, NULL) && g_file_set_contents (path, text, -1, NULL));
  g_assert_cmpint (symlink (other, hidden), ==, 0);
  g_autoptr (VthDump) next = take (f, (VthDumpRequest){ .mode = VTH_MODE_STOP }, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_test (others, G_FILE_TEST_EXISTS));
}

static void
die (void *data)
{
  raise (SIGKILL);
}

/* A vthunder that is killed when libvirt has the dump under its name: the register knows whose it is. */
static void
test_killed (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  pid_t child = fork ();

  if (child == 0)
    {
      fake.at_end = die;
      take (f, (VthDumpRequest){ 0 }, NULL);
      _exit (1);
    }
  int status = 0;
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFSIGNALED (status));
  for (unsigned int n = 1; n <= 2; n++)
    {
      g_autoptr (GPtrArray) dumps = vth_dump_list (f->output, f->domain, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (dumps->len, ==, n);
      g_assert_cmpstr (((VthDump *) dumps->pdata[0])->schedule, ==, "manual");
      /* also when the next one has tidied up */
      g_autoptr (VthDump) next = take (f, (VthDumpRequest){ 0 }, &error);
      g_assert_no_error (error);
    }
}

/* A dump by hand must not lose schedules without a word: a state that nobody can read is told of by the next batch, once. */
static void
test_broken_state (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (f->dir, "state", UUID ".json", NULL);
  g_autofree char *expected = g_strdup_printf ("%d ", VTH_BATCH_WARNING);
  make_due (f);
  g_assert_true (g_file_set_contents (path, "nonsense", -1, NULL));
  g_autoptr (VthDump) dump = take (f, (VthDumpRequest){ 0 }, &error);
  g_assert_no_error (error);
  g_autofree char *first = run_batch (f);
  g_assert_cmpstr (first, ==, expected);
  g_autofree char *second = run_batch (f);
  g_assert_cmpstr (second, ==, "");
  g_autoptr (VthConfig) none = vth_config_new ();
  g_assert_true (vth_config_save (none, f->domain, VTH_IMPACT_LIVE, &error));
}

/* libvirt completes a dump whose vthunder was killed; attempts that failed meanwhile do not crowd it out of the register. */
static void
test_killed_early (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (vth_output_get_path (f->output), "x.core", NULL);
  g_autofree char *list = g_build_filename (f->dir, "state", "register", UUID ".json", NULL);
  pid_t child = fork ();

  if (child == 0)
    {
      fake.slow = true;
      take (f, (VthDumpRequest){ .path = path }, NULL);
      _exit (1);
    }
  while (!g_file_test (list, G_FILE_TEST_EXISTS))
    g_usleep (1000);
  kill (child, SIGKILL);
  g_assert_cmpint (waitpid (child, NULL, 0), ==, child);
  fake.fails = true;
  for (unsigned int i = 0; i < 20; i++)
    {
      g_autoptr (VthDump) failed = take (f, (VthDumpRequest){ .path = i % 2 == 0 ? path : NULL }, NULL);
      g_assert_null (failed);
    }
  write_core (path, "{\"version\":1,\"uuid\":\"" UUID "\",\"mode\":\"mirror\",\"mirror\":{\"t0-ns\":1774137601000000000}}", 0);
  g_autoptr (GPtrArray) dumps = vth_dump_list (f->output, f->domain, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (dumps->len, ==, 1);
}

static void *
take_in_thread (void *data)
{
  g_autoptr (VthDump) dump = take (data, (VthDumpRequest){ 0 }, NULL);
  return NULL;
}

static void
test_locked (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  fake.slow = true;
  GThread *thread = g_thread_new ("first", take_in_thread, f);
  while (fake.calls == 0)
    g_usleep (1000);
  g_autoptr (VthDump) second = take (f, (VthDumpRequest){ 0 }, &error);
  g_assert_null (second);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_LOCKED);
  g_atomic_int_set (&fake.aborted, 1);
  g_thread_join (thread);
}

/* --- files --- */

static void
test_list_only_own (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  const char *dir = vth_output_get_path (f->output);
  g_autoptr (VthDump) dump = take (f, (VthDumpRequest){ .schedule = "s" }, &error);
  g_assert_no_error (error);
  g_autofree char *renamed = g_build_filename (dir, "renamed.core", NULL);
  g_autofree char *text = g_build_filename (dir, "notes.txt", NULL);
  g_autofree char *foreign = g_build_filename (dir, "by-hand.core", NULL);
  g_autofree char *other = g_build_filename (dir, "other.core", NULL);
  g_autofree char *sly = g_build_filename (dir, "link.core", NULL);
  g_autofree char *copy = NULL;
  gsize length;
  /* a copy under another name, a text, a dump by virsh, one of another domain, a link */
  g_assert_true (g_file_get_contents (dump->path, &copy, &length, NULL));
  g_assert_true (g_file_set_contents (renamed, copy, (gssize) length, NULL));
  g_assert_true (g_file_set_contents (text, "hello", -1, NULL));
  write_core (foreign, "{\"version\":1,\"uuid\":\"" UUID "\",\"mode\":\"mirror\",\"caller\":{}}", 0);
  write_core (other, "{\"version\":1,\"uuid\":\"00000000-0000-0000-0000-000000000001\",\"mode\":\"mirror\","
                     "\"caller\":{\"schedule\":\"s\",\"file\":\"other.core\"}}", 0);
  g_assert_cmpint (symlink (dump->path, sly), ==, 0);
  g_assert_true (vth_dump_adopt (f->output, "other.core", &error));
  g_autoptr (GPtrArray) mine = vth_dump_list (f->output, f->domain, &error);
  g_assert_cmpuint (mine->len, ==, 1);
  g_assert_cmpstr (((VthDump *) mine->pdata[0])->name, ==, dump->name);
  g_autoptr (GPtrArray) all = vth_dump_list (f->output, NULL, &error);
  g_assert_cmpuint (all->len, ==, 2);

  /* nothing but ours is ever removed, even by a plan that says so */
  g_autoptr (VthSchedule) schedule = vth_schedule_new ("s", "@daily", &error);
  VthRetention one = { .keep_last = 1 };
  vth_schedule_set_retention (schedule, &one);
  vth_config_put_schedule (f->config, schedule);
  unsigned int before = count_files (f);
  g_autoptr (GPtrArray) plan = vth_prune_plan (f->output, f->domain, f->config, NULL, NULL, &error);
  g_assert_cmpuint (plan->len, ==, 1);
  g_assert_cmpuint (vth_prune_execute (f->output, plan), ==, 0);
  g_assert_cmpuint (count_files (f), ==, before);
}

static void
test_prune (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  fake.completed_job = false;
  fake.stock = true;
  for (int64_t day = 0; day < 5; day++)
    {
      VthDumpRequest request = { .schedule = "s", .time_s = 1774137600 + day * 86400, .mode = VTH_MODE_STOP, .manifest = day == 0 };
      g_autoptr (VthDump) dump = take (f, request, &error);
      g_assert_no_error (error);
    }
  g_autoptr (VthDump) manual = take (f, (VthDumpRequest){ .mode = VTH_MODE_STOP, .time_s = 1774137600 }, &error);
  g_autoptr (VthDump) gone = take (f, (VthDumpRequest){ .mode = VTH_MODE_STOP, .time_s = 1774137600, .schedule = "gone" }, &error);
  g_assert_cmpuint (count_files (f), ==, 7 * 2 + 1);
  g_autoptr (VthSchedule) schedule = vth_schedule_new ("s", "@daily", &error);
  vth_config_put_schedule (f->config, schedule);
  g_autoptr (GPtrArray) none = vth_prune_plan (f->output, f->domain, f->config, NULL, NULL, &error);
  for (unsigned int i = 0; i < none->len; i++)
    g_assert_true (((VthPruneItem *) none->pdata[i])->keep);

  VthRetention two = { .keep_last = 2 };
  vth_schedule_set_retention (schedule, &two);
  vth_config_put_schedule (f->config, schedule);
  g_autoptr (GPtrArray) plan = vth_prune_plan (f->output, f->domain, f->config, NULL, NULL, &error);
  unsigned int n_remove = 0;
  for (unsigned int i = 0; i < plan->len; i++)
    {
      const VthPruneItem *item = plan->pdata[i];
      g_assert_nonnull (item->reason);
      n_remove += !item->keep;
    }
  g_assert_cmpuint (n_remove, ==, 3);
  /* one has become another file since: it stays, the others go */
  VthPruneItem *changed = NULL;
  for (unsigned int i = 0; i < plan->len; i++)
    if (!((VthPruneItem *) plan->pdata[i])->keep)
      changed = plan->pdata[i];
  write_core (changed->dump->path, "{\"version\":1,\"uuid\":\"" UUID "\",\"mode\":\"mirror\",\"caller\":{}}", 0);
  g_assert_cmpuint (vth_prune_execute (f->output, plan), ==, 1);
  g_assert_error (changed->error, VTH_ERROR, VTH_ERROR_NOT_FOUND);
  g_autoptr (GPtrArray) left = vth_dump_list (f->output, f->domain, &error);
  g_assert_cmpuint (left->len, ==, 4);
}

/* A dump of a clock that was ahead: the others are kept as if it was not there, and it stays. */
static void
test_prune_future (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  const int64_t now_s = g_get_real_time () / G_USEC_PER_SEC;
  const int64_t times_s[] = { now_s - 9 * 86400, now_s - 2 * 86400, now_s - 86400, now_s + 4000 * INT64_C (86400) };
  const VthRetention policies[] = { { .keep_within_s = 2 * 86400 }, { .keep_last = 2 }, { .keep_yearly = 1, .keep_last = 2 } };
  for (unsigned int i = 0; i < G_N_ELEMENTS (times_s); i++)
    {
      g_autoptr (VthDump) dump = take (f, (VthDumpRequest){ .schedule = "s", .time_s = times_s[i], .mode = VTH_MODE_STOP }, &error);
      g_assert_no_error (error);
    }
  for (unsigned int p = 0; p < G_N_ELEMENTS (policies); p++)
    {
      g_autoptr (VthSchedule) schedule = vth_schedule_new ("s", "@daily", &error);
      vth_schedule_set_retention (schedule, &policies[p]);
      vth_config_put_schedule (f->config, schedule);
      g_autoptr (GPtrArray) plan = vth_prune_plan (f->output, f->domain, f->config, NULL, NULL, &error);
      g_assert_cmpuint (plan->len, ==, 4);
      for (unsigned int i = 0; i < plan->len; i++)
        {
          const VthPruneItem *item = plan->pdata[i]; /* newest first */
          g_assert_cmpint (item->dump->time_s, ==, times_s[3 - i]);
          g_assert_cmpint (item->keep, ==, i < 3);
        }
      g_assert_cmpstr (((VthPruneItem *) plan->pdata[0])->reason, ==, "dated later than now");
    }
}

static void
cancel_now (void *data)
{
  g_cancellable_cancel (data);
}

/* A manifest that cannot be written is no failure of the dump, and the next one builds on it. */
static void
test_no_manifest (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  for (int64_t i = 0; i < 2; i++)
    {
      VthDumpRequest request = { .mode = VTH_MODE_INCREMENTAL, .manifest = true, .time_s = 1774137600 + i };
      g_autofree char *in_the_way = g_strdup_printf ("%s/test-manual-20260322T00000%dZ.core.sha256",
                                                     vth_output_get_path (f->output), (int) i);
      g_autofree char *child = g_build_filename (in_the_way, "x", NULL);
      g_assert_cmpint (g_mkdir_with_parents (child, 0700), ==, 0);
      g_autoptr (VthDump) dump = take (f, request, &error);
      g_assert_no_error (error);
      g_assert_nonnull (dump);
      g_assert_false (dump->has_manifest);
      g_assert_nonnull (strstr (dump->manifest_error, "sha256"));
      g_assert_true (dump->own);
      g_assert_cmpint (dump->base != NULL, ==, i == 1);
    }

  /* Ctrl-C while it is summed up */
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  VthDumpRequest request = { .config = f->config, .host = f->host, .mode = VTH_MODE_STOP, .manifest = true, .time_s = 1774137700 };
  fake.at_end = cancel_now;
  fake.at_end_data = cancellable;
  g_autoptr (VthDump) dump = vth_dump_take (f->domain, &request, NULL, NULL, cancellable, &error);
  g_assert_no_error (error);
  g_assert_false (dump->has_manifest);
  g_assert_nonnull (strstr (dump->manifest_error, "cancelled"));
}

static const VthCheck *
find_check (GPtrArray *checks, const char *name)
{
  for (unsigned int i = 0; i < checks->len; i++)
    if (strcmp (((VthCheck *) checks->pdata[i])->name, name) == 0)
      return checks->pdata[i];
  g_error ("no check '%s'", name);
  return NULL;
}

/* --- dumps that build on each other --- */

static VthDump *
take_incremental (Fixture *f, VthDumpRequest request)
{
  static int64_t second = 1774137600;
  g_autoptr (GError) error = NULL;
  request.mode = VTH_MODE_INCREMENTAL;
  request.time_s = request.time_s != 0 ? request.time_s : second++;
  VthDump *dump = take (f, request, &error);
  g_assert_no_error (error);
  return dump;
}

#define assert_full(dump, why) \
  G_STMT_START \
  { \
    g_assert_null ((dump)->base); \
    g_assert_cmpuint ((dump)->chain_position, ==, 0); \
    g_assert_cmpint ((dump)->mode, ==, VTH_MODE_MIRROR); \
    g_assert_nonnull ((dump)->tracking.full_reason); \
    if (strstr ((dump)->tracking.full_reason, why) == NULL) \
      g_error ("'%s' does not say '%s'", (dump)->tracking.full_reason, why); \
  } \
  G_STMT_END

static void
test_incremental (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VthDump) one = take_incremental (f, (VthDumpRequest){ .schedule = "s" });
  assert_full (one, "no earlier dump");
  g_assert_cmpstr (one->tracking.generation, ==, "g1");
  g_assert_cmpstr (fake.base, ==, "");
  g_assert_cmpuint (fake.flags, ==, VIR_DUMP_MEMORY_ONLY | (1 << 30));
  g_assert_true (one->own);
  g_assert_cmpuint (count_files (f), ==, 1); /* no record: all is in the note */

  /* what is written after the dump would make it useless as a base */
  g_autofree char *before = NULL, *after = NULL;
  gsize n_before, n_after;
  g_assert_true (g_file_get_contents (one->path, &before, &n_before, NULL));
  g_autoptr (VthDump) two = take_incremental (f, (VthDumpRequest){ .schedule = "s" });
  g_assert_cmpstr (fake.base, ==, one->path);
  g_assert_cmpstr (two->base, ==, one->name);
  g_assert_cmpstr (two->tracking.base_generation, ==, "g1");
  g_assert_cmpstr (two->tracking.storage, ==, "clone");
  g_assert_cmpuint (two->tracking.pages_dirty, ==, 7);
  g_assert_cmpuint (two->chain_position, ==, 1);
  g_assert_cmpint (two->chain_start_s, ==, one->time_s);
  g_assert_cmpint (two->mode, ==, VTH_MODE_INCREMENTAL);
  g_assert_null (two->tracking.full_reason);
  g_assert_true (g_file_get_contents (one->path, &after, &n_after, NULL));
  g_assert_cmpmem (before, n_before, after, n_after);

  /* the files say the same */
  g_autoptr (GPtrArray) dumps = vth_dump_list (f->output, f->domain, &error);
  g_assert_cmpuint (dumps->len, ==, 2);
  const VthDump *listed = dumps->pdata[1];
  g_assert_cmpstr (listed->base, ==, one->name);
  g_assert_cmpuint (listed->chain_position, ==, 1);
  g_assert_cmpstr (listed->tracking.base_generation, ==, "g1");
  g_assert_true (listed->has_unique);

  /* QEMU knows better; then the base in the note was only meant */
  fake.loses = true;
  g_autoptr (VthDump) lost = take_incremental (f, (VthDumpRequest){ 0 });
  g_assert_cmpstr (fake.base, ==, two->path);
  assert_full (lost, "reset");
  g_autoptr (VthDump) found = vth_dump_inspect (lost->path, &error);
  g_assert_null (found->base);
  g_assert_cmpuint (found->chain_position, ==, 0);
  fake.loses = false;

  /* gone, asked for, elsewhere */
  g_assert_cmpint (g_unlink (lost->path), ==, 0);
  g_autoptr (VthDump) gone = take_incremental (f, (VthDumpRequest){ 0 });
  assert_full (gone, "is gone");
  g_assert_cmpstr (fake.base, ==, "");
  g_autoptr (VthDump) asked = take_incremental (f, (VthDumpRequest){ .full = true });
  assert_full (asked, "asked for");
  g_autofree char *elsewhere = g_build_filename (f->dir, "elsewhere.core", NULL);
  g_autoptr (VthDump) moved = take_incremental (f, (VthDumpRequest){ .path = elsewhere });
  assert_full (moved, "another output");
  g_autoptr (VthDump) replaced = take_incremental (f, (VthDumpRequest){ .path = elsewhere });
  assert_full (replaced, "replaces");

  /* a failed one changes nothing about the next */
  g_autoptr (VthDump) kdump = take (f, (VthDumpRequest){ .mode = VTH_MODE_INCREMENTAL, .format = VTH_FORMAT_KDUMP_ZLIB }, &error);
  g_assert_null (kdump);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_USAGE);
}

/* "/d", "/d/" and "/d/." are one place. */
static void
test_slashes (Fixture *f, gconstpointer data)
{
  static const char *const ends[] = { "", "/", "//", "/.", "/./", "" };
  g_autoptr (GError) error = NULL;
  g_autofree char *dir = g_strdup (vth_output_get_path (f->output));
  g_autofree char *before = NULL;
  for (unsigned int i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      g_autofree char *path = g_strconcat (dir, ends[i], NULL);
      g_assert_true (vth_config_set_output (f->config, VTH_OUTPUT_DIR, path, &error));
      g_autoptr (VthDump) dump = take_incremental (f, (VthDumpRequest){ .schedule = "s" });
      g_assert_cmpstr (dump->base, ==, before);
      g_free (before);
      before = g_strdup (dump->name);
    }
}

/* A host that upgrades: the state has the newest dump of a chain, and that names by their generations what it is made of. */
static void
test_upgrade_chain (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *file = g_build_filename (f->dir, "state", "register", UUID ".json", NULL);
  VthDump *dumps[5];
  fake.overlay = true;
  /* two chains: 0 <- 1 <- 2, 3 <- 4 */
  for (unsigned int i = 0; i < 5; i++)
    dumps[i] = take_incremental (f, (VthDumpRequest){ .schedule = "s", .full_every = 3 });
  g_assert_cmpint (g_unlink (file), ==, 0);
  g_autoptr (GPtrArray) mine = vth_dump_list (f->output, f->domain, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (mine->len, ==, 2);
  for (unsigned int i = 0; i < 2; i++)
    g_assert_cmpstr (((VthDump *) mine->pdata[i])->name, ==, dumps[3 + i]->name);
  g_autoptr (GPtrArray) all = vth_dump_list_all (f->output, f->domain, &error);
  g_assert_cmpuint (all->len, ==, 5);
  g_autoptr (GPtrArray) none = vth_prune_plan_last (f->output, f->domain, (const char *const[]){ dumps[3]->name, dumps[4]->name, NULL }, 0,
                                                    &error);
  g_assert_cmpuint (vth_prune_execute (f->output, none), ==, 0);
  g_assert_cmpuint (count_files (f), ==, 3 + 2);
  for (unsigned int i = 0; i < 5; i++)
    vth_dump_free (dumps[i]);
}

static void
test_full_every (Fixture *f, gconstpointer data)
{
  g_autoptr (GString) got = g_string_new (NULL);
  for (unsigned int i = 0; i < 7; i++)
    {
      g_autoptr (VthDump) dump = take_incremental (f, (VthDumpRequest){ .full_every = 3 });
      g_string_append_printf (got, "%u", dump->chain_position);
    }
  g_assert_cmpstr (got->str, ==, "0120120");

  /* by age of the full one */
  int64_t start_s = 1774137600;
  g_autoptr (VthDump) first = take_incremental (f, (VthDumpRequest){ .full = true, .time_s = start_s });
  g_autoptr (VthDump) young = take_incremental (f, (VthDumpRequest){ .full_every_s = 3600, .time_s = start_s + 3599 });
  g_assert_cmpuint (young->chain_position, ==, 1);
  g_autoptr (VthDump) old = take_incremental (f, (VthDumpRequest){ .full_every_s = 3600, .time_s = start_s + 3600 });
  assert_full (old, "1h old");

  /* the clock was set back: its age will be less than nothing for a long time */
  g_autoptr (VthDump) little = take_incremental (f, (VthDumpRequest){ .full_every_s = 3600, .time_s = start_s - 200 });
  g_assert_cmpuint (little->chain_position, ==, 1);
  g_autoptr (VthDump) back = take_incremental (f, (VthDumpRequest){ .full_every_s = 3600, .time_s = start_s - 864000 });
  assert_full (back, "clock was set back");

  /* without a rule there is one all the same */
  unsigned int longest = 0;
  for (unsigned int i = 0; i < VTH_FULL_EVERY_DEFAULT + 2; i++)
    {
      g_autoptr (VthDump) dump = take_incremental (f, (VthDumpRequest){ 0 });
      longest = MAX (longest, dump->chain_position);
    }
  g_assert_cmpuint (longest, ==, VTH_FULL_EVERY_DEFAULT - 1);
}

/* The full dump of a schedule is late by what starting it took; the next ones count from when it was due. */
static int64_t batch_now_s;

static int64_t
moving_now (void *data)
{
  return batch_now_s;
}

static void
note_dump (const VthBatchEvent *event, void *data)
{
  if (event->kind == VTH_BATCH_DONE)
    g_string_append_printf (data, "%u", event->dump->chain_position);
}

static char *
run_hourly (Fixture *f, const char *full_every, int64_t first_s, unsigned int hours)
{
  const VthBatchOps ops = { .now = moving_now };
  g_autoptr (GError) error = NULL;
  g_autoptr (VthSchedule) schedule = vth_schedule_new ("s", "30 * * * *", &error);
  unsigned int count;
  int64_t every_s;
  g_assert_true (vth_full_every_parse (full_every, &count, &every_s, &error));
  vth_schedule_set_mode (schedule, VTH_MODE_INCREMENTAL);
  vth_schedule_set_full_every (schedule, count, every_s);
  vth_config_put_schedule (f->config, schedule);
  g_assert_true (vth_config_save (f->config, f->domain, VTH_IMPACT_LIVE, &error));
  g_autoptr (VthBatch) batch = vth_batch_new (f->conn, f->host, &ops, NULL);
  GString *got = g_string_new (NULL);
  for (unsigned int i = 0; i <= hours; i++)
    {
      batch_now_s = first_s + 3600 * (int64_t) i - (i == 0); /* it is new at first */
      fake.t0_s = (guint64) batch_now_s + (i % 2 == 0 ? 1 : 5);
      g_assert_true (vth_batch_run (batch, note_dump, got, NULL, NULL, &error));
      g_assert_no_error (error);
    }
  return g_string_free (got, FALSE);
}

static void
test_full_every_batch (Fixture *f, gconstpointer data)
{
  vth_host_set_hooks_dir (f->host, NULL);
  vth_host_set_min_free_bytes (f->host, 0);
  g_autofree char *each = run_hourly (f, "1h", 1774139401, 4); /* 00:30:01 UTC */
  g_assert_cmpstr (each, ==, "00000");
  g_autofree char *second = run_hourly (f, "2h", 1774239401 - 1774239401 % 3600 + 1801, 5);
  g_assert_cmpstr (second, ==, "010101");
}

/* Days are those of the calendar: of 23 hours, and of 25. */
static void
test_full_every_day (Fixture *f, gconstpointer data)
{
  static const int64_t days[][2] = {
    { 1774668600, 1774751400 }, /* 2026-03-28 04:30 +01:00 and -29 04:30 +02:00 */
    { 1792888200, 1792978200 }, /* 2026-10-25 02:30 +02:00 and -26 02:30 +01:00 */
  };
  g_autofree char *zone = g_strdup (g_getenv ("TZ"));
  g_setenv ("TZ", "Europe/Berlin", TRUE);
  for (unsigned int i = 0; i < G_N_ELEMENTS (days); i++)
    {
      fake.t0_s = (guint64) days[i][0];
      g_autoptr (VthDump) first = take_incremental (f, (VthDumpRequest){ .full = true, .time_s = days[i][0] });
      g_autoptr (VthDump) young = take_incremental (f, (VthDumpRequest){ .full_every_s = 86400, .time_s = days[i][1] - 60 });
      g_assert_cmpuint (young->chain_position, ==, 1);
      g_autoptr (VthDump) old = take_incremental (f, (VthDumpRequest){ .full_every_s = 86400, .time_s = days[i][1] });
      assert_full (old, "1d old");
      /* a number of hours is just that */
      g_autoptr (VthDump) again = take_incremental (f, (VthDumpRequest){ .full = true, .time_s = days[i][0] });
      g_autoptr (VthDump) by_hours = take_incremental (f, (VthDumpRequest){ .full_every_s = 12 * 3600, .time_s = days[i][0] + 12 * 3600 - 1 });
      g_assert_cmpuint (by_hours->chain_position, ==, 1);
    }
  if (zone != NULL)
    g_setenv ("TZ", zone, TRUE);
  else
    g_unsetenv ("TZ");
}

/* A name that is no text: the dump is ours and listed, and what cannot be told of it is not. */
static void
test_no_text (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (vth_output_get_path (f->output), "caf\xe9%.core", NULL);
  g_autofree char *stopped_path = g_build_filename (vth_output_get_path (f->output), "\xff.core", NULL);
  g_autoptr (VthDump) dump = take_incremental (f, (VthDumpRequest){ .path = path });
  g_assert_cmpstr (dump->path, ==, path);
  g_assert_true (dump->own);
  g_autoptr (VthDump) next = take_incremental (f, (VthDumpRequest){ 0 });
  assert_full (next, "not UTF-8");
  g_assert_cmpstr (fake.base, ==, "");
  g_autoptr (VthDump) stopped = take (f, (VthDumpRequest){ .mode = VTH_MODE_STOP, .path = stopped_path }, &error);
  g_assert_no_error (error);
  g_assert_true (stopped->own);
  g_autoptr (GPtrArray) dumps = vth_dump_list (f->output, f->domain, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (dumps->len, ==, 3);
}

/* Whatever the rule: overlays have an end, clones none. */
static void
test_overlays_max (Fixture *f, gconstpointer data)
{
  for (int overlay = 0; overlay <= 1; overlay++)
    {
      unsigned int longest = 0;
      fake.overlay = overlay;
      vth_dump_free (take_incremental (f, (VthDumpRequest){ .full = true }));
      for (unsigned int i = 0; i < VTH_OVERLAYS_MAX + 3; i++)
        {
          const VthDumpRequest rules[] = { { .full_every = G_MAXUINT }, { .full_every_s = INT64_C (100) * 365 * 86400 } };
          g_autoptr (VthDump) dump = take_incremental (f, rules[i % 2]);
          longest = MAX (longest, dump->chain_position);
          if (overlay && i == VTH_OVERLAYS_MAX)
            assert_full (dump, "64 overlays build on each other");
        }
      g_assert_cmpuint (longest, ==, overlay ? VTH_OVERLAYS_MAX : VTH_OVERLAYS_MAX + 3);
    }
}

/* A host that cannot do it gives what it can, and says why; never a stop that was not allowed. */
static void
test_incremental_stock (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  fake.no_params = true;
  g_autoptr (VthDump) full = take_incremental (f, (VthDumpRequest){ 0 });
  g_assert_cmpuint (fake.calls, ==, 2);
  g_assert_false (full->paused);
  g_assert_nonnull (full->tracking.full_reason);
  g_assert_true (full->own);
  fake.stock = true;
  fake.completed_job = false;
  g_autoptr (VthDump) refused = take (f, (VthDumpRequest){ .mode = VTH_MODE_INCREMENTAL }, &error);
  g_assert_null (refused);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_PAUSE_REFUSED);
  g_clear_error (&error);
  g_autoptr (VthDump) paused = take (f, (VthDumpRequest){ .mode = VTH_MODE_INCREMENTAL, .allow_pause = true }, &error);
  g_assert_no_error (error);
  g_assert_true (paused->paused);
}

/* --- how the engine takes them --- */

#define assert_asked(wanted_strategy, wanted_limit, wanted_bandwidth, wanted_threads) \
  G_STMT_START \
  { \
    g_assert_cmpstr (fake.strategy, ==, wanted_strategy); \
    g_assert_cmpuint (fake.limit, ==, wanted_limit); \
    g_assert_cmpuint (fake.bandwidth, ==, wanted_bandwidth); \
    g_assert_cmpuint (fake.threads, ==, wanted_threads); \
  } \
  G_STMT_END

static void
test_tuning (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  const VthTuning none = { .strategy = VTH_STRATEGY_AUTO }, configured = { .strategy = VTH_STRATEGY_HYBRID, .limit_bytes = 64 << 20 };
  const VthTuning own = { .strategy = VTH_STRATEGY_PROTECT, .bandwidth_bytes_s = 1 << 20, .threads = 3 };

  /* nothing asked for: any libvirt will do */
  g_autoptr (VthDump) plain = take (f, (VthDumpRequest){ .tuning = &none }, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (fake.tuned, ==, 0);

  /* the configuration's; a request has the last word on what it says */
  g_assert_true (vth_config_set_tuning (f->config, &configured, &error));
  g_autoptr (VthDump) by_config = take (f, (VthDumpRequest){ .schedule = "s", .time_s = 1 }, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (fake.tuned, ==, 1);
  g_assert_cmpuint (fake.flags, ==, VIR_DUMP_MEMORY_ONLY | 1 << 30);
  assert_asked ("hybrid", 64 << 20, 0, 0);
  g_assert_true (by_config->own);
  g_autoptr (VthDump) by_both = take (f, (VthDumpRequest){ .tuning = &own, .format = VTH_FORMAT_KDUMP_LZO, .time_s = 2 }, &error);
  g_assert_no_error (error);
  assert_asked ("protect", 64 << 20, 1 << 20, 3);
  g_assert_cmpstr (fake.format, ==, "kdump-lzo");
  g_autoptr (VthDump) by_default = take (f, (VthDumpRequest){ .tuning = &none, .time_s = 3 }, &error);
  g_assert_no_error (error);
  assert_asked ("", 64 << 20, 0, 0);
  g_assert_cmpstr (fake.format, ==, "");
  g_autoptr (VthDump) incremental = take_incremental (f, (VthDumpRequest){ .tuning = &own });
  g_assert_cmpuint (fake.generation, ==, 1);
  assert_asked ("protect", 64 << 20, 1 << 20, 3);

  /* a dump that stops the guest does without */
  fake.tuned = 0;
  g_autoptr (VthDump) stop = take (f, (VthDumpRequest){ .mode = VTH_MODE_STOP, .format = VTH_FORMAT_KDUMP_ZLIB, .time_s = 4 }, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (fake.tuned, ==, 0);

  /* what cannot be is refused before libvirt hears of it */
  unsigned int files = count_files (f);
  fake.calls = 0;
  g_autoptr (VthDump) compressed = take (f, (VthDumpRequest){ .format = VTH_FORMAT_KDUMP_ZLIB, .allow_pause = true }, &error);
  g_assert_null (compressed);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_USAGE);
  g_assert_nonnull (strstr (error->message, "strategy protect"));
  g_clear_error (&error);
  g_autoptr (VthDump) small = take (f, (VthDumpRequest){ .tuning = &(VthTuning){ .limit_bytes = 1 }, .allow_pause = true }, &error);
  g_assert_null (small);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_cmpuint (fake.calls, ==, 0);
  g_assert_cmpuint (count_files (f), ==, files);

  /* without the parameters no such dump is possible */
  fake.no_params = true;
  fake.completed_job = false;
  g_autoptr (VthDump) refused = take (f, (VthDumpRequest){ .time_s = 5 }, &error);
  g_assert_null (refused);
  g_assert_error (error, VTH_ERROR, VTH_ERROR_PAUSE_REFUSED);
  g_clear_error (&error);
  g_autoptr (VthDump) paused = take (f, (VthDumpRequest){ .allow_pause = true, .time_s = 5 }, &error);
  g_assert_no_error (error);
  g_assert_true (paused->paused);
  g_assert_cmpuint (fake.flags, ==, VIR_DUMP_MEMORY_ONLY);
}

/* What the domain's XML says holds for its schedules. */
static void
test_tuning_batch (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  const VthTuning tuning = { .strategy = VTH_STRATEGY_HYBRID, .limit_bytes = 32 << 20, .bandwidth_bytes_s = 5 << 20, .threads = 1 };
  g_assert_true (vth_config_set_tuning (f->config, &tuning, &error));
  make_due (f);
  vth_host_set_min_free_bytes (f->host, 0);
  g_autofree char *taken = run_batch (f);
  g_autofree char *done = g_strdup_printf ("%d %d+ ", VTH_BATCH_STARTED, VTH_BATCH_DONE);
  g_assert_cmpstr (taken, ==, done);
  g_assert_cmpuint (fake.tuned, ==, 1);
  assert_asked ("hybrid", 32 << 20, 5 << 20, 1);

  g_autoptr (VthConfig) none = vth_config_new ();
  g_assert_true (vth_config_save (none, f->domain, VTH_IMPACT_LIVE, &error));
}

static const VthPruneItem *
find_item (GPtrArray *plan, const VthDump *dump)
{
  for (unsigned int i = 0; i < plan->len; i++)
    if (strcmp (((VthPruneItem *) plan->pdata[i])->dump->name, dump->name) == 0)
      return plan->pdata[i];
  g_error ("'%s' is not in the plan", dump->name);
  return NULL;
}

static void
keep_last (Fixture *f, unsigned int n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VthSchedule) schedule = vth_schedule_new ("s", "@daily", &error);
  VthRetention retention = { .keep_last = n };
  vth_schedule_set_retention (schedule, &retention);
  vth_config_put_schedule (f->config, schedule);
}

static void
test_prune_chain (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VthDump *dumps[5];
  fake.overlay = true;
  /* two chains: 0 <- 1 <- 2, 3 <- 4 */
  for (unsigned int i = 0; i < 5; i++)
    dumps[i] = take_incremental (f, (VthDumpRequest){ .schedule = "s", .full_every = 3 });
  g_assert_cmpstr (dumps[2]->base, ==, dumps[1]->name);
  g_assert_cmpstr (dumps[2]->tracking.storage, ==, "overlay");
  g_assert_null (dumps[3]->base);
  g_assert_cmpuint (count_files (f), ==, 5 + 3); /* overlays have records */
  g_autoptr (GPtrArray) list = vth_dump_list (f->output, f->domain, &error);
  g_assert_cmpuint (list->len, ==, 5);
  g_assert_cmpstr (((VthDump *) list->pdata[2])->base, ==, dumps[1]->name);
  g_assert_cmpuint (((VthDump *) list->pdata[2])->chain_position, ==, 2);

  /* the newest three need all there is */
  keep_last (f, 3);
  g_autoptr (GPtrArray) three = vth_prune_plan (f->output, f->domain, f->config, NULL, NULL, &error);
  g_assert_no_error (error);
  for (unsigned int i = 0; i < 5; i++)
    g_assert_true (find_item (three, dumps[i])->keep);
  g_autofree char *by_two = g_strconcat ("needed by ", dumps[2]->name, NULL);
  g_autofree char *by_one = g_strconcat ("needed by ", dumps[1]->name, NULL);
  g_assert_cmpstr (find_item (three, dumps[1])->reason, ==, by_two);
  g_assert_cmpstr (find_item (three, dumps[0])->reason, ==, by_one);

  /* the newest two are a chain of their own: all of the other goes, unless somebody's file needs it, however it is named */
  keep_last (f, 2);
  g_autofree char *mine = g_build_filename (vth_output_get_path (f->output), "mine.qcow2", NULL);
  g_autofree char *hidden = g_build_filename (vth_output_get_path (f->output), ".being-written", NULL);
  g_autofree char *dotted = g_strconcat ("./", dumps[1]->name, NULL);
  /* by links, and by whatever leads to the file */
  g_autofree char *link_dir = g_build_filename (f->dir, "link", NULL);
  g_autofree char *link_file = g_build_filename (f->dir, "link-file", NULL);
  g_autofree char *through_dir = g_build_filename (link_dir, dumps[1]->name, NULL);
  g_autofree char *roundabout = g_strconcat ("../dumps//", dumps[1]->name, NULL);
  g_autofree char *protocol = g_strconcat ("file:", dumps[1]->path, NULL);
  g_autofree char *json
      = g_strdup_printf ("json:{\"driver\":\"raw\",\"file\":{\"driver\":\"file\",\"filename\":\"%s\"}}", dumps[1]->path);
  g_assert_cmpint (symlink (vth_output_get_path (f->output), link_dir) | symlink (dumps[1]->path, link_file), ==, 0);
  const char *const names[] = { dumps[1]->name, dotted, dumps[1]->path, through_dir, link_file, "../link-file", roundabout, protocol, json };
  for (unsigned int i = 0; i < G_N_ELEMENTS (names) * 2; i++)
    {
      write_overlay (i % 2 ? hidden : mine, names[i / 2], 1 << 2);
      g_autoptr (GPtrArray) plan = vth_prune_plan (f->output, f->domain, f->config, NULL, NULL, &error);
      g_assert_false (find_item (plan, dumps[2])->keep);
      g_assert_true (find_item (plan, dumps[1])->keep);
      g_assert_true (find_item (plan, dumps[0])->keep);
      g_assert_cmpint (g_unlink (i % 2 ? hidden : mine), ==, 0);
    }
  /* and where the output itself is a link, or ends in slashes */
  g_autofree char *slashes = g_strconcat (link_dir, "//", NULL);
  const char *const outputs[] = { link_dir, slashes };
  for (unsigned int i = 0; i < G_N_ELEMENTS (outputs); i++)
    {
      g_autoptr (VthConfig) config = vth_config_copy (f->config);
      g_assert_true (vth_config_set_output (config, VTH_OUTPUT_DIR, outputs[i], &error));
      g_autoptr (VthOutput) output = vth_output_resolve (f->conn, config, f->host, &error);
      write_overlay (mine, dumps[1]->path, 0);
      g_autoptr (GPtrArray) plan = vth_prune_plan (output, f->domain, config, NULL, NULL, &error);
      g_assert_no_error (error);
      g_assert_false (find_item (plan, dumps[2])->keep);
      g_assert_true (find_item (plan, dumps[1])->keep && find_item (plan, dumps[0])->keep);
    }
  /* nobody else's file keeps dumps for ever */
  if (geteuid () == 0)
    {
      g_assert_cmpint (chown (mine, 12345, 12345), ==, 0);
      g_autoptr (GPtrArray) plan = vth_prune_plan (f->output, f->domain, f->config, NULL, NULL, &error);
      g_assert_false (find_item (plan, dumps[1])->keep);
    }
  g_assert_cmpint (g_unlink (mine), ==, 0);
  /* one in another directory by that name is another */
  write_overlay (mine, "/elsewhere/x.core", 0);
  g_autoptr (GPtrArray) two = vth_prune_plan (f->output, f->domain, f->config, NULL, NULL, &error);
  for (unsigned int i = 0; i < 5; i++)
    g_assert_cmpint (find_item (two, dumps[i])->keep, ==, i >= 3);
  /* a dump that came after the plan: what it builds on stays, and that is an error of those items only */
  write_overlay (mine, dumps[0]->name, 0);
  g_assert_cmpuint (vth_prune_execute (f->output, two), ==, 1);
  g_assert_error (find_item (two, dumps[0])->error, VTH_ERROR, VTH_ERROR_LOCKED);
  g_assert_true (find_item (two, dumps[2])->removed && find_item (two, dumps[1])->removed);
  g_assert_true (g_file_test (dumps[0]->path, G_FILE_TEST_EXISTS));
  g_assert_cmpint (g_unlink (mine), ==, 0);
  g_assert_cmpuint (vth_prune_execute (f->output, two), ==, 0);
  g_assert_cmpuint (count_files (f), ==, 2 + 1);

  /* by name, for watch */
  const char *const last[] = { dumps[3]->name, dumps[4]->name, NULL };
  g_autoptr (GPtrArray) one = vth_prune_plan_last (f->output, f->domain, last, 1, &error);
  g_assert_cmpuint (one->len, ==, 2);
  g_assert_true (find_item (one, dumps[3])->keep && find_item (one, dumps[4])->keep);
  g_autoptr (GPtrArray) none = vth_prune_plan_last (f->output, f->domain, last, 0, &error);
  g_assert_cmpuint (vth_prune_execute (f->output, none), ==, 0);
  g_assert_cmpuint (count_files (f), ==, 0);
  for (unsigned int i = 0; i < 5; i++)
    vth_dump_free (dumps[i]);
}

/* Clones are whole: any of them goes when retention says so. */
static void
test_prune_clones (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  for (unsigned int i = 0; i < 4; i++)
    vth_dump_free (take_incremental (f, (VthDumpRequest){ .schedule = "s" }));
  keep_last (f, 1);
  g_autoptr (GPtrArray) plan = vth_prune_plan (f->output, f->domain, f->config, NULL, NULL, &error);
  g_assert_cmpuint (vth_prune_execute (f->output, plan), ==, 0);
  g_assert_cmpuint (count_files (f), ==, 1);
}

/* --- what an overlay names is not trusted --- */

static void
test_overlay_refused (Fixture *f, gconstpointer data)
{
  const char *dir = vth_output_get_path (f->output);
  g_autofree char *top = g_build_filename (dir, "top", NULL);
  g_autofree char *link_path = g_build_filename (dir, "link", NULL);
  g_autofree char *pipe = g_build_filename (dir, "pipe", NULL);
  g_autofree char *folder = g_build_filename (dir, "folder", NULL);
  g_autofree char *loop = g_build_filename (dir, "loop", NULL);
  g_autofree char *whole = g_build_filename (dir, "whole", NULL);
  g_autofree char *target = g_build_filename (dir, "target", NULL);
  write_core (whole, NULL, 0);
  g_assert_cmpint (symlink (whole, link_path), ==, 0);
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  write_overlay (loop, "top", 0);
  static const struct {
    const char *backing;
    guint64 features;
    int code;
  } cases[] = { { "/etc/passwd", 0, VTH_ERROR_UNSAFE },      { "../x", 0, VTH_ERROR_UNSAFE },
                { "sub/x", 0, VTH_ERROR_UNSAFE },            { "nbd:localhost:10809", 0, VTH_ERROR_UNSAFE },
                { "json:{\"driver\":\"file\"}", 0, VTH_ERROR_UNSAFE }, { "link", 0, VTH_ERROR_UNSAFE },
                { "pipe", 0, VTH_ERROR_UNSAFE },             { "folder", 0, VTH_ERROR_UNSAFE },
                { "..", 0, VTH_ERROR_UNSAFE },               { "missing", 0, VTH_ERROR_NOT_FOUND },
                { "top", 0, VTH_ERROR_FORMAT },              { "loop", 0, VTH_ERROR_FORMAT },
                { "whole", 1 << 2, VTH_ERROR_FORMAT },       { "whole", 1 << 1, VTH_ERROR_FORMAT },
                { "whole", UINT64_C (1) << 40, VTH_ERROR_FORMAT } };
  for (unsigned int i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      write_overlay (top, cases[i].backing, cases[i].features);
      g_assert_false (vth_dump_export (top, target, false, NULL, NULL, NULL, &error));
      if (!g_error_matches (error, VTH_ERROR, cases[i].code))
        g_error ("%s: code %d: %s", cases[i].backing, error->code, error->message);
      g_assert_false (g_file_test (target, G_FILE_TEST_EXISTS));
    }
  /* the chain is part of what is verified: first that all are there, then each, which these heads without anything do not pass */
  g_autofree char *middle = g_build_filename (dir, "middle", NULL);
  write_overlay (top, "middle", 0);
  write_overlay (middle, "./whole", 0);
  for (unsigned int there = 0; there <= 1; there++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GPtrArray) checks = NULL, in = NULL;
      const char *expected = there ? "qemu-img" : "whole': No such file";
      g_assert_cmpint (there ? g_rename (target, whole) : g_rename (whole, target), ==, 0);
      g_assert_true (vth_dump_verify (top, NULL, NULL, NULL, &checks, &error));
      g_assert_cmpint (find_check (checks, "base")->status, ==, VTH_CHECK_FAILED);
      g_assert_nonnull (strstr (find_check (checks, "base")->detail, expected));
      g_assert_true (vth_dump_verify_in (f->output, "top", NULL, NULL, NULL, &in, &error));
      g_assert_cmpstr (find_check (in, "base")->detail, ==, find_check (checks, "base")->detail);
    }
  /* a header whose name is not within the file, and one that is cut off */
  write_overlay (top, "whole", 0);
  int fd = open (top, O_WRONLY);
  g_assert_cmpint (pwrite (fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, 8), ==, 8);
  close (fd);
  g_autoptr (GError) outside = NULL;
  g_autoptr (VthDump) damaged = vth_dump_inspect (top, &outside);
  g_assert_error (outside, VTH_ERROR, VTH_ERROR_FORMAT);
  write_overlay (top, "whole", 0);
  g_assert_cmpint (truncate (top, 60), ==, 0);
  g_autoptr (GError) cut = NULL;
  g_autoptr (VthDump) short_one = vth_dump_inspect (top, &cut);
  g_assert_error (cut, VTH_ERROR, VTH_ERROR_FORMAT);
}

static void
test_verify (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  vth_config_set_manifest (f->config, true);
  g_autoptr (VthDump) dump = take (f, (VthDumpRequest){ 0 }, &error);
  g_assert_no_error (error);
  g_assert_true (dump->has_manifest);
  g_autoptr (GPtrArray) good = NULL;
  g_assert_true (vth_dump_verify (dump->path, NULL, NULL, NULL, &good, &error));
  const char *const names[] = { "header", "segments", "notes", "vthunder-note", "manifest" };
  for (unsigned int i = 0; i < G_N_ELEMENTS (names); i++)
    g_assert_cmpint (find_check (good, names[i])->status, ==, VTH_CHECK_OK);

  /* one byte of memory changed: only the manifest knows */
  int fd = open (dump->path, O_WRONLY);
  g_assert_cmpint (pwrite (fd, "x", 1, 17000), ==, 1);
  close (fd);
  g_autoptr (GPtrArray) changed = NULL;
  g_assert_true (vth_dump_verify (dump->path, NULL, NULL, NULL, &changed, &error));
  g_assert_cmpint (find_check (changed, "segments")->status, ==, VTH_CHECK_OK);
  g_assert_cmpint (find_check (changed, "manifest")->status, ==, VTH_CHECK_FAILED);

  /* cut off */
  g_assert_cmpint (truncate (dump->path, 20000), ==, 0);
  g_autoptr (GPtrArray) cut = NULL;
  g_assert_true (vth_dump_verify (dump->path, NULL, NULL, NULL, &cut, &error));
  g_assert_cmpint (find_check (cut, "segments")->status, ==, VTH_CHECK_FAILED);

  g_autoptr (GPtrArray) none = NULL;
  g_assert_false (vth_dump_verify ("/nonexistent", NULL, NULL, NULL, &none, &error));
  g_assert_error (error, VTH_ERROR, VTH_ERROR_NOT_FOUND);
}

static void
test_download (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VthDump) dump = take (f, (VthDumpRequest){ 0 }, &error);
  g_autofree char *to = g_build_filename (f->dir, "copy", NULL);
  g_autofree char *a = NULL, *b = NULL;
  gsize n_a, n_b;
  g_assert_true (vth_output_download (f->output, dump->name, to, NULL, &error));
  g_assert_true (g_file_get_contents (dump->path, &a, &n_a, NULL) && g_file_get_contents (to, &b, &n_b, NULL));
  g_assert_cmpmem (a, n_a, b, n_b);
  g_assert_false (vth_output_download (f->output, dump->name, to, NULL, &error)); /* never over a file */
  g_assert_error (error, VTH_ERROR, VTH_ERROR_IO);
}

/* --- a batch that was killed during a dump --- */

static void
test_interrupted (Fixture *f, gconstpointer data)
{
  static const char state[] = "{\"version\":1,\"running\":{\"schedule\":\"s\",\"name\":\"x.core\",\"due\":1774137600,"
                              "\"start\":1774137600},\"schedules\":{\"s\":{\"cron\":\"0 0 * * *\",\"seen\":1774137600}}}";
  g_autoptr (GError) error = NULL;
  g_autoptr (VthSchedule) schedule = vth_schedule_new ("s", "0 0 * * *", &error);
  g_autofree char *path = g_build_filename (f->dir, "state", UUID ".json", NULL);
  g_autofree char *dump_path = g_build_filename (vth_output_get_path (f->output), "x.core", NULL);
  vth_host_set_hooks_dir (f->host, NULL);
  vth_host_set_min_free_bytes (f->host, 0);
  vth_config_put_schedule (f->config, schedule);
  g_assert_true (vth_config_save (f->config, f->domain, VTH_IMPACT_LIVE, &error));
  g_autofree char *state_dir = g_path_get_dirname (path);
  g_assert_cmpint (g_mkdir_with_parents (state_dir, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, state, -1, NULL));

  /* libvirt is still at it: nothing is begun, nothing is given up */
  fake.busy = true;
  g_autofree char *running = run_batch (f);
  g_assert_cmpstr (running, ==, "");
  g_assert_cmpuint (fake.calls, ==, 0);

  /* now it is complete, but was never explained: it is ours all the same */
  fake.busy = false;
  write_core (dump_path, "{\"version\":1,\"uuid\":\"" UUID "\",\"mode\":\"mirror\",\"mirror\":{\"t0-ns\":1774137601000000000}}", 0);
  g_autofree char *recovered = run_batch (f);
  g_autofree char *expected = g_strdup_printf ("%d+ ", VTH_BATCH_RECOVERED);
  g_assert_cmpstr (recovered, ==, expected);
  g_assert_cmpuint (fake.calls, ==, 0);
  g_autoptr (GPtrArray) dumps = vth_dump_list (f->output, f->domain, &error);
  g_assert_cmpuint (dumps->len, ==, 1);
  g_assert_cmpstr (((VthDump *) dumps->pdata[0])->schedule, ==, "s");

  /* a torn one, of which nothing says that it is whole, is none */
  write_core (dump_path, NULL, 20000);
  g_assert_true (g_file_set_contents (path, state, -1, NULL));
  fake.fails = true;
  g_autofree char *torn = run_batch (f);
  g_autofree char *failed = g_strdup_printf ("%d %d %d ", VTH_BATCH_RECOVERED, VTH_BATCH_STARTED, VTH_BATCH_FAILED);
  g_assert_cmpstr (torn, ==, failed);
  g_assert_false (g_file_test (dump_path, G_FILE_TEST_EXISTS));
  fake.fails = false;
  fake.calls = 0;

  /* had there been none, its time would be due again: once */
  g_assert_true (g_file_set_contents (path, state, -1, NULL));
  g_autofree char *again = run_batch (f);
  g_autofree char *taken = g_strdup_printf ("%d %d %d+ ", VTH_BATCH_RECOVERED, VTH_BATCH_STARTED, VTH_BATCH_DONE);
  g_assert_cmpstr (again, ==, taken);
  g_assert_cmpuint (fake.calls, ==, 1);
  g_autofree char *quiet_run = run_batch (f);
  g_assert_cmpstr (quiet_run, ==, "");

  g_autoptr (VthConfig) none = vth_config_new ();
  g_assert_true (vth_config_save (none, f->domain, VTH_IMPACT_LIVE, &error));
}

/* Killed when all was written but the register: what is beside the dump is ours too, and goes with it. */
static void
test_interrupted_record (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  make_due (f);
  vth_host_set_min_free_bytes (f->host, 0);
  const int64_t begun_s = g_get_real_time () / G_USEC_PER_SEC;
  g_autoptr (VthDump) dump = take (f, (VthDumpRequest){ .schedule = "s", .mode = VTH_MODE_STOP }, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (count_files (f), ==, 2);
  g_autofree char *path = g_build_filename (f->dir, "state", UUID ".json", NULL);
  g_autofree char *list = g_build_filename (f->dir, "state", "register", UUID ".json", NULL);
  g_autofree char *state = g_strdup_printf ("{\"version\":1,\"running\":{\"schedule\":\"s\",\"name\":\"%s\",\"due\":1774137600,"
                                            "\"start\":%" G_GINT64_FORMAT "},\"schedules\":{\"s\":{\"cron\":\"0 0 * * *\","
                                            "\"seen\":1774137600}}}", dump->name, begun_s);
  g_autofree char *begun = g_strdup_printf ("{\"version\":1,\"files\":[{\"path\":\"%s\",\"schedule\":\"s\",\"begun\":%"
                                            G_GINT64_FORMAT "}]}", dump->path, begun_s);
  g_assert_true (g_file_set_contents (path, state, -1, NULL) && g_file_set_contents (list, begun, -1, NULL));
  g_autofree char *recovered = run_batch (f);
  g_autofree char *expected = g_strdup_printf ("%d+ ", VTH_BATCH_RECOVERED);
  g_assert_cmpstr (recovered, ==, expected);

  const char *const names[] = { dump->name, NULL };
  g_autoptr (GPtrArray) plan = vth_prune_plan_last (f->output, f->domain, names, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vth_prune_execute (f->output, plan), ==, 0);
  g_assert_cmpuint (count_files (f), ==, 0);
  g_autoptr (VthConfig) none = vth_config_new ();
  g_assert_true (vth_config_save (none, f->domain, VTH_IMPACT_LIVE, &error));
}

/* The space that is left is that of the output itself. */
static void
test_floor (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  uint64_t available = 0, capacity = 0;
  make_due (f);

  g_assert_true (vth_output_get_space (f->output, &available, &capacity, &error));
  vth_host_set_min_free_bytes (f->host, capacity + 1);
  g_autofree char *refused = run_batch (f);
  g_autofree char *skipped = g_strdup_printf ("%d ", VTH_BATCH_SKIPPED);
  g_assert_cmpstr (refused, ==, skipped);
  g_assert_cmpuint (fake.calls, ==, 0);
  vth_host_set_min_free_bytes (f->host, 0);
  g_autofree char *taken = run_batch (f);
  g_autofree char *done = g_strdup_printf ("%d %d+ ", VTH_BATCH_STARTED, VTH_BATCH_DONE);
  g_assert_cmpstr (taken, ==, done);

  g_autoptr (VthConfig) none = vth_config_new ();
  g_assert_true (vth_config_save (none, f->domain, VTH_IMPACT_LIVE, &error));
}

/* The samples the fuzzer starts from. */
static void
test_samples (void)
{
  const struct {
    const char *name;
    unsigned int elf_class, n_cpus;
    VthFormat format;
    bool note;
  } samples[] = { { "elf64", 64, 2, VTH_FORMAT_ELF, true },   { "elf32", 32, 2, VTH_FORMAT_ELF, true },
                  { "kdump", 0, 2, VTH_FORMAT_KDUMP_ZLIB, true }, { "flattened", 0, 2, VTH_FORMAT_KDUMP_ZLIB, true },
                  { "kdump32", 0, 2, VTH_FORMAT_KDUMP_ZLIB, true },
                  { "overlay", 0, 0, VTH_FORMAT_ELF, false },
                  { "windows", 0, 0, VTH_FORMAT_WIN_DMP, false } };
  const char *top = g_getenv ("abs_top_srcdir");
  if (top == NULL)
    {
      g_test_skip ("abs_top_srcdir is not set");
      return;
    }
  for (unsigned int i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *path = g_build_filename (top, "tests", "fuzz", "corpus", "note", samples[i].name, NULL);
      g_autoptr (VthDump) dump = vth_dump_inspect (path, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (dump->elf_class, ==, samples[i].elf_class);
      g_assert_cmpuint (dump->n_cpus, ==, samples[i].n_cpus);
      g_assert_cmpint (dump->format, ==, samples[i].format);
      g_assert_cmpstr (dump->domain, ==, samples[i].note ? "web1" : NULL);
      g_assert_cmpuint (dump->figures.pause_ns, ==, samples[i].note ? 123456 : 0);
      g_assert_cmpstr (dump->os_release, ==, samples[i].note ? "6.12.0-test" : NULL);
      if (g_str_equal (samples[i].name, "overlay"))
        g_assert_cmpstr (dump->base, ==, "web1-manual-20261123T030000Z.core");
    }
}

/* The flag of the newest compression, in the header of a sample. */
static void
test_zstd (Fixture *f, gconstpointer data)
{
  const char *top = g_getenv ("abs_top_srcdir");
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  gsize length;
  if (top == NULL)
    {
      g_test_skip ("abs_top_srcdir is not set");
      return;
    }
  g_autofree char *sample = g_build_filename (top, "tests", "fuzz", "corpus", "note", "kdump", NULL);
  g_autofree char *path = g_build_filename (f->dir, "kdump-zstd", NULL);
  g_assert_true (g_file_get_contents (sample, &text, &length, NULL));
  const gsize status = 12 + 6 * 65 + 22;
  g_assert_cmpint (text[status] & ~1, ==, 0);
  text[status] = 32;
  g_assert_true (g_file_set_contents (path, text, (gssize) length, NULL));
  g_autoptr (VthDump) dump = vth_dump_inspect (path, &error);
  g_assert_no_error (error);
  g_assert_cmpint (dump->format, ==, VTH_FORMAT_KDUMP_ZSTD);
  g_assert_cmpstr (vth_format_to_string (dump->format), ==, "kdump-zstd");
}

static void
quiet (void *data, virErrorPtr error)
{
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_setenv ("TZ", "UTC", TRUE);
  virSetErrorFunc (NULL, quiet);
#define ADD(name, function) g_test_add ("/dump/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("mirror", test_mirror);
  ADD ("stock", test_stock);
  ADD ("refused", test_refused);
  ADD ("foreign-flag", test_foreign_flag);
  ADD ("failure", test_failure);
  ADD ("cancel", test_cancel);
  ADD ("cancel-stop", test_cancel_stop);
  ADD ("stale-figures", test_stale_figures);
  ADD ("private-stop", test_private_stop);
  ADD ("killed-stop", test_killed_stop);
  ADD ("broken-state", test_broken_state);
  ADD ("killed", test_killed);
  ADD ("killed-early", test_killed_early);
  ADD ("locked", test_locked);
  ADD ("list-only-own", test_list_only_own);
  ADD ("list-foreign", test_list_foreign);
  ADD ("prune", test_prune);
  ADD ("prune-future", test_prune_future);
  ADD ("no-manifest", test_no_manifest);
  ADD ("incremental", test_incremental);
  ADD ("slashes", test_slashes);
  ADD ("upgrade-chain", test_upgrade_chain);
  ADD ("full-every", test_full_every);
  ADD ("overlays-max", test_overlays_max);
  ADD ("full-every-batch", test_full_every_batch);
  ADD ("full-every-day", test_full_every_day);
  ADD ("no-text", test_no_text);
  ADD ("incremental-stock", test_incremental_stock);
  ADD ("tuning", test_tuning);
  ADD ("tuning-batch", test_tuning_batch);
  ADD ("prune-chain", test_prune_chain);
  ADD ("prune-clones", test_prune_clones);
  ADD ("overlay-refused", test_overlay_refused);
  ADD ("verify", test_verify);
  ADD ("download", test_download);
  ADD ("interrupted", test_interrupted);
  ADD ("interrupted-record", test_interrupted_record);
  ADD ("floor", test_floor);
  ADD ("zstd", test_zstd);
  g_test_add_func ("/dump/samples", test_samples);
  return g_test_run ();
}
