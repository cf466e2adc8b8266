/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvthunder: memory dumps of running domains through libvirt. */
#ifndef VTHUNDER_H
#define VTHUNDER_H

#include <glib.h>

G_BEGIN_DECLS

/* The library's version, "MAJOR.MINOR.MICRO"; static storage. */
const char *vth_version (void);

G_END_DECLS

#endif
