/*
 * qemu_dump_label.c: access of QEMU to the files of a dump
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file which QEMU reads or writes itself needs a label, or a rule, and that
 * has to go when the dump ends, however it ends and whether the domain is still
 * there by then. For AppArmor both compile the profile of the domain, which
 * takes tenths of a second: whoever asks for the domain does not wait for that.
 * Other jobs may well change its definition meanwhile, so the security drivers
 * get a copy of what they need of it.
 */

#include <config.h>

#include "qemu_dump_label.h"
#include "qemu_security.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("qemu.qemu_dump_label");


/**
 * qemuDumpLabelNew:
 * @driver: qemu driver
 * @def: definition of an active domain
 *
 * Returns what is needed of @def in order to label files for the domain.
 */
virDomainDef *
qemuDumpLabelNew(virQEMUDriver *driver,
                 const virDomainDef *def)
{
    g_autoptr(virDomainDef) label = virDomainDefNew(driver->xmlopt);
    size_t i;

    if (!label)
        return NULL;

    label->virtType = def->virtType;
    label->id = def->id;
    label->name = g_strdup(def->name);
    memcpy(label->uuid, def->uuid, VIR_UUID_BUFLEN);

    label->seclabels = g_new0(virSecurityLabelDef *, def->nseclabels);
    for (i = 0; i < def->nseclabels; i++) {
        virSecurityLabelDef *seclabel = virSecurityLabelDefNew(def->seclabels[i]->model);

        seclabel->label = g_strdup(def->seclabels[i]->label);
        seclabel->imagelabel = g_strdup(def->seclabels[i]->imagelabel);
        seclabel->baselabel = g_strdup(def->seclabels[i]->baselabel);
        seclabel->type = def->seclabels[i]->type;
        seclabel->relabel = def->seclabels[i]->relabel;
        seclabel->implicit = def->seclabels[i]->implicit;
        label->seclabels[label->nseclabels++] = seclabel;
    }

    return g_steal_pointer(&label);
}


/**
 * qemuDumpLabelSet:
 * @driver: qemu driver
 * @vm: active domain object, with VIR_ASYNC_JOB_DUMP held; unlocked meanwhile
 * @label: from qemuDumpLabelNew
 * @fd: file to dump to, by the name it has while it is written
 * @basefd: file to build on, or -1
 *
 * qemuDumpLabelRestore has to follow, even if this fails.
 *
 * Returns 0 on success, -1 with error reported otherwise.
 */
int
qemuDumpLabelSet(virQEMUDriver *driver,
                 virDomainObj *vm,
                 virDomainDef *label,
                 int fd,
                 int basefd)
{
    int rc;

    virObjectUnlock(vm);
    rc = qemuSecuritySetDumpLabel(driver->securityManager, label, fd, basefd);
    virObjectLock(vm);

    return rc < 0 ? -1 : virDomainObjCheckActive(vm);
}


/**
 * qemuDumpLabelRestore:
 * @driver: qemu driver
 * @vm: domain object, active or not; unlocked meanwhile
 * @label: from qemuDumpLabelNew
 * @path: the dump by the name it has now, or NULL if it is gone
 * @base: file it was built on, or NULL
 *
 * A reported error is kept. None is reported here: a dump is none the worse for
 * it, and the next one starts from what this one left.
 */
void
qemuDumpLabelRestore(virQEMUDriver *driver,
                     virDomainObj *vm,
                     virDomainDef *label,
                     const char *path,
                     const char *base)
{
    virErrorPtr orig_err;

    virErrorPreserveLast(&orig_err);

    virObjectUnlock(vm);
    if (qemuSecurityRestoreDumpLabel(driver->securityManager, label, path, base) < 0)
        VIR_WARN("cannot take back what a dump of domain '%s' was allowed: %s",
                 label->name, virGetLastErrorMessage());
    virObjectLock(vm);

    virErrorRestore(&orig_err);
}
