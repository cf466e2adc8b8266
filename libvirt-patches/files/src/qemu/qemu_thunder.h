/*
 * qemu_thunder.h: memory dumps which do not stop the guest
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "qemu_conf.h"
#include "qemu_domainjob.h"
#include "qemu_thunder_params.h"

int
qemuThunderDump(virQEMUDriver *driver,
                virDomainObj *vm,
                const qemuThunderParams *params)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) ATTRIBUTE_NONNULL(3)
    G_GNUC_WARN_UNUSED_RESULT;

int
qemuThunderAbort(virDomainObj *vm)
    ATTRIBUTE_NONNULL(1) G_GNUC_WARN_UNUSED_RESULT;

int
qemuThunderUntrack(virDomainObj *vm)
    ATTRIBUTE_NONNULL(1) G_GNUC_WARN_UNUSED_RESULT;

void
qemuThunderRecoverFile(virQEMUDriver *driver,
                       virDomainObj *vm,
                       virDomainJobObj *job)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) ATTRIBUTE_NONNULL(3);

bool
qemuThunderIsJob(const virDomainJobObj *job)
    ATTRIBUTE_NONNULL(1);

void
qemuThunderRecoverJob(virQEMUDriver *driver,
                      virDomainObj *vm,
                      virDomainJobObj *job)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) ATTRIBUTE_NONNULL(3);

int
qemuThunderJobDataToParams(virDomainJobData *jobData,
                           virTypedParameterPtr *params,
                           int *nparams,
                           int *maxparams)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) ATTRIBUTE_NONNULL(3)
    ATTRIBUTE_NONNULL(4) G_GNUC_WARN_UNUSED_RESULT;
