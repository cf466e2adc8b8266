/*
 * qemu_thunder_base.h: the dump which the next one can build on
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "internal.h"
#include "virbuffer.h"
#include "virxml.h"

/* Only the latest state of memory that QEMU knows can be built on, so there is
 * one at most. */
typedef struct _qemuThunderBase qemuThunderBase;
struct _qemuThunderBase {
    char *generation; /* what QEMU calls the state of memory it shows */
    char *path;       /* for messages only: what follows identifies the file */
    unsigned long long dev;
    unsigned long long ino;
    unsigned long long size;
    unsigned long long mtime; /* nanoseconds since the epoch */
};

qemuThunderBase *
qemuThunderBaseNew(const char *generation,
                   const char *path,
                   int fd)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2);

void
qemuThunderBaseFree(qemuThunderBase *base);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuThunderBase, qemuThunderBaseFree);

char *
qemuThunderBaseCheck(const qemuThunderBase *base,
                     const char *path,
                     int fd)
    ATTRIBUTE_NONNULL(2) G_GNUC_WARN_UNUSED_RESULT;

char *
qemuThunderBaseName(const char *path,
                    const char *target)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) G_GNUC_WARN_UNUSED_RESULT;

void
qemuThunderBaseFormat(virBuffer *buf,
                      const qemuThunderBase *base)
    ATTRIBUTE_NONNULL(1);

qemuThunderBase *
qemuThunderBaseParse(xmlXPathContextPtr ctxt)
    ATTRIBUTE_NONNULL(1);
