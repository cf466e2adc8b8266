/*
 * qemu_thunder_file.h: files of memory dumps which do not stop the guest
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/stat.h>

#include "qemu_conf.h"
#include "virbuffer.h"
#include "virxml.h"

unsigned long long
qemuThunderFileMtime(const struct stat *sb)
    ATTRIBUTE_NONNULL(1);

void
qemuThunderFileFormatPath(virBuffer *buf,
                          const char *attr,
                          const char *path)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) ATTRIBUTE_NONNULL(3);

char *
qemuThunderFileParsePath(xmlXPathContextPtr ctxt,
                         const char *xpath)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) G_GNUC_WARN_UNUSED_RESULT;

char *
qemuThunderFileTmpPath(const char *path)
    ATTRIBUTE_NONNULL(1);

int
qemuThunderFileCheckTarget(const char *path)
    ATTRIBUTE_NONNULL(1) G_GNUC_WARN_UNUSED_RESULT;

void
qemuThunderFileRemove(virQEMUDriverConfig *cfg,
                      const char *path)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2);

int
qemuThunderFileOpen(virQEMUDriverConfig *cfg,
                    const char *path,
                    const char *tmp)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) ATTRIBUTE_NONNULL(3)
    G_GNUC_WARN_UNUSED_RESULT;

void
qemuThunderFileRemoveStale(virQEMUDriverConfig *cfg,
                           const char *path)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2);

int
qemuThunderFileOpenWhole(virQEMUDriverConfig *cfg,
                         const char *tmp)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) G_GNUC_WARN_UNUSED_RESULT;

int
qemuThunderFileOpenBase(virQEMUDriverConfig *cfg,
                        const char *base,
                        const char *path)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) ATTRIBUTE_NONNULL(3)
    G_GNUC_WARN_UNUSED_RESULT;

int
qemuThunderFileCheckChain(virQEMUDriverConfig *cfg,
                          const char *base,
                          int fd,
                          const char *path,
                          char **reason)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) ATTRIBUTE_NONNULL(4)
    ATTRIBUTE_NONNULL(5) G_GNUC_WARN_UNUSED_RESULT;

int
qemuThunderFileFinish(virQEMUDriverConfig *cfg,
                      int fd,
                      const char *tmp,
                      const char *path)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(3) ATTRIBUTE_NONNULL(4)
    G_GNUC_WARN_UNUSED_RESULT;
