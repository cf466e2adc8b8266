/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What objects of the library share with each other and with its own tests.
 * Nothing here is exported; vthunder.h is the only public header.
 */

#ifndef VTH_PRIVATE_H
#define VTH_PRIVATE_H

#include <json-glib/json-glib.h>
#include <libxml/tree.h>

#include "vthunder.h"

#pragma GCC visibility push(hidden)

/* A stock libvirt's header lacks these; the values are those of our patches. */
#ifndef VIR_DUMP_THUNDER
#define VIR_DUMP_THUNDER (1 << 5)
#endif

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

/* file.c: small things that must not be left half done */
bool vth_file_replace (const char *path, const char *data, gssize length, mode_t mode, GError **error);
bool vth_mkdir_private (const char *path, GError **error);
bool vth_is_root (void);

/* config.c: with the domain named in errors */
bool vth_output_check_target (VthOutputKind kind, const char *output, GError **error);
VthConfig *vth_config_parse_node (xmlNode *node, const char *domain, GError **error);

/* vthunder-rng.c, generated from vthunder.rng */
extern const char vth_rng_text[];

/* note.c: reading dump files */
#define VTH_NOTE_NAME "VTHUNDER"
#define VTH_NOTE_TYPE 1
#define VTH_NOTE_BYTES 8192

/* Random access to a dump, whatever holds it.  Reads all of @length or fails. */
typedef bool (*VthReadFunc) (void *reader, uint64_t offset, void *buffer, size_t length, GError **error);

typedef struct {
  VthReadFunc read;
  void *reader;
  uint64_t size_bytes;
} VthSource;

/* What note.c found out about a file beyond VthDump. */
typedef struct {
  uint64_t note_offset; /* of the VTHUNDER descriptor; 0: none */
  uint64_t note_length;
  bool segments_whole;
  char *segments_detail;
  bool kdump;
} VthNoteInfo;

void vth_note_info_clear (VthNoteInfo *info);
VthDump *vth_note_read (const VthSource *source, const char *what, VthNoteInfo *info, GError **error);
bool vth_note_apply_json (VthDump *dump, const char *json, GError **error);
char *vth_note_annotate (const char *json, const VthDump *dump, GError **error);
bool vth_fd_read (void *fd_pointer, uint64_t offset, void *buffer, size_t length, GError **error);

/* record.c: NAME.vthunder beside dumps of a stock QEMU */
#define VTH_RECORD_SUFFIX ".vthunder"
#define VTH_MANIFEST_SUFFIX ".sha256"

/* state.c: what is remembered of a domain between runs */
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
  /* A dump was begun and not yet accounted for. */
  char *running_schedule;
  char *running_path;
  int64_t running_due_s;
  int64_t running_start_s;
  GPtrArray *schedules; /* VthScheduleState */
} VthState;

VthState *vth_state_new (const char *uuid);
void vth_state_free (VthState *state);
VthState *vth_state_load (const char *state_dir, const char *uuid, GError **error);
bool vth_state_save (const VthState *state, const char *state_dir, GError **error);
VthScheduleState *vth_state_schedule (VthState *state, const char *schedule, bool create);
void vth_state_remove_schedule (VthState *state, const char *schedule);
/* Locks the domain against every other vthunder; -1 with VTH_ERROR_LOCKED if one has it. close() unlocks. */
int vth_state_lock (const char *state_dir, const char *uuid, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VthState, vth_state_free)

/* hook.c */
bool vth_hook_run (const char *path, char **environment, unsigned int timeout_s, GError **error);
GPtrArray *vth_hook_list (const char *dir, const char *event, GError **error);

#pragma GCC visibility pop

#endif
