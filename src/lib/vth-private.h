/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What objects of the library share with each other and with its own tests.
 * Nothing here is exported; vthunder.h is the only public header.
 */

#ifndef VTH_PRIVATE_H
#define VTH_PRIVATE_H

#include <json-glib/json-glib.h>
#include <libxml/tree.h>
#include <sys/stat.h>

#include "vthunder.h"

#pragma GCC visibility push(hidden)

/* A stock libvirt's header lacks these; the values are those of our patches. */
#ifndef VIR_DUMP_THUNDER
#define VIR_DUMP_THUNDER (1 << 30)
#endif

/* mirror-support.c: what the domain capabilities say, "yes" or "no"; empty: libvirt does not know mirror dumps; NULL: libvirt's
 * error tells why it can't say.  NULL arguments leave it to libvirt; @path (may be NULL): the emulator that it means. */
char *vth_mirror_support (virConnectPtr conn, const char *emulator, const char *arch, const char *machine, const char *type,
                          char **path);
/* False: VIR_DUMP_THUNDER must not be used with @domain; @unsupported: whatever is tried, and not because libvirt did not answer. */
bool vth_mirror_check (virDomainPtr domain, bool *unsupported, GError **error);
/* A function that only our libvirt has, or NULL */
void *vth_mirror_symbol (const char *name);

/* error.c */
void vth_set_error_errno (GError **error, int errsv, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* figures.c: one table of the engine's figures by their names in the note and in job statistics */
typedef struct {
  const char *note_name; /* as in DumpMirrorInfo of QMP */
  const char *job_name;  /* as in virDomainGetJobStats; NULL: not there */
  size_t offset;         /* of the uint64_t in VthFigures */
} VthFigureField;
extern const VthFigureField vth_figure_fields[];
extern const size_t vth_n_figure_fields;

/* The same for VthTracking: strings.  pages_dirty is a number and goes by itself. */
#define VTH_PAGES_DIRTY_NOTE "pages-dirty"
#define VTH_PAGES_DIRTY_JOB "thunder_pages_dirty"
extern const VthFigureField vth_tracking_fields[];
extern const size_t vth_n_tracking_fields;
char **vth_tracking_field (VthTracking *tracking, size_t i);
void vth_tracking_clear (VthTracking *tracking);
void vth_tracking_unshare (VthTracking *tracking);

/* domain-files.c: by a connection, which may be shared among threads */
typedef struct _VthDomainFiles VthDomainFiles;
VthDomainFiles *vth_domain_files_new (virConnectPtr conn);
VthDomainFiles *vth_domain_files_ref (VthDomainFiles *files);
void vth_domain_files_unref (VthDomainFiles *files);
/* @pool and @volume: where that is known; @domain: the name of one that uses the file, or NULL.  False if that cannot be told. */
bool vth_domain_files_find (VthDomainFiles *files, const char *path, const char *pool, const char *volume, char **domain,
                            GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthDomainFiles, vth_domain_files_unref)

/* file.c: small things that must not be left half done */
/* Opens a regular file and nothing else; -1 with @error set. */
int vth_open_regular (const char *path, int flags, struct stat *st, GError **error);
/* The whole of a small regular file, or its beginning.  @flags: O_NOFOLLOW, or 0. */
#define VTH_SMALL_BYTES_MAX 65536
char *vth_file_read_small (const char *path, int flags, struct stat *st, size_t *length, GError **error);
bool vth_file_replace (const char *path, const char *data, gssize length, mode_t mode, GError **error);
/* What was made or renamed at @path stays so. */
void vth_sync_dir (const char *path);
bool vth_mkdir_private (const char *path, GError **error);
/* Copies a file into an empty one; holes stay holes.  @progress may be NULL. */
bool vth_copy_sparse (int from, uint64_t size_bytes, int to, VthProgressFunc progress, void *user_data, GCancellable *cancellable,
                      GError **error);
bool vth_is_root (void);
/* Whether files of @owner are as good as our own: root's are. */
bool vth_is_trusted (uid_t owner);
/* By its mode; root's group, and one that the caller alone is in, are not others. */
bool vth_others_may_write (const struct stat *st);

/* xml.c: the string value of an XPath expression; NULL if it is empty, or @xml is not well-formed or NULL */
char *vth_xml_string (const char *xml, const char *xpath);

/* value.c: "1.5 GiB" */
char *vth_size_to_string (uint64_t bytes);

/*
 * Paths are bytes, JSON is text.  Escaped, "%" and what is not UTF-8 are %XX;
 * the rest stays as it is.  In an object such a string is the member
 * "NAME-escaped"; one that is text is "NAME", as ever.
 */
char *vth_bytes_escape (const char *bytes);
char *vth_bytes_unescape (const char *text);
void vth_json_set_bytes (JsonObject *object, const char *name, const char *bytes);
char *vth_json_dup_bytes (JsonObject *object, const char *name);
/* A member that is absent, or no string, is NULL; so is one of no object. */
const char *vth_json_string (JsonObject *object, const char *name);

/* tuning.c */
/* Whether it asks for nothing that is not the engine's default. */
bool vth_tuning_is_empty (const VthTuning *tuning);
/* @first, and of @next what is not set there. */
VthTuning vth_tuning_merge (const VthTuning *first, const VthTuning *next);

/* config.c: with the domain named in errors */
bool vth_output_check_target (VthOutputKind kind, const char *output, GError **error);
VthConfig *vth_config_parse_node (xmlNode *node, const char *domain, GError **error);

/* vthunder-rng.c, generated from vthunder.rng */
extern const char vth_rng_text[];

/* host.c */
char *vth_host_dir (const char *variable, const char *users, const char *system);
/* What is in the settings and means nothing to us, as text; NULL: nothing. */
const char *vth_host_get_unknown (const VthHost *host);

/* domain.c: what our and others' metadata in a domain's XML say */
void vth_domain_read_metadata (const char *xml, const char *name, char **display_name, VthConfig **config, GError **config_error);

/* note.c: reading dump files */
#define VTH_NOTE_BYTES 8192

/* Random access to a dump, whatever holds it.  @read gives all of @length or fails. */
typedef struct {
  bool (*read) (void *reader, uint64_t offset, void *buffer, size_t length, GError **error);
  void *reader;
  uint64_t size_bytes;
} VthSource;

/* What there is to know of a file beyond VthDump. */
typedef struct {
  uint64_t note_offset; /* of the VTHUNDER descriptor in the file; 0: none, or not in one piece */
  uint64_t note_length;
  bool is_foreign;      /* the file belongs to neither root nor us */
  GPtrArray *checks;    /* VthCheck; NULL when not asked for */
  GArray *segments;     /* VthSegment; NULL when not asked for */
} VthNoteInfo;

/* A PT_LOAD of an ELF dump; within the file. */
typedef struct {
  uint64_t address; /* guest-physical */
  uint64_t offset;
  uint64_t length;
} VthSegment;

VthDump *vth_note_read (const VthSource *source, const char *what, VthNoteInfo *info, GError **error);
/* Of an ELF dump only, whose segments have to be there; @fd stays open. */
VthDump *vth_note_read_elf (int fd, const char *path, GError **error);
bool vth_note_apply_json (VthDump *dump, const char *json, size_t length, GError **error);
char *vth_note_annotate (const char *json, const VthDump *dump, const char *name, GError **error);
char *vth_note_record (const VthDump *dump, const char *name);
/* What the engine is to put into its note as "caller". */
char *vth_note_caller (const VthDump *dump, const char *name);
VthSource vth_source_of_fd (int *fd, uint64_t size_bytes);
VthCheck *vth_check_new (const char *name, VthCheckStatus status, char *detail_to_take, const char *remedy);

/* overlay.c */
typedef struct {
  char *backing; /* as it is written there; NULL: none */
  uint64_t virtual_bytes;
  bool is_plain; /* no feature that a dump has no use for */
} VthOverlay;

/* The files that a dump consists of, itself first, the full dump last. */
typedef struct {
  GArray *fds; /* int, open for reading */
  GPtrArray *names; /* in @dir */
  GArray *virtual_bytes; /* uint64_t, of each overlay */
  char *dir;
} VthChain;

bool vth_is_qcow2 (const unsigned char magic[4]);
bool vth_overlay_probe (const VthSource *source, const char *what, VthOverlay *overlay, GError **error);
void vth_overlay_clear (VthOverlay *overlay);
/* @dump may be NULL. */
bool vth_dump_is_overlay (const VthDump *dump);
/* Less than 0 if @x was taken before @y; total, whatever is known of them. */
int vth_dump_order (const VthRetentionItem *x, const VthRetentionItem *y);
/* The name of a backing file that is in @dir as well; NULL if it is elsewhere. */
char *vth_overlay_sibling (const char *backing, const char *dir);
/* The paths that it may mean, for one who looks whether they are the file that is asked for; GPtrArray of char *. */
GPtrArray *vth_overlay_paths (const char *backing, const char *dir);
/* Whether no overlay may build on the dump, which is so far from its full one. */
bool vth_overlay_is_last (VthOutput *output, const char *name, unsigned int position);
bool vth_chain_open (const char *path, VthChain *chain, GError **error);
void vth_chain_clear (VthChain *chain);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VthOverlay, vth_overlay_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VthChain, vth_chain_clear)

/* qemu-img.c: it opens the files it is given and no others */
#define VTH_QEMU_IMG_FD 3 /* what it sees the first of them as */
typedef void (*VthQemuImgLine) (const char *line, void *data);
/* For what is all complaint: adds it to @data, a GString. */
void vth_qemu_img_take_message (const char *line, void *data);
/* The @i-th file as a qcow2 image, without what it builds on. */
char *vth_qemu_img_overlay (unsigned int i);
/* The same, its first @size_bytes only. */
char *vth_qemu_img_head (unsigned int i, uint64_t size_bytes);
/* All @n files, each on the next one; the last is raw. */
char *vth_qemu_img_chain (unsigned int n);
/* False if it cannot be run or is cancelled; @status: its exit status, -1 if it was killed.  @what: for errors. */
bool vth_qemu_img (const char *const *arguments, const int *fds, unsigned int n, const char *what, VthQemuImgLine take_line,
                   void *data, GCancellable *cancellable, int *status, GError **error);

/* chain.c: whether its files, two or more, are whole and fit each other */
bool vth_chain_check (const VthChain *chain, GCancellable *cancellable, GError **error);

/* extents.c */
#define VTH_PLACE_UNKNOWN UINT64_MAX
typedef struct {
  uint64_t logical, length;
  uint64_t physical; /* or VTH_PLACE_UNKNOWN */
  bool is_shared;    /* with another file */
} VthExtent;

/* In order; what is in none of them is a hole. */
GArray *vth_extents_of_fd (int fd, uint64_t size_bytes);
uint64_t vth_unique_bytes (int fd, uint64_t allocated_bytes);

/* export.c: into @to, which is empty */
bool vth_export_to_fd (const char *path, int to, VthProgressFunc progress, void *user_data, GCancellable *cancellable, GError **error);

/* output.c: a VTHUNDER note or record says which file it was written for; it is in "caller" */
#define VTH_RECORD_SUFFIX ".vthunder"
#define VTH_MANIFEST_SUFFIX ".sha256"

typedef struct {
  char *name;
  uint64_t size_bytes;
  uint64_t allocated_bytes;
  int64_t time_s; /* 0: unknown */
} VthFile;

/* Which file it is; what is in it does not matter. */
typedef struct {
  char *host; /* of a remote connection; NULL: this one */
  char *path; /* without links where that can be told */
  uint64_t device, inode; /* 0: only libvirt sees it */
  uint64_t size_bytes;
  int64_t born_ns;    /* 0: the file system does not say */
  int64_t written_ns;
  bool is_foreign;    /* it belongs to neither root nor us; false where that is not told */
} VthIdentity;
void vth_identity_clear (VthIdentity *identity);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VthIdentity, vth_identity_clear)
bool vth_output_identify (VthOutput *output, const char *name, VthIdentity *identity, GError **error);
/* What it has as path. */
char *vth_output_place (VthOutput *output, const char *name);
/* NULL: this host's. */
const char *vth_output_get_host (const VthOutput *output);
/* Where the register is: of the host that it was resolved with, else of vth_host_load (NULL). */
void vth_output_set_state_dir (VthOutput *output, const char *state_dir);
const char *vth_output_get_state_dir (VthOutput *output);
/* False, with VTH_ERROR_LOCKED, if a domain uses the file, and if that cannot be told.  @what: that is not to be done to it. */
bool vth_output_check_unused (VthOutput *output, const char *name, const char *what, GError **error);
/* So that the domains are not asked anew by each of many outputs. */
void vth_output_share_domain_files (VthOutput *output, VthDomainFiles *used);

void vth_file_free (VthFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthFile, vth_file_free)
GPtrArray *vth_output_files (VthOutput *output, GError **error);
bool vth_output_exists (VthOutput *output, const char *name);
/* Of each qcow2 file in the output, also of hidden ones, the name of its backing file if that is there too: name -> name. */
GHashTable *vth_output_backing (VthOutput *output, GError **error);
/* Never a file of a domain; so does what follows that would replace one. */
bool vth_output_remove (VthOutput *output, const char *name, GError **error);
/* The whole of a small file (a record); at most 64 KiB. */
char *vth_output_read_small (VthOutput *output, const char *name, size_t *length, GError **error);
bool vth_output_write_small (VthOutput *output, const char *name, const char *text, GError **error);
/* What the file says of itself; `own` is false. */
VthDump *vth_file_inspect (const char *path, int flags, VthNoteInfo *info, GError **error);
VthDump *vth_output_inspect (VthOutput *output, const char *name, VthNoteInfo *info, GError **error);
/* The same, and what the record beside it says; info->is_foreign is of both. */
VthDump *vth_output_inspect_all (VthOutput *output, const char *name, VthNoteInfo *info, GError **error);
/* The SHA-256 of a whole file or volume, in hexadecimal digits. */
char *vth_output_hash (VthOutput *output, const char *name, VthProgressFunc progress, void *user_data, GCancellable *cancellable,
                       GError **error);
bool vth_output_write_at (VthOutput *output, const char *name, uint64_t offset, const char *data, size_t length, GError **error);
bool vth_conn_is_local (virConnectPtr conn);

/* register.c: the files that this host wrote */
typedef struct _VthEntry VthEntry;
struct _VthEntry {
  char *uuid; /* of the domain */
  VthIdentity identity;
  char *schedule;
  char *generation; /* NULL: not tracked */
  int64_t time_s;
  int64_t begun_s; /* 0: complete; else all there is to @identity is the path */
  VthEntry *next;  /* of the same path */
};
/* Of a domain, or of all (NULL): path -> VthEntry. */
GHashTable *vth_register_read (VthOutput *output, const char *uuid, GError **error);
/* Whether the registers of all domains can be understood. */
bool vth_register_check (const char *state_dir, GError **error);
/* That of this very file; NULL: it is not ours.  With begun_s set the file must still say itself what it is. */
const VthEntry *vth_register_find (GHashTable *table, const VthIdentity *file);
/* Whether it does. */
bool vth_entry_may_be (const VthEntry *entry, const VthDump *dump);
/* Before a dump is written, under the domain's lock. */
bool vth_register_begin (VthOutput *output, const VthHost *host, const VthDump *dump, GError **error);
/* Where none will come. */
void vth_register_give_up (VthOutput *output, const VthDump *dump);
/* When it, its record and its manifest are complete: sets dump->own. */
bool vth_register_add (VthOutput *output, VthDump *dump, GError **error);
/* @names: NULL terminated */
void vth_register_drop (VthOutput *output, const char *uuid, const char *const *names);

/* catalogue.c */
/* A dump of ours; NULL without error if the file is none.  @uuid NULL: of whatever domain. */
VthDump *vth_dump_of_file (VthOutput *output, const char *uuid, const char *name, GError **error);
/* Of any file, also what is beside a dump. */
bool vth_output_owns (VthOutput *output, const char *uuid, const char *name);
/* False if a file of that name is there and is a domain's, or an overlay builds on it; that of a remote directory cannot be told. */
bool vth_output_check_replace (VthOutput *output, const char *name, GError **error);
/* The file that builds on @name, of what vth_output_backing () gave; NULL: none. */
const char *vth_backing_find (GHashTable *backing, const char *name);

/* state.c: what is remembered of a domain between runs */
#define VTH_STATE_SUFFIX ".json"
#define VTH_STATE_BROKEN_SUFFIX VTH_STATE_SUFFIX ".broken"

typedef struct {
  char *schedule;
  char *cron;           /* the expression next_s belongs to */
  int64_t seen_s;       /* times up to this are dealt with */
  int64_t last_due_s;   /* the due time of the last attempt */
} VthScheduleState;

typedef struct {
  char *uuid;
  char *domain;
  int64_t last_dump_s;
  bool last_failed;
  char *last_path;
  char *last_error;
  bool last_paused;
  uint64_t last_size_bytes;
  uint64_t last_pause_ns;
  uint64_t last_stall_max_ns;
  uint64_t last_total_ns;
  /* A dump was begun and not yet accounted for. */
  char *running_schedule;
  char *running_name;
  int64_t running_due_s;
  int64_t running_start_s;
  /* The newest dump that the next one can build on; NULL: none. */
  char *put_away; /* what a run by hand had no place to say, and the next batch will */
  char *tracked_path;
  char *tracked_pool;
  unsigned int tracked_position;
  int64_t tracked_start_s; /* of the full dump it builds on at last: when it was due, or its T0 */
  char *hidden;         /* the directory that a dump which stops the guest is in until it is whole */
  GPtrArray *schedules; /* VthScheduleState */
} VthState;

/* Notes how the last attempt ended: @dump, or @error. */
void vth_state_set_result (VthState *state, const char *domain, const VthDump *dump, const GError *error);
VthState *vth_state_new (const char *uuid);
void vth_state_free (VthState *state);
/* A missing file is an empty state; a broken one is VTH_ERROR_FORMAT. */
VthState *vth_state_load (const char *state_dir, const char *uuid, GError **error);
/* The same for who holds the domain's lock: a broken file is put away as FILE.broken, which @put_away (free it) tells, and the state is
   empty. */
VthState *vth_state_load_locked (const char *state_dir, const char *uuid, char **put_away, GError **error);
bool vth_state_save (const VthState *state, const char *state_dir, GError **error);
/* How far the clock may be set back without a word. */
#define VTH_CLOCK_TOLERANCE_S 300
/* Whether schedules were seen to at times that are yet to come: the clock was set back since. */
bool vth_state_is_ahead (const VthState *state, int64_t now_s);
VthScheduleState *vth_state_schedule (VthState *state, const char *schedule, bool create);
/* Writes down @hidden before it is made, so that whoever comes after a killed run knows what to remove; NULL when it is gone. */
bool vth_state_set_hidden (const char *state_dir, const char *uuid, const char *hidden, GError **error);
void vth_state_remove_schedule (VthState *state, const char *schedule);
/* -1 with @taken if another process has it and it is not waited for; close() unlocks. */
int vth_lock_file (const char *path, bool wait, bool *taken, GError **error);
/* Locks the domain against every other vthunder; -1 with VTH_ERROR_LOCKED if one has it. close() unlocks. */
int vth_state_lock (const char *state_dir, const char *uuid, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthState, vth_state_free)

/* job.c: "a backup", "an outgoing migration" */
char *vth_job_describe (const VthJob *job);

/* dump.c */
VthFormat vth_dump_format (const VthConfig *config, VthMode mode);
VthDump *vth_dump_take_locked (virDomainPtr domain, const VthDumpRequest *request, VthProgressFunc progress, void *user_data,
                               GCancellable *cancellable, GError **error);
/* Removes the hidden directory of a dump that was killed, under the domain's lock; false if libvirt is still writing to it. */
bool vth_dump_sweep (virDomainPtr domain, VthState *state);
bool vth_dump_explain (VthOutput *output, VthDump *dump, GError **error);
/* verify.c */
char *vth_hash_fd (int fd, uint64_t size_bytes, const char *what, VthProgressFunc progress, void *user_data,
                   GCancellable *cancellable, GError **error);
bool vth_dump_write_manifest_in (VthOutput *output, const char *name, GCancellable *cancellable, GError **error);
char *vth_dump_choose_name (VthOutput *output, const VthConfig *config, const VthHost *host, const char *domain,
                            const char *uuid, const char *schedule, int64_t time_s, VthFormat format, GError **error);

/* prune.c: @dumps is emptied */
GPtrArray *vth_prune_plan_of (GPtrArray *dumps, const VthConfig *config, const char *schedule, GTimeZone *zone);

/* One of @n slots of the host; -1 without error when all are taken. close() gives it back. */
int vth_state_slot (const char *state_dir, unsigned int n, GError **error);

/* hook.c */
typedef void (*VthHookFailed) (const char *hook, const GError *error, void *user_data);
char **vth_hook_environment (const char *event, const VthDump *dump, const GError *error);
void vth_hooks_run (const char *dir, const char *event, char **environment, unsigned int timeout_s, VthHookFailed failed,
                    void *user_data);

/* metrics.c */
bool vth_metrics_write (const char *path, const char *state_dir, GPtrArray *domains, const VthBatchSummary *summary,
                        int64_t now_s, GError **error);

#pragma GCC visibility pop

#endif
