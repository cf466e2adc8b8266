/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dump-call.c: one dump by libvirt, that can be waited for, timed and
 * cancelled.  Knows a domain and a path; nothing of outputs, names, notes,
 * schedules or state.
 */

#ifndef VTH_DUMP_CALL_H
#define VTH_DUMP_CALL_H

#include "vth-private.h"

#pragma GCC visibility push(hidden)

/* How long a dump waits at most until another's job on the domain has ended, as long as libvirt itself waits for one. */
#define VTH_DUMP_WAIT_S 30

typedef struct {
  virDomainPtr domain;
  const char *path;
  VthFormat format;
  unsigned int flags;
  const VthTuning *tuning; /* of a dump that does not stop the guest */
  bool track;       /* with virDomainCoreDumpParams, and: */
  const char *base; /* path, or NULL */
  const char *note; /* JSON object */
  void (*waiting) (const char *job, void *user_data);
  void (*cannot_cancel) (void *user_data); /* of a dump that stops the guest */
} VthDumpCall;

/* Whether this client can hand on a strategy, limits, or what a dump is to build on. */
bool vth_dump_call_has_params (void);

/*
 * vth_dump_call_wait:
 * @wait_s: how long at most; 0 only asks
 * @waiting: (nullable): called once, with "a backup" or what else it is, when there is something to wait for
 *
 * Waits until no job runs on the domain; a dump that libvirt has in hand
 * waits where nobody can call it back.  Errors: VTH_ERROR_LOCKED (names the
 * job), VTH_ERROR_CANCELLED.
 */
bool vth_dump_call_wait (virDomainPtr domain, unsigned int wait_s, void (*waiting) (const char *job, void *user_data),
                         void *user_data, GCancellable *cancellable, GError **error);

/*
 * vth_dump_call_run:
 * @timeout_s: 0: no limit.  The wait before is no longer either
 * @progress: (nullable): called from when the dump itself runs
 * @unsupported: (out): set on failure: no dump like this is possible of this domain on this host, whenever it is tried
 *
 * Waits for its turn, then takes the dump.  Aborts no job but its own: one of
 * type dump that began after the call did.  Other dumps by vthunder are kept
 * out by the domain's lock, which the caller has.
 * Errors: those of vth_dump_take () that concern the domain and the call.
 */
bool vth_dump_call_run (const VthDumpCall *call, unsigned int timeout_s, VthProgressFunc progress, void *user_data,
                        GCancellable *cancellable, bool *unsupported, GError **error);

#pragma GCC visibility pop

#endif
