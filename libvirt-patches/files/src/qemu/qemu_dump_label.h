/*
 * qemu_dump_label.h: access of QEMU to the files of a dump
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "qemu_conf.h"

virDomainDef *
qemuDumpLabelNew(virQEMUDriver *driver,
                 const virDomainDef *def);

int
qemuDumpLabelSet(virQEMUDriver *driver,
                 virDomainObj *vm,
                 virDomainDef *label,
                 int fd,
                 int basefd);

void
qemuDumpLabelRestore(virQEMUDriver *driver,
                     virDomainObj *vm,
                     virDomainDef *label,
                     const char *path,
                     const char *base);
