/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vthunder.h - the public interface of libvthunder.
 *
 * libvthunder takes memory dumps of running libvirt domains, keeps their
 * schedules and outputs in the domain XML, and applies retention.  It sits on
 * top of a libvirt connection which the caller opens and closes.
 *
 * Rules that hold for every function:
 *
 *  - Failure.  A function that returns bool or a pointer and takes a GError
 *    says success by its return value alone (true, non-NULL).  Out parameters
 *    come before `error` and are untouched on failure.  Errors are of domain
 *    VTH_ERROR; each function names the codes a caller may want to tell apart,
 *    any function that reaches libvirt may also give VTH_ERROR_LIBVIRT.
 *  - Ownership.  What a function returns as a non-const pointer belongs to the
 *    caller and is freed by the type's _free function (g_autoptr works for all
 *    of them); const pointers belong to the object they came from and live as
 *    long as it is not changed.  Every _free accepts NULL.  A GPtrArray that
 *    is returned owns its elements: g_ptr_array_unref ().
 *  - Structs with visible fields are allocated by the library only, so fields
 *    may be added; the exceptions (VthRetention, VthRetentionItem, VthTuning,
 *    VthDumpRequest, VthBatchOps) are zero-initialised by the caller and have
 *    reserved room.
 *  - Units are in names: _s seconds, _ms milliseconds, _ns nanoseconds,
 *    _bytes.  Points in time are since 1970-01-01 UTC; 0 means "none".
 *  - Threads.  No function prints, exits, or touches global state.  Different
 *    objects may be used from different threads at once; one object may not.
 *    A virConnectPtr may be shared, as in libvirt itself.
 *  - libvirt prints errors on stderr unless told otherwise.  A program that
 *    shows GErrors calls virSetErrorFunc (NULL, quiet_function) once.
 */

#ifndef VTHUNDER_H
#define VTHUNDER_H

#include <stdbool.h>
#include <stdint.h>

#include <gio/gio.h>
#include <glib.h>
#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/* The namespace of our <metadata> element, and the prefix it is written with. */
#define VTH_METADATA_URI "urn:vthunder:domain:1.0"
#define VTH_METADATA_PREFIX "vthunder"

/*
 * The version of the library at run time, e.g. "0.1.0".
 */
const char *vth_version (void);

/* ------------------------------------------------------------------ errors */

#define VTH_ERROR (vth_error_quark ())

/*
 * The value of a code never changes once released; new ones go at the end.
 */
typedef enum {
  VTH_ERROR_FAILED,        /* anything that has no code of its own */
  VTH_ERROR_USAGE,         /* an argument is wrong: a cron expression, a name */
  VTH_ERROR_CONFIG,        /* stored configuration (XML or file) is broken */
  VTH_ERROR_NOT_FOUND,     /* no such domain, schedule, pool, file */
  VTH_ERROR_AMBIGUOUS,     /* a display name that several domains have */
  VTH_ERROR_LOCKED,        /* a dump or another job of the domain, or a batch, is running */
  VTH_ERROR_PAUSE_REFUSED, /* only a dump that stops the guest is possible,
                              and that was not allowed */
  VTH_ERROR_UNSUPPORTED,   /* this host, libvirt, QEMU or output cannot do it */
  VTH_ERROR_UNSAFE,        /* an output directory others could tamper with */
  VTH_ERROR_NO_SPACE,      /* free space would fall below the floor */
  VTH_ERROR_CANCELLED,     /* by the GCancellable or an aborted job */
  VTH_ERROR_FORMAT,        /* not a dump file, or a damaged one */
  VTH_ERROR_IO,            /* the operating system refused a file operation */
  VTH_ERROR_READ_ONLY,     /* the connection is read-only */
  VTH_ERROR_LIBVIRT,       /* libvirt reported an error; its text is in ours */
  VTH_ERROR_TIMEOUT,       /* a dump or hook took longer than it may */
} VthError;

GQuark vth_error_quark (void);

/*
 * vth_error_set_libvirt:
 * @error: where to store it
 * @format: what failed and on what, e.g. "cannot list domains of '%s'"
 *
 * Turns libvirt's last error of this thread into a GError "<format>: <libvirt's
 * message>" with the code that fits (NOT_FOUND for VIR_ERR_NO_DOMAIN,
 * READ_ONLY, UNSUPPORTED, CANCELLED, ...; LIBVIRT for the rest).  Call it right
 * after the libvirt function that failed.
 */
void vth_error_set_libvirt (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* ------------------------------------------------------------- plain values */

typedef enum {
  VTH_MODE_MIRROR, /* "mirror": the guest runs on (VIR_DUMP_THUNDER) */
  VTH_MODE_STOP,   /* "stop": the guest is stopped until the dump is complete */
  VTH_MODE_INCREMENTAL, /* "incremental": as mirror, and only what the guest wrote since an earlier dump is saved */
} VthMode;

/* What virDomainCoreDumpWithFormat can write; names as in `virsh dump --format`. */
typedef enum {
  VTH_FORMAT_ELF,          /* "elf" */
  VTH_FORMAT_KDUMP_ZLIB,   /* "kdump-zlib" */
  VTH_FORMAT_KDUMP_LZO,    /* "kdump-lzo" */
  VTH_FORMAT_KDUMP_SNAPPY, /* "kdump-snappy" */
  VTH_FORMAT_WIN_DMP,      /* "win-dmp" */
  VTH_FORMAT_KDUMP_ZSTD,   /* "kdump-zstd": a patched libvirt and QEMU only */
} VthFormat;

/* How a dump saves the memory that the guest goes on to change; names as in `virsh dump --strategy`. */
typedef enum {
  VTH_STRATEGY_NONE,    /* not set: the next default applies, "auto" in the end */
  VTH_STRATEGY_AUTO,    /* "auto": QEMU chooses */
  VTH_STRATEGY_PROTECT, /* "protect": each first write of the guest waits until the page is copied */
  VTH_STRATEGY_PRECOPY, /* "precopy": copied before T0, and what was changed meanwhile within the pause */
  VTH_STRATEGY_HYBRID,  /* "hybrid": copied before T0, and what was changed meanwhile is protected */
} VthStrategy;

/* As --config, --live and --current of virsh. */
typedef enum {
  VTH_IMPACT_CURRENT = 0,     /* live if the domain is running, else config */
  VTH_IMPACT_LIVE = 1 << 0,   /* the running domain */
  VTH_IMPACT_CONFIG = 1 << 1, /* the persistent definition */
} VthImpact;

/*
 * Names of modes, formats and strategies.  The _from_string functions fail with
 * VTH_ERROR_USAGE and a message that lists what is accepted.  The arrays are
 * NULL terminated and static: for help and completion.  VTH_STRATEGY_NONE has
 * the name "auto".
 */
const char *vth_mode_to_string (VthMode mode);
bool vth_mode_from_string (const char *text, VthMode *mode, GError **error);
const char *const *vth_mode_names (void);
const char *vth_format_to_string (VthFormat format);
bool vth_format_from_string (const char *text, VthFormat *format, GError **error);
const char *const *vth_format_names (void);
const char *vth_strategy_to_string (VthStrategy strategy);
bool vth_strategy_from_string (const char *text, VthStrategy *strategy, GError **error);
const char *const *vth_strategy_names (void);

/*
 * vth_size_parse:
 * @text: a number with an optional suffix: B, K/KiB, M/MiB, G/GiB, T/TiB
 *        (1024) or KB, MB, GB, TB (1000), as virsh scales them
 *
 * Errors: VTH_ERROR_USAGE.
 */
bool vth_size_parse (const char *text, uint64_t *bytes, GError **error);

/* --------------------------------------------------------- cron expressions */

/*
 * VthCron: a cron expression and its next times.  Immutable; may be shared by
 * threads.
 *
 * Accepted: five fields (minute hour day-of-month month day-of-week) with *,
 * lists, ranges, steps (also of a range or of a start: 5/15), names JAN-DEC and
 * SUN-SAT in any case, 0 and 7 as Sunday; and @yearly @annually @monthly
 * @weekly @daily @midnight @hourly.  @reboot is refused.  A day has to
 * match both day fields if either begins with *, and one of them otherwise
 * (crontab(5)).  A date that never comes (31 February) is an
 * error.
 *
 * Daylight saving, the rule of crontab(5) put per hour field: with an hour
 * field that begins with * the expression follows the clock on the wall (hours
 * that are skipped do not fire, hours that are repeated fire again); with
 * named hours, times inside a skipped stretch fire once, at its end, and times
 * inside a repeated stretch fire in the first pass only.
 *
 * Source: crontab(5) of cronie and of Vixie cron.
 */
typedef struct _VthCron VthCron;

/* Errors: VTH_ERROR_USAGE, saying which field and why. */
VthCron *vth_cron_new (const char *expression, GError **error);
VthCron *vth_cron_copy (const VthCron *cron);
void vth_cron_free (VthCron *cron);

/* The expression as it was given, with single spaces. */
const char *vth_cron_get_expression (const VthCron *cron);

/*
 * vth_cron_next:
 * @zone: (nullable): the time zone of the expression; NULL is the host's
 * @after_s: the result is later than this
 * @next_s: (out): the first time the expression fires after @after_s
 *
 * Errors: VTH_ERROR_FAILED when there is none before the year 2500.
 */
bool vth_cron_next (const VthCron *cron, GTimeZone *zone, int64_t after_s, int64_t *next_s, GError **error);

/* ---------------------------------------------------------------- retention */

/*
 * What to keep, as restic's `forget`: each rule looks at all dumps, newest
 * first, and a dump that any rule keeps stays.  keep_<period> keeps the newest
 * dump of each of the last n periods that have one; keep_within_s keeps those
 * not older than that before the newest dump (so a schedule that stopped never
 * loses its last dumps).  All zero keeps everything.
 *
 * Source: restic, "Removing backup snapshots".
 */
typedef struct {
  unsigned int keep_last;
  unsigned int keep_hourly;
  unsigned int keep_daily;
  unsigned int keep_weekly; /* ISO weeks */
  unsigned int keep_monthly;
  unsigned int keep_yearly;
  int64_t keep_within_s;
  uint64_t reserved[4];
} VthRetention;

typedef struct {
  int64_t time_s;   /* in: when the dump was taken */
  const char *name; /* in: breaks ties between equal times (the longer is the newer, then the greater) */
  bool keep;        /* out */
  char *reason;     /* out: why it stays or goes; g_free () it */
  void *data;       /* the caller's */
  uint64_t time_ns; /* in: orders dumps of one second; 0: not known */
  void *reserved[1];
} VthRetentionItem;

bool vth_retention_is_empty (const VthRetention *retention);

/*
 * vth_retention_apply:
 * @zone: (nullable): where hours, days, ... begin; NULL is the host's
 * @items: in any order; the order is kept
 *
 * Pure: decides, removes nothing.
 */
void vth_retention_apply (const VthRetention *retention, GTimeZone *zone, VthRetentionItem *items, size_t n_items);

/*
 * Durations as restic writes them: "1y6m7d12h", in any order of units
 * y(ears, 365 days) m(onths, 30 days) w(eeks) d(ays) h(ours); each once.
 * Errors: VTH_ERROR_USAGE.
 */
bool vth_duration_parse (const char *text, int64_t *duration_s, GError **error);
char *vth_duration_to_string (int64_t duration_s);

/*
 * One line for people: "last 3, daily 7, within 7d"; "keep all" when empty.
 */
char *vth_retention_to_string (const VthRetention *retention);

/* ------------------------------------------------------------------- tuning */

#define VTH_LIMIT_MIN_BYTES (8 << 20)
#define VTH_THREADS_MAX 64

/*
 * How the engine takes a dump during which the guest runs on.  What is 0 is not
 * set: the next default applies, the engine's in the end.
 *
 * Source: VIR_DOMAIN_CORE_DUMP_PARAM_STRATEGY, _MIRROR_LIMIT, _BANDWIDTH and
 * _THREADS of virDomainCoreDumpParams.
 */
typedef struct {
  VthStrategy strategy;
  unsigned int threads;       /* that copy and compress at most: 1 to VTH_THREADS_MAX */
  uint64_t limit_bytes;       /* of host memory for the mirror: from VTH_LIMIT_MIN_BYTES */
  uint64_t bandwidth_bytes_s; /* written to the file at most */
  uint64_t reserved[4];
} VthTuning;

/*
 * vth_tuning_check:
 * @format: of the dump that is to be taken like this
 *
 * Whether all values are in their ranges, and the strategy can write @format:
 * precopy and hybrid write VTH_FORMAT_ELF only.
 * Errors: VTH_ERROR_USAGE.
 */
bool vth_tuning_check (const VthTuning *tuning, VthFormat format, GError **error);

/* ------------------------------------------------------------ configuration */

typedef enum {
  VTH_OUTPUT_NONE, /* not set: the next default applies */
  VTH_OUTPUT_DIR,  /* a directory on the host that runs the domain */
  VTH_OUTPUT_POOL, /* a libvirt storage pool, by name */
} VthOutputKind;

/*
 * VthSchedule: one named schedule of a domain; part of a VthConfig.
 */
typedef struct _VthSchedule VthSchedule;

/*
 * vth_schedule_new:
 * @name: 1-63 characters of A-Z a-z 0-9 _ - (so that it fits file names and
 *        shell words); not "manual", which names dumps without a schedule
 * @cron: see VthCron
 *
 * Mode mirror, enabled, pause not allowed, keeps everything.
 * Errors: VTH_ERROR_USAGE.
 */
VthSchedule *vth_schedule_new (const char *name, const char *cron, GError **error);
VthSchedule *vth_schedule_copy (const VthSchedule *schedule);
void vth_schedule_free (VthSchedule *schedule);
const char *vth_schedule_get_name (const VthSchedule *schedule);
const VthCron *vth_schedule_get_cron (const VthSchedule *schedule);
bool vth_schedule_set_cron (VthSchedule *schedule, const char *cron, GError **error);
VthMode vth_schedule_get_mode (const VthSchedule *schedule);
void vth_schedule_set_mode (VthSchedule *schedule, VthMode mode);
bool vth_schedule_get_enabled (const VthSchedule *schedule);
void vth_schedule_set_enabled (VthSchedule *schedule, bool enabled);
/*
 * The time from which on the schedule counts: it is never due for one before.
 * Now for a schedule that is new, is enabled again or gets another expression,
 * so one that is added under the name of one that was removed has nothing to
 * make up for.  0: whatever was not yet dealt with (XML written by hand).
 */
int64_t vth_schedule_get_since (const VthSchedule *schedule);
void vth_schedule_set_since (VthSchedule *schedule, int64_t since_s);
/*
 * With mode incremental, when to begin anew with a full dump, so that a chain
 * of dumps does not grow for ever: after @count dumps (the full one counts),
 * or once the full one is @duration_s old; 0 leaves that rule out, and both 0
 * is the default, VTH_FULL_EVERY_DEFAULT dumps.
 */
#define VTH_FULL_EVERY_DEFAULT 24
/*
 * Whatever the rule, no more than so many overlays build on each other: to read
 * one all have to be opened, and the time that takes grows with the cube of
 * their number.  Clones need no other file and have no limit.
 */
#define VTH_OVERLAYS_MAX 64
void vth_schedule_get_full_every (const VthSchedule *schedule, unsigned int *count, int64_t *duration_s);
void vth_schedule_set_full_every (VthSchedule *schedule, unsigned int count, int64_t duration_s);
/*
 * The same as text: digits alone are a count (1-1000000), else a duration as
 * vth_duration_parse () reads it.  Errors: VTH_ERROR_USAGE.
 */
bool vth_full_every_parse (const char *text, unsigned int *count, int64_t *duration_s, GError **error);
char *vth_full_every_to_string (unsigned int count, int64_t duration_s);
/* Whether a dump that stops the guest will do where a mirror dump is impossible. */
bool vth_schedule_get_allow_pause (const VthSchedule *schedule);
void vth_schedule_set_allow_pause (VthSchedule *schedule, bool allow);
const VthRetention *vth_schedule_get_retention (const VthSchedule *schedule);
void vth_schedule_set_retention (VthSchedule *schedule, const VthRetention *retention);

/*
 * VthConfig: what vthunder keeps in a domain's XML.  Elements it does not know,
 * written by a newer version, stay in place through read, change and write.
 */
typedef struct _VthConfig VthConfig;

VthConfig *vth_config_new (void);
VthConfig *vth_config_copy (const VthConfig *config);
void vth_config_free (VthConfig *config);

/*
 * vth_config_parse, vth_config_to_xml:
 *
 * Our element, with or without its namespace (libvirt's GetMetadata strips
 * it).  Checked against the RELAX NG schema (vthunder.rng) both ways; cron
 * expressions, templates and names are checked beyond it.
 * Errors: VTH_ERROR_CONFIG.
 */
VthConfig *vth_config_parse (const char *xml, GError **error);
char *vth_config_to_xml (const VthConfig *config, GError **error);

/*
 * vth_config_load:
 * @impact: VTH_IMPACT_CURRENT, _LIVE or _CONFIG
 *
 * The configuration of a domain; an empty one if it has none.
 * Errors: VTH_ERROR_CONFIG (the message names the domain), VTH_ERROR_LIBVIRT.
 */
VthConfig *vth_config_load (virDomainPtr domain, VthImpact impact, GError **error);

/*
 * vth_config_save:
 * @impact: may be _LIVE | _CONFIG
 *
 * Replaces our element, or removes it when the configuration is empty; other
 * applications' metadata is not touched.  VTH_IMPACT_CURRENT has virsh's
 * meaning: only the running domain if it runs.
 */
bool vth_config_save (const VthConfig *config, virDomainPtr domain, VthImpact impact, GError **error);

bool vth_config_is_empty (const VthConfig *config);

VthOutputKind vth_config_get_output_kind (const VthConfig *config);
/* The directory's path or the pool's name; NULL when not set. */
const char *vth_config_get_output (const VthConfig *config);
/* Errors: VTH_ERROR_USAGE (relative path, empty name). @output is NULL for _NONE. */
bool vth_config_set_output (VthConfig *config, VthOutputKind kind, const char *output, GError **error);

/* NULL when not set. Errors: VTH_ERROR_USAGE, see vth_template_check (). */
const char *vth_config_get_file_name (const VthConfig *config);
bool vth_config_set_file_name (VthConfig *config, const char *file_name, GError **error);

/* VTH_FORMAT_ELF when not set. */
bool vth_config_get_format_set (const VthConfig *config);
VthFormat vth_config_get_format (const VthConfig *config);
void vth_config_set_format (VthConfig *config, VthFormat format);
void vth_config_unset_format (VthConfig *config);

/* Limits.  allow-pause holds for dumps by hand; a schedule has its own. */
bool vth_config_get_allow_pause (const VthConfig *config);
void vth_config_set_allow_pause (VthConfig *config, bool allow);
/* A dump that takes longer is cancelled; 0 is no limit. */
unsigned int vth_config_get_timeout_s (const VthConfig *config);
void vth_config_set_timeout_s (VthConfig *config, unsigned int timeout_s);
/*
 * What dumps of the domain are taken with unless their request says otherwise;
 * all 0 when not set.  VTH_STRATEGY_AUTO is kept as VTH_STRATEGY_NONE.
 * Errors: VTH_ERROR_USAGE, see vth_tuning_check (), with any format that goes
 * with the strategy.
 */
const VthTuning *vth_config_get_tuning (const VthConfig *config);
bool vth_config_set_tuning (VthConfig *config, const VthTuning *tuning, GError **error);
/* Write FILE.sha256 beside each dump. */
bool vth_config_get_manifest (const VthConfig *config);
void vth_config_set_manifest (VthConfig *config, bool manifest);

/* Schedules, in the order of the XML. */
unsigned int vth_config_get_n_schedules (const VthConfig *config);
const VthSchedule *vth_config_get_schedule (const VthConfig *config, unsigned int index);
/* NULL if there is none of that name. */
const VthSchedule *vth_config_find_schedule (const VthConfig *config, const char *name);
/* Adds a copy, or replaces the one of the same name in place. */
void vth_config_put_schedule (VthConfig *config, const VthSchedule *schedule);
/* Errors: VTH_ERROR_NOT_FOUND. */
bool vth_config_remove_schedule (VthConfig *config, const char *name, GError **error);

/* The next time any enabled schedule fires after @after_s; 0 if none does. */
int64_t vth_config_next (const VthConfig *config, GTimeZone *zone, int64_t after_s);

/* -------------------------------------------------------- per-host settings */

/*
 * VthHost: the host's settings, a key file.  Read by vth_host_load (NULL) from
 * $XDG_CONFIG_HOME/vthunder/vthunder.conf for a user and from
 * /etc/vthunder/vthunder.conf for root (who may set XDG_CONFIG_HOME too); a
 * missing file gives the defaults.
 *
 *   [output]  dir= or pool=, file-name=
 *   [batch]   max-parallel=1  min-free=1GiB  jitter=0 (s)
 *             state-dir=  metrics=  (Prometheus textfile; empty: none)
 *   [hooks]   dir=  timeout=300 (s)
 */
typedef struct _VthHost VthHost;

/* Errors: VTH_ERROR_CONFIG (names file and key), VTH_ERROR_IO. */
VthHost *vth_host_load (const char *path, GError **error);
/* Writes it back, comments kept, replaced atomically. */
bool vth_host_save (VthHost *host, GError **error);
void vth_host_free (VthHost *host);
const char *vth_host_get_path (const VthHost *host);

VthOutputKind vth_host_get_output_kind (const VthHost *host);
const char *vth_host_get_output (const VthHost *host);
bool vth_host_set_output (VthHost *host, VthOutputKind kind, const char *output, GError **error);
const char *vth_host_get_file_name (const VthHost *host);
bool vth_host_set_file_name (VthHost *host, const char *file_name, GError **error);
unsigned int vth_host_get_max_parallel (const VthHost *host);
uint64_t vth_host_get_min_free_bytes (const VthHost *host);
unsigned int vth_host_get_jitter_s (const VthHost *host);
unsigned int vth_host_get_hook_timeout_s (const VthHost *host);
const char *vth_host_get_hooks_dir (const VthHost *host);   /* NULL: none */
const char *vth_host_get_metrics_path (const VthHost *host); /* NULL: none */
const char *vth_host_get_state_dir (const VthHost *host);
/* For tests and for --state-dir. */
void vth_host_set_state_dir (VthHost *host, const char *path);
void vth_host_set_hooks_dir (VthHost *host, const char *path);
void vth_host_set_metrics_path (VthHost *host, const char *path);
void vth_host_set_max_parallel (VthHost *host, unsigned int max_parallel);
void vth_host_set_min_free_bytes (VthHost *host, uint64_t bytes);
void vth_host_set_jitter_s (VthHost *host, unsigned int jitter_s);
void vth_host_set_hook_timeout_s (VthHost *host, unsigned int timeout_s);

/* ------------------------------------------------------ templates and outputs */

/* What applies where neither domain nor host says otherwise. */
#define VTH_TEMPLATE_DEFAULT "{domain}-{schedule}-{time}.core"

/*
 * vth_template_check:
 * @file_name: plain text and {domain} {uuid} {schedule} {time} {format}
 *
 * {time} is T0 in UTC as 20261123T030000Z.  Refused: a slash, a leading dot,
 * control characters, unknown fields, and what could collide: a template needs
 * {time}, and {domain} or {uuid}.
 * Errors: VTH_ERROR_USAGE.
 */
bool vth_template_check (const char *file_name, GError **error);

/*
 * vth_template_expand:
 * @domain: bytes other than A-Z a-z 0-9 . _ - become %XX, so that different
 *          names give different files
 * @schedule: (nullable): "manual" if NULL
 *
 * Errors: VTH_ERROR_USAGE (also for a result of more than 220 bytes).
 */
char *vth_template_expand (const char *file_name,
                           const char *domain,
                           const char *uuid,
                           const char *schedule,
                           int64_t time_s,
                           VthFormat format,
                           GError **error);

/*
 * VthOutput: a place for dumps.  Over a remote connection only pools work for
 * anything but taking a dump: their volumes are listed, read and deleted
 * through libvirt.
 */
typedef struct _VthOutput VthOutput;

/*
 * vth_output_new:
 * @conn: (nullable): may be NULL for a directory on this host
 *
 * Errors: VTH_ERROR_USAGE (relative path), VTH_ERROR_NOT_FOUND (no such pool
 * or directory), VTH_ERROR_UNSUPPORTED (a pool without a directory behind it),
 * VTH_ERROR_FAILED (a pool that is not active).
 */
VthOutput *vth_output_new (virConnectPtr conn, VthOutputKind kind, const char *target, GError **error);

/*
 * vth_output_resolve:
 *
 * The output of a domain: its own, else the host's, else
 * /var/lib/vthunder/dumps for root on a system connection and
 * $XDG_DATA_HOME/vthunder/dumps else (created when missing).
 */
VthOutput *vth_output_resolve (virConnectPtr conn, const VthConfig *config, const VthHost *host, GError **error);
void vth_output_free (VthOutput *output);

VthOutputKind vth_output_get_kind (const VthOutput *output);
/* The pool name it was made with, or the path without what does not matter in it ("/d" for "/d//."). */
const char *vth_output_get_target (const VthOutput *output);
/* The directory on the host that has it (a pool's target path). */
const char *vth_output_get_path (const VthOutput *output);

/* Whether two outputs are the same place: also by another path or a link, or one a pool of the other's directory. */
bool vth_output_is_same (const VthOutput *a, const VthOutput *b);

/*
 * vth_output_share_domains:
 *
 * What is removed or replaced is no file of a domain, for which all domains are
 * looked at, once a minute at most.  For many outputs that is much: @output
 * takes what @with, of the same connection, knows.
 */
void vth_output_share_domains (VthOutput *output, VthOutput *with);

/* Whether that is a directory of this host. */
bool vth_output_is_local (const VthOutput *output);

/*
 * vth_output_check:
 *
 * Refuses directories in which others could tamper with dumps or place links:
 * writable for everybody, or for a group other than root's (and one that the
 * caller alone is in), without the sticky bit; owned by (or reached through a
 * link or directory owned by) somebody other than root and the caller.  A pool,
 * and any directory of a remote host, is libvirt's to check and passes.
 * Errors: VTH_ERROR_UNSAFE, VTH_ERROR_NOT_FOUND, VTH_ERROR_IO.
 */
bool vth_output_check (VthOutput *output, GError **error);

/* Bytes available to us. Errors: VTH_ERROR_UNSUPPORTED (directory of a remote host). */
bool vth_output_get_space (VthOutput *output, uint64_t *available_bytes, uint64_t *capacity_bytes, GError **error);

/*
 * vth_output_download:
 *
 * Copies a dump to a local file, which must not exist; holes stay holes.
 * Errors: VTH_ERROR_NOT_FOUND, VTH_ERROR_IO, VTH_ERROR_CANCELLED.
 */
bool vth_output_download (VthOutput *output,
                          const char *name,
                          const char *to_path,
                          GCancellable *cancellable,
                          GError **error);

/* -------------------------------------------------------------------- dumps */

/* The engine's figures; all zero for a dump of a stock QEMU. */
typedef struct {
  uint64_t t0_ns; /* wall clock */
  uint64_t pause_ns;
  uint64_t stall_max_ns;
  uint64_t stall_count;
  uint64_t capture_ns;
  uint64_t total_ns;
  uint64_t pages_total; /* 4 KiB each */
  uint64_t pages_zero;
  uint64_t pages_copied;
  uint64_t pages_fault_copied;
  uint64_t mirror_limit_bytes;
  uint64_t mirror_peak_bytes;
  uint64_t bytes_written;
  uint64_t protect_calls; /* system calls within the pause that protected memory */
  uint64_t t0_tries;      /* how often the guest was stopped for T0; 0: not known, nor is the above */
} VthFigures;

/*
 * How a dump relates to others of its guest, as the engine tells it.  Strings
 * may be NULL; all empty for a dump that was not asked to be incremental.
 */
typedef struct {
  char *strategy;        /* "protect", "precopy" or "hybrid" */
  char *storage;         /* "file", "clone" (complete, shares blocks) or "overlay" (qcow2, of use with its base only) */
  char *generation;      /* names this dump as the base of the next; NULL: nothing is tracked */
  char *base_generation; /* what it builds on; NULL: it is a full dump */
  char *full_reason;     /* why it is full though it was to build on another */
  uint64_t pages_dirty;  /* pages of 4 KiB that it had to save */
} VthTracking;

/*
 * VthDump: what is known of one dump file.  Strings may be NULL.
 */
typedef struct {
  char *name;      /* file or volume name */
  char *path;      /* on the host that has it */
  char *pool;      /* storage pool, or NULL */
  char *domain;    /* name when the dump was taken */
  char *uuid;
  char *schedule;  /* "manual" for one taken by hand; NULL: not vthunder's */
  char *uri;       /* connection it was taken through */
  char *base;      /* name of the dump it builds on; NULL for a full one */
  char *note_json; /* the whole note, or NULL */
  VthMode mode;
  VthFormat format; /* -1: not known, of a file that was given to somebody else and is not read */
  bool paused;     /* the guest was stopped for the dump */
  bool own;        /* this host's register has it: may be pruned */
  bool changed;    /* the register has one of its path, and it is not that file any more; from vth_dump_list_all () only */
  bool names_itself; /* it says that vthunder wrote it under this name, as anybody's file can */
  bool has_figures;
  bool has_manifest; /* NAME.sha256 is there */
  int64_t time_s;  /* T0; for others the time of the file */
  uint64_t size_bytes;
  uint64_t allocated_bytes;
  VthFigures figures;
  /* From vth_dump_inspect () only: */
  unsigned int elf_class; /* 32, 64; 0 for others */
  unsigned int machine;   /* e_machine */
  unsigned int n_cpus;    /* NT_PRSTATUS notes */
  unsigned int n_segments;
  uint64_t memory_bytes;  /* of all segments */
  bool has_vmcoreinfo;
  char *os_release;       /* from VMCOREINFO */
  VthTracking tracking;
  unsigned int chain_position; /* 0: full; n: the n-th that builds on that one */
  int64_t chain_start_s;  /* T0 of the full dump, from the batch its due time; of dumps just taken only */
  bool has_unique;        /* whether unique_bytes is known */
  uint64_t unique_bytes;  /* on disk and not shared with other files */
  char *manifest_error;   /* why the manifest that was asked for is not there; from vth_dump_take () only */
} VthDump;

void vth_dump_free (VthDump *dump);

/*
 * The request of vth_dump_take ().  Zero-initialise it: a mirror dump in ELF
 * format to the domain's output.
 */
typedef struct {
  VthMode mode;
  VthFormat format;
  bool use_config_format; /* take the format of the domain's configuration */
  bool allow_pause;       /* if a mirror dump is impossible, stop the guest; by hand also if the configuration allows it */
  bool manifest;          /* also write FILE.sha256, as if the configuration says so */
  unsigned int timeout_s; /* 0: the configuration's */
  const char *schedule;   /* NULL: by hand */
  const char *path;       /* NULL: output and template; else an absolute path */
  const char *name;       /* NULL: by the template; else the file's name in the output */
  const VthConfig *config; /* NULL: read from the domain */
  const VthHost *host;     /* NULL: vth_host_load (NULL) */
  int64_t time_s;          /* for {time}; 0: now */
  /* (nullable): called once, as progress is, when the dump was to be cancelled (or timed out) but stops the guest:
     libvirt cannot cut such a one short, so it is waited for. */
  void (*cannot_cancel) (void *user_data);
  /* With mode incremental: */
  bool full;               /* begin anew, but so that the next can build on this one */
  unsigned int full_every; /* as vth_schedule_get_full_every (); both 0: VTH_FULL_EVERY_DEFAULT */
  int64_t full_every_s;
  const VthTuning *tuning; /* NULL: the configuration's, and so is what is 0 in it */
  /* (nullable): called once, as progress is, when another job runs on the domain, "a backup" or what it is, and is waited for. */
  void (*waiting) (const char *job, void *user_data);
  void *reserved[2];
} VthDumpRequest;

/*
 * VthProgressFunc:
 * @done_bytes, @total_bytes: 0 of 0 while unknown
 * @figures: what the engine has so far; NULL with a stock QEMU
 *
 * Called about 10 times a second, in the thread that called vth_dump_take (),
 * from when libvirt has begun the dump.
 */
typedef void (*VthProgressFunc) (uint64_t done_bytes, uint64_t total_bytes, const VthFigures *figures, void *user_data);

/*
 * vth_dump_take:
 * @cancellable: (nullable): cancelling aborts the job; the guest runs on and no
 *               file is left.  A dump that stops the guest goes on to its end
 *               and is returned: see cannot_cancel
 *
 * A domain has one long job at a time.  While another one runs, a backup or a
 * migration, the dump waits, 30 seconds at most and no longer than its
 * timeout; cancelling ends the wait.  Whatever happens, no other job than the
 * dump's own is aborted.
 *
 * Takes one dump and returns what was written.  A dump that is complete is
 * returned whatever cannot be written about it: `own` is false if it is not in
 * this host's register, has_manifest with manifest_error set.  Never falls back to stopping
 * the guest unless @request allows it; then the dump says `paused`.  Blocks;
 * other threads may use the connection meanwhile.
 *
 * Mode incremental builds on the newest dump of that mode that vthunder took
 * of the domain into the same output and remembers in its state directory.
 * Whatever stands against that (the file is gone or was changed, the guest was
 * reset, the libvirt is a stock one) gives a full dump, and tracking.full_reason
 * says why.  The file is a clone of its base where the file system can share
 * blocks, else a qcow2 overlay over it.  The format has to be ELF.
 *
 * What the request or the configuration has in its VthTuning is for dumps
 * during which the guest runs on; one that stops the guest does without.  A
 * libvirt or QEMU that does not know such parameters is one that cannot take a
 * mirror dump.
 *
 * Errors: VTH_ERROR_LOCKED (a dump or another job of this domain is running, or
 * an overlay builds on the file that would be replaced),
 * VTH_ERROR_PAUSE_REFUSED, VTH_ERROR_UNSAFE, VTH_ERROR_CANCELLED,
 * VTH_ERROR_TIMEOUT, VTH_ERROR_USAGE, VTH_ERROR_CONFIG, VTH_ERROR_READ_ONLY,
 * VTH_ERROR_LIBVIRT.
 * Source: virDomainCoreDumpWithFormat, virDomainCoreDumpParams.
 */
VthDump *vth_dump_take (virDomainPtr domain,
                        const VthDumpRequest *request,
                        VthProgressFunc progress,
                        void *user_data,
                        GCancellable *cancellable,
                        GError **error);

/*
 * vth_dump_list:
 * @domain: (nullable): dumps of this domain only
 *
 * The dumps in @output that are this host's, oldest first, of VthDump.  A file
 * counts if the register in the state directory has it, by its path, inode,
 * size and times; what it says of itself only describes it.  A copy, also one
 * that took the place of the dump, and a file that was changed are not this
 * host's.  Where there is no register yet (of an older vthunder) the domain's
 * state tells the last dump and those it builds on.
 *
 * Files that cannot be read are left out, unless that leaves nothing: then the
 * reason is the error (VTH_ERROR_READ_ONLY: libvirt reads no volumes over a
 * read-only connection).
 */
GPtrArray *vth_dump_list (VthOutput *output, virDomainPtr domain, GError **error);

/*
 * vth_dump_list_all:
 *
 * The same, and what is foreign: files that say of themselves (in a note or in
 * the record NAME.vthunder) that vthunder wrote them under this name, and are
 * not in the register.  `own` is false of them, and `changed` says that there
 * was one of ours.  They are never removed and have no other removed.  Files of domains, such as disks, and those that
 * belong to neither root nor the caller are not looked into.
 */
GPtrArray *vth_dump_list_all (VthOutput *output, virDomainPtr domain, GError **error);

/*
 * vth_dump_adopt:
 *
 * Puts a foreign dump, which says of itself what it is, into the register of
 * this host: retention then applies to it.
 * Errors: VTH_ERROR_FORMAT (it does not say), VTH_ERROR_LOCKED (it is a file of
 * a domain), VTH_ERROR_UNSAFE (it belongs to neither root nor the caller).
 */
bool vth_dump_adopt (VthOutput *output, const char *name, GError **error);

/*
 * vth_dump_inspect:
 *
 * Reads a local dump file (ELF or kdump) of any origin; trusts nothing in it.
 * Errors: VTH_ERROR_FORMAT, VTH_ERROR_NOT_FOUND, VTH_ERROR_IO.
 */
VthDump *vth_dump_inspect (const char *path, GError **error);
/* The same for a file or volume of an output, wherever that is. */
VthDump *vth_dump_inspect_in (VthOutput *output, const char *name, GError **error);

typedef enum {
  VTH_CHECK_OK,
  VTH_CHECK_SKIPPED, /* nothing to check, or not possible from here */
  VTH_CHECK_WARNING,
  VTH_CHECK_FAILED,
} VthCheckStatus;

/* One line of vth_dump_verify () or vth_doctor_run (). */
typedef struct {
  char *name;   /* short and stable, e.g. "userfaultfd" */
  VthCheckStatus status;
  char *detail; /* what was found */
  char *remedy; /* what to do; NULL if nothing */
} VthCheck;

const char *vth_check_status_to_string (VthCheckStatus status); /* "ok", "skipped", "warning", "failed" */
void vth_check_free (VthCheck *check);

/*
 * vth_dump_verify:
 * @checks: (out): GPtrArray of VthCheck, all that were made: "header",
 *          "segments", "notes", "vthunder-note", "manifest", and for an
 *          overlay "base"
 * @progress: (nullable): for the manifest, which reads the whole file
 *
 * True if the file could be read at all; whether it is whole is in the checks.
 * "base" is of all files of the overlay, each whole and written over the one
 * below it; it runs qemu-img, and fails where that is not to be had.
 * Errors: VTH_ERROR_NOT_FOUND, VTH_ERROR_IO, VTH_ERROR_CANCELLED.
 */
bool vth_dump_verify (const char *path,
                      VthProgressFunc progress,
                      void *user_data,
                      GCancellable *cancellable,
                      GPtrArray **checks,
                      GError **error);
/*
 * The same for a file or volume of an output: a manifest has the whole volume
 * sent here, and overlays on another host are not looked into ("overlays" is
 * VTH_CHECK_SKIPPED then).
 */
bool vth_dump_verify_in (VthOutput *output,
                         const char *name,
                         VthProgressFunc progress,
                         void *user_data,
                         GCancellable *cancellable,
                         GPtrArray **checks,
                         GError **error);

/*
 * vth_dump_export:
 * @path: a local ELF dump, or an overlay
 * @target: the file to write; it has a hidden name until it is whole
 * @replace: whether @target may exist
 *
 * Writes a dump that needs no other file: complete ELF, mode 0600, holes kept.
 * The backing files of an overlay have to be regular files in its directory;
 * nothing else that it names is opened.  Runs qemu-img for overlays.
 * Errors: VTH_ERROR_FORMAT (no ELF dump; or one of its files is damaged, or is
 * not what the overlay was written over), VTH_ERROR_UNSAFE (a backing file elsewhere, a
 * link), VTH_ERROR_NOT_FOUND, VTH_ERROR_USAGE (@target exists),
 * VTH_ERROR_LOCKED (an overlay builds on @target),
 * VTH_ERROR_UNSUPPORTED (no qemu-img), VTH_ERROR_IO, VTH_ERROR_CANCELLED.
 */
bool vth_dump_export (const char *path,
                      const char *target,
                      bool replace,
                      VthProgressFunc progress,
                      void *user_data,
                      GCancellable *cancellable,
                      GError **error);

/* A stretch of guest-physical memory: whole pages of 4 KiB. */
typedef struct {
  uint64_t start;
  uint64_t length_bytes;
} VthRange;

typedef struct {
  VthRange *ranges; /* that differ, in order of addresses */
  size_t n_ranges;
  uint64_t pages_total;
  uint64_t pages_different;
  uint64_t shared_bytes; /* not read: the files share these blocks, or both have a hole there */
} VthDiff;

void vth_diff_free (VthDiff *diff);

/*
 * vth_dump_diff:
 * @a, @b: local ELF dumps or overlays; an overlay is written out to a file
 *         without a name in its directory first
 *
 * Compares the memory of two dumps of one guest.
 * Errors: VTH_ERROR_FORMAT (no ELF dump, cut off), VTH_ERROR_UNSUPPORTED (their
 * memory has different layouts; the message says where), else as
 * vth_dump_export ().
 */
VthDiff *vth_dump_diff (const char *a,
                        const char *b,
                        VthProgressFunc progress,
                        void *user_data,
                        GCancellable *cancellable,
                        GError **error);

/* Writes FILE.sha256 in the format of sha256sum(1). */
bool vth_dump_write_manifest (const char *path, GCancellable *cancellable, GError **error);

/* One file of a prune plan. */
typedef struct {
  VthDump *dump;
  bool keep;
  char *reason;
  bool removed;  /* by vth_prune_execute () */
  GError *error; /* why it could not be removed */
} VthPruneItem;

void vth_prune_item_free (VthPruneItem *item);

/*
 * vth_prune_plan:
 * @schedule: (nullable): only this schedule's dumps
 *
 * What retention would do to a domain's dumps, newest first: GPtrArray of
 * VthPruneItem.  Each schedule's policy sees only its own dumps; dumps by hand
 * and those of schedules that no longer exist are kept and say so; so are those
 * dated later than now (a clock that was wrong), for which no other goes.  What a
 * qcow2 file that stays has as its backing file, whoever wrote that, stays too
 * and says which file needs it.
 */
GPtrArray *vth_prune_plan (VthOutput *output,
                           virDomainPtr domain,
                           const VthConfig *config,
                           const char *schedule,
                           GTimeZone *zone,
                           GError **error);

/*
 * vth_prune_plan_last:
 * @names: NULL terminated, oldest first
 * @keep: how many of them stay
 *
 * The same for the dumps of these names alone, whatever their schedule.
 */
GPtrArray *vth_prune_plan_last (VthOutput *output,
                                virDomainPtr domain,
                                const char *const *names,
                                unsigned int keep,
                                GError **error);

/*
 * vth_prune_execute:
 *
 * Removes what the plan does not keep, with its manifest and record, after
 * checking again that the file is the one in the plan and that no other needs
 * it.  One file that cannot
 * be removed does not stop the others: its item has the error, and the result
 * is the number of items that failed.
 */
unsigned int vth_prune_execute (VthOutput *output, GPtrArray *plan);

/* --------------------------------------------------------------------- jobs */

/* A running (or the last completed) dump job of a domain. */
typedef struct {
  char *domain;
  char *operation; /* "dump", or libvirt's other operations by name */
  bool is_dump;
  uint64_t elapsed_ms;
  uint64_t total_bytes, done_bytes;
  bool has_figures;
  VthFigures figures;
  VthTracking tracking;
} VthJob;

void vth_job_free (VthJob *job);

/*
 * The job of a domain; *job is NULL when there is none.  @completed asks for
 * the last completed one instead (libvirt keeps it until asked again).
 */
bool vth_job_get (virDomainPtr domain, bool completed, VthJob **job, GError **error);
/* All running jobs: GPtrArray of VthJob. */
GPtrArray *vth_job_list (virConnectPtr conn, GError **error);
/*
 * Aborts the running dump of a domain, whoever takes it; other jobs are not
 * touched.  Errors: VTH_ERROR_NOT_FOUND if no dump is running, naming the job
 * that is.  Source: virDomainAbortJob.
 */
bool vth_job_abort (virDomainPtr domain, GError **error);

/*
 * Stop keeping track of what the guest changes, which incremental dumps start and which costs the guest a little for as
 * long as it runs.  The next incremental dump is a full one.  Errors: VTH_ERROR_NOT_FOUND if nothing is tracked,
 * VTH_ERROR_UNSUPPORTED with a libvirt that does not know how.  Source: virDomainCoreDumpUntrack.
 */
bool vth_dump_untrack (virDomainPtr domain, GError **error);

/* ------------------------------------------------------------------ domains */

/* One domain of a list, with what vthunder knows of it. */
typedef struct {
  virDomainPtr handle; /* freed with the item */
  int id;              /* -1: not running */
  char *name;
  char *uuid;
  char *display_name;  /* from OpenStack Nova or KubeVirt, else NULL */
  int state;           /* virDomainState */
  bool active;
  uint64_t memory_kib; /* maximum memory */
  VthConfig *config;   /* NULL with @config_error set if broken */
  GError *config_error;
  int64_t last_dump_s; /* 0: none known on this host */
  bool last_failed;    /* the last attempt failed */
  char *last_path;
  int64_t next_dump_s; /* 0: no enabled schedule */
  GError *state_error; /* what this host remembers of it cannot be read */
} VthDomain;

void vth_domain_free (VthDomain *domain);

typedef enum {
  VTH_DOMAIN_LIST_ACTIVE = 1 << 0,
  VTH_DOMAIN_LIST_INACTIVE = 1 << 1,
  VTH_DOMAIN_LIST_NO_CONFIG = 1 << 2, /* names and states only: one round trip */
} VthDomainListFlags;

/*
 * vth_domain_list:
 * @host: (nullable): where last dumps are recorded; NULL: not looked up
 *
 * GPtrArray of VthDomain: running ones by id, then the others by name, as virsh
 * lists them.  A domain with a broken configuration is in the list, with its
 * error.
 */
GPtrArray *vth_domain_list (virConnectPtr conn, VthDomainListFlags flags, const VthHost *host, GError **error);

/*
 * vth_domain_lookup:
 * @key: an id, a name, a uuid, or a display name; tried in virsh's order
 *
 * Errors: VTH_ERROR_NOT_FOUND; VTH_ERROR_AMBIGUOUS naming the candidates when
 * several domains have @key as their display name.  Free: virDomainFree ().
 */
virDomainPtr vth_domain_lookup (virConnectPtr conn, const char *key, GError **error);

/* "running", "paused", "shut off", ... as virsh says it. */
const char *vth_domain_state_to_string (int state);

/* -------------------------------------------------------------------- batch */

typedef enum {
  VTH_BATCH_STARTED,      /* a dump begins */
  VTH_BATCH_DONE,         /* it is complete: @dump */
  VTH_BATCH_FAILED,       /* @error */
  VTH_BATCH_SKIPPED,      /* due, but not possible now: not running, another job, no space; or cancelled with the run.  It stays
                             due; said once (@error) */
  VTH_BATCH_BROKEN,       /* the domain's configuration: @error */
  VTH_BATCH_HOOK_FAILED,  /* @message names it, @error says why */
  VTH_BATCH_PRUNED,       /* @dump was removed, @message has the reason */
  VTH_BATCH_PRUNE_FAILED, /* @error */
  VTH_BATCH_RECOVERED,    /* a dump that a killed run left is accounted for: @message */
  VTH_BATCH_METRICS_FAILED, /* of the host: @error */
  VTH_BATCH_WARNING,      /* dumps are taken, but something is not as it should be.  Said once: @message */
} VthBatchEventKind;

/* Borrowed for the call. */
typedef struct {
  VthBatchEventKind kind;
  const char *domain;
  const char *schedule; /* or NULL */
  int64_t due_s;        /* the time it was due; 0 if not about a due dump */
  const VthDump *dump;  /* or NULL */
  const char *message;  /* or NULL */
  const GError *error;  /* or NULL */
} VthBatchEvent;

/* Called in the thread that called vth_batch_run (), one event at a time. */
typedef void (*VthBatchEventFunc) (const VthBatchEvent *event, void *user_data);

typedef struct {
  unsigned int due;
  unsigned int done;
  unsigned int failed;
  unsigned int skipped;
  unsigned int broken;
  unsigned int hooks_failed;
  unsigned int pruned;
  unsigned int prune_failed;
  unsigned int metrics_failed; /* whether */
  uint64_t reserved[3];
} VthBatchSummary;

/* One domain as the batch sees it; strings and config are owned. */
typedef struct {
  char *name;
  char *uuid;
  bool active;
  VthConfig *config; /* NULL with @error set if broken */
  GError *error;
  virDomainPtr handle; /* NULL in simulations */
} VthBatchDomain;

VthBatchDomain *vth_batch_domain_new (const char *name, const char *uuid, bool active, const VthConfig *config);
void vth_batch_domain_free (VthBatchDomain *domain);

/*
 * What a batch run does to the world; NULL members mean the real thing.  Tests
 * put a fake clock and fake dumps here.  @take may be called from several
 * threads at once (for different domains).
 */
typedef struct {
  int64_t (*now) (void *user_data);
  /* GPtrArray of VthBatchDomain */
  GPtrArray *(*domains) (void *user_data, GError **error);
  VthDump *(*take) (const VthBatchDomain *domain, const VthDumpRequest *request, void *user_data,
                    GCancellable *cancellable, GError **error);
  /* After a killed run: what became of the take that was to write @name; NULL without error: nothing did. */
  VthDump *(*find) (const VthBatchDomain *domain, const char *schedule, const char *name, void *user_data, GError **error);
  /* @schedule is NULL for all of them. */
  GPtrArray *(*prune_plan) (const VthBatchDomain *domain, const char *schedule, void *user_data, GError **error);
  unsigned int (*prune_execute) (const VthBatchDomain *domain, GPtrArray *plan, void *user_data);
  bool (*get_space) (const VthBatchDomain *domain, uint64_t *available_bytes, void *user_data, GError **error);
  void *reserved[8];
} VthBatchOps;

typedef struct _VthBatch VthBatch;

/*
 * vth_batch_new:
 * @conn: (nullable): may be NULL if @ops brings all it needs
 * @host: borrowed; must outlive the batch
 * @ops: (nullable): copied
 */
VthBatch *vth_batch_new (virConnectPtr conn, const VthHost *host, const VthBatchOps *ops, void *ops_data);
void vth_batch_free (VthBatch *batch);
/* NULL is the host's zone. */
void vth_batch_set_zone (VthBatch *batch, GTimeZone *zone);
/* Take nothing, prune nothing: report what would be. */
void vth_batch_set_dry_run (VthBatch *batch, bool dry_run);

/*
 * vth_batch_run:
 * @summary: (nullable) (out)
 *
 * One run: takes the dumps that are due, one for each schedule, at most one per
 * domain and max-parallel at a time, and after each applies the retention of
 * its schedule.  Several missed times of a schedule count as one; a schedule seen for the
 * first time, enabled again or given another expression is due from now on,
 * never for the past.  A dump that failed is tried again at its next time, not
 * every minute; one that was impossible (domain not running or busy with
 * another job, no space) stays due until its schedule comes again, and so does
 * one that was cancelled together with the run.  Retention is applied after a dump that failed too, and before one for
 * which there is no space.  Runs may overlap: a domain that another one is dumping, and what has no
 * place within max-parallel (counted over all runs of the host), is left to
 * the next.  Safe against being killed at any point.
 *
 * Hooks: executables <hooks-dir>/pre.d/NAME, post.d/NAME and fail.d/NAME, NAME
 * of A-Z a-z 0-9 _ -, in order of their names, with VTHUNDER_EVENT, _DOMAIN,
 * _UUID, _SCHEDULE, _DUE and, once known, _PATH, _POOL, _BASE, _TIME, _FORMAT,
 * _MODE (incremental: it builds on _BASE), _PAUSED, _PAUSE_NS, _STALL_MAX_NS, _ERROR in the environment.  One that fails or
 * outlives its time is reported and changes nothing else.  After pre.d comes
 * post.d or fail.d, unless the run is killed; with _STAYS_DUE=yes in fail.d the
 * dump is to be tried again.
 *
 * True if the run could be made, whatever became of single dumps: see
 * @summary.  Errors: VTH_ERROR_IO (state directory), VTH_ERROR_LIBVIRT.
 */
bool vth_batch_run (VthBatch *batch,
                    VthBatchEventFunc event,
                    void *user_data,
                    GCancellable *cancellable,
                    VthBatchSummary *summary,
                    GError **error);

/*
 * vth_hook_run:
 * @path: an executable that only root or the caller may write
 * @event: "post", ...
 *
 * Runs one program as the batch runs its hooks, with what is known of @dump in
 * the environment and for at most the host's hook timeout.
 * Errors: VTH_ERROR_UNSAFE, VTH_ERROR_TIMEOUT, VTH_ERROR_FAILED.
 */
bool vth_hook_run (const char *path, const VthHost *host, const char *event, const VthDump *dump, GError **error);

/* ------------------------------------------------------------------- doctor */

/*
 * vth_doctor_run:
 * @conn: (nullable): without it what concerns libvirt is skipped
 * @host: (nullable): for the space check
 *
 * What this host can do and what stops it: GPtrArray of VthCheck named
 * "libvirt", "qemu", "userfaultfd", "kernel", "vmcoreinfo", "reflink",
 * "space", "state".  Changes nothing.
 */
GPtrArray *vth_doctor_run (virConnectPtr conn, const VthHost *host, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthCron, vth_cron_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthSchedule, vth_schedule_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthConfig, vth_config_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthHost, vth_host_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthOutput, vth_output_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthDump, vth_dump_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthDiff, vth_diff_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthCheck, vth_check_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthPruneItem, vth_prune_item_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthJob, vth_job_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthDomain, vth_domain_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthBatchDomain, vth_batch_domain_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthBatch, vth_batch_free)

G_END_DECLS

#endif
