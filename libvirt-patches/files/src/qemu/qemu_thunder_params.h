/*
 * qemu_thunder_params.h: parameters of a core dump
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "internal.h"
#include "qemu_capabilities.h"
#include "qemu_monitor.h"

/* Formats which virDomainCoreDumpParams takes by name: virDomainCoreDumpFormat,
 * whose values go on here, is upstream's to extend, and libvirt checks it. */
typedef enum {
    QEMU_DUMP_FORMAT_KDUMP_RAW_ZLIB = VIR_DOMAIN_CORE_DUMP_FORMAT_LAST,
    QEMU_DUMP_FORMAT_KDUMP_RAW_LZO,
    QEMU_DUMP_FORMAT_KDUMP_RAW_SNAPPY,
    QEMU_DUMP_FORMAT_KDUMP_ZSTD,
    QEMU_DUMP_FORMAT_KDUMP_RAW_ZSTD,

    QEMU_DUMP_FORMAT_LAST
} qemuDumpFormat;

/* Strings belong to whoever made it */
typedef struct _qemuThunderParams qemuThunderParams;
struct _qemuThunderParams {
    const char *path;
    const char *base; /* path of the dump to build on */
    qemuMonitorDumpMirrorParams mirror;
};

int
qemuThunderParamsParse(qemuThunderParams *ret,
                       virTypedParameterPtr params,
                       int nparams,
                       unsigned int flags)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) G_GNUC_WARN_UNUSED_RESULT;

int
qemuThunderParamsCheckCaps(const qemuThunderParams *params,
                           virQEMUCaps *qemuCaps)
    ATTRIBUTE_NONNULL(1) G_GNUC_WARN_UNUSED_RESULT;
