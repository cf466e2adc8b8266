/*
 * qemu_thunder_params.c: parameters of a core dump
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What virDomainCoreDumpParams accepts, and what of it this QEMU knows. Numbers
 * are passed on as they are: QEMU tells which of them it cannot do.
 */

#include <config.h>

#include "qemu_thunder_params.h"
#include "virenum.h"
#include "virerror.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* The first value of both leaves the choice to QEMU */
typedef enum {
    QEMU_THUNDER_STRATEGY_AUTO,
    QEMU_THUNDER_STRATEGY_PROTECT,
    QEMU_THUNDER_STRATEGY_PRECOPY,
    QEMU_THUNDER_STRATEGY_HYBRID,

    QEMU_THUNDER_STRATEGY_LAST
} qemuThunderStrategy;

VIR_ENUM_DECL(qemuThunderStrategy);
VIR_ENUM_IMPL(qemuThunderStrategy,
              QEMU_THUNDER_STRATEGY_LAST,
              "auto",
              "protect",
              "precopy",
              "hybrid",
);

typedef enum {
    QEMU_THUNDER_STORAGE_AUTO,
    QEMU_THUNDER_STORAGE_FILE,
    QEMU_THUNDER_STORAGE_CLONE,
    QEMU_THUNDER_STORAGE_OVERLAY,

    QEMU_THUNDER_STORAGE_LAST
} qemuThunderStorage;

VIR_ENUM_DECL(qemuThunderStorage);
VIR_ENUM_IMPL(qemuThunderStorage,
              QEMU_THUNDER_STORAGE_LAST,
              "auto",
              "file",
              "clone",
              "overlay",
);


static int
qemuThunderParamsGetEnum(virTypedParameterPtr params,
                         int nparams,
                         const char *name,
                         int (*fromString)(const char *),
                         const char **value)
{
    const char *str = NULL;
    int val;

    if (virTypedParamsGetString(params, nparams, name, &str) < 0)
        return -1;

    if (!str)
        return 0;

    if ((val = fromString(str)) < 0) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("unknown value '%1$s' of parameter '%2$s'"),
                       str, name);
        return -1;
    }

    if (val > 0)
        *value = str;

    return 0;
}


/**
 * qemuThunderParamsParse:
 * @ret: where to store the parameters; strings are those of @params
 * @params, @nparams: parameters of virDomainCoreDumpParams
 * @flags: its flags
 *
 * Returns 0 on success, -1 with error reported otherwise.
 */
int
qemuThunderParamsParse(qemuThunderParams *ret,
                       virTypedParameterPtr params,
                       int nparams,
                       unsigned int flags)
{
    qemuMonitorDumpMirrorParams *mirror = &ret->mirror;
    int track = 0;
    size_t i;

    memset(ret, 0, sizeof(*ret));

    if (virTypedParamsValidate(params, nparams,
                               VIR_DOMAIN_CORE_DUMP_PARAM_FILE,
                               VIR_TYPED_PARAM_STRING,
                               VIR_DOMAIN_CORE_DUMP_PARAM_FORMAT,
                               VIR_TYPED_PARAM_STRING,
                               VIR_DOMAIN_CORE_DUMP_PARAM_MIRROR_LIMIT,
                               VIR_TYPED_PARAM_ULLONG,
                               VIR_DOMAIN_CORE_DUMP_PARAM_THREADS,
                               VIR_TYPED_PARAM_UINT,
                               VIR_DOMAIN_CORE_DUMP_PARAM_BANDWIDTH,
                               VIR_TYPED_PARAM_ULLONG,
                               VIR_DOMAIN_CORE_DUMP_PARAM_NOTE,
                               VIR_TYPED_PARAM_STRING,
                               VIR_DOMAIN_CORE_DUMP_PARAM_STRATEGY,
                               VIR_TYPED_PARAM_STRING,
                               VIR_DOMAIN_CORE_DUMP_PARAM_TRACK,
                               VIR_TYPED_PARAM_BOOLEAN,
                               VIR_DOMAIN_CORE_DUMP_PARAM_BASE,
                               VIR_TYPED_PARAM_STRING,
                               VIR_DOMAIN_CORE_DUMP_PARAM_STORAGE,
                               VIR_TYPED_PARAM_STRING,
                               NULL) < 0)
        return -1;

    for (i = 0; !(flags & VIR_DUMP_THUNDER) && i < nparams; i++) {
        if (STRNEQ(params[i].field, VIR_DOMAIN_CORE_DUMP_PARAM_FILE) &&
            STRNEQ(params[i].field, VIR_DOMAIN_CORE_DUMP_PARAM_FORMAT)) {
            virReportError(VIR_ERR_INVALID_ARG,
                           _("parameter '%1$s' is only supported with VIR_DUMP_THUNDER"),
                           params[i].field);
            return -1;
        }
    }

    if (virTypedParamsGetString(params, nparams,
                                VIR_DOMAIN_CORE_DUMP_PARAM_FILE,
                                &ret->path) < 0 ||
        virTypedParamsGetString(params, nparams,
                                VIR_DOMAIN_CORE_DUMP_PARAM_FORMAT,
                                &mirror->format) < 0 ||
        virTypedParamsGetULLong(params, nparams,
                                VIR_DOMAIN_CORE_DUMP_PARAM_MIRROR_LIMIT,
                                &mirror->mirrorLimit) < 0 ||
        virTypedParamsGetUInt(params, nparams,
                              VIR_DOMAIN_CORE_DUMP_PARAM_THREADS,
                              &mirror->threads) < 0 ||
        virTypedParamsGetULLong(params, nparams,
                                VIR_DOMAIN_CORE_DUMP_PARAM_BANDWIDTH,
                                &mirror->bandwidth) < 0 ||
        virTypedParamsGetString(params, nparams,
                                VIR_DOMAIN_CORE_DUMP_PARAM_NOTE,
                                &mirror->note) < 0 ||
        qemuThunderParamsGetEnum(params, nparams,
                                 VIR_DOMAIN_CORE_DUMP_PARAM_STRATEGY,
                                 qemuThunderStrategyTypeFromString,
                                 &mirror->strategy) < 0 ||
        virTypedParamsGetBoolean(params, nparams,
                                 VIR_DOMAIN_CORE_DUMP_PARAM_TRACK,
                                 &track) < 0 ||
        virTypedParamsGetString(params, nparams,
                                VIR_DOMAIN_CORE_DUMP_PARAM_BASE,
                                &ret->base) < 0 ||
        qemuThunderParamsGetEnum(params, nparams,
                                 VIR_DOMAIN_CORE_DUMP_PARAM_STORAGE,
                                 qemuThunderStorageTypeFromString,
                                 &mirror->baseStorage) < 0)
        return -1;

    mirror->track = track;

    if (!ret->base && virTypedParamsGet(params, nparams,
                                        VIR_DOMAIN_CORE_DUMP_PARAM_STORAGE)) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("parameter '%1$s' is only supported with '%2$s'"),
                       VIR_DOMAIN_CORE_DUMP_PARAM_STORAGE,
                       VIR_DOMAIN_CORE_DUMP_PARAM_BASE);
        return -1;
    }

    /* QEMU would find that out only after it was decided what to build on */
    if ((ret->base || track) &&
        mirror->format && STRNEQ(mirror->format, "elf")) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("parameter '%1$s' is not supported with dumpformat '%2$s'"),
                       ret->base ? VIR_DOMAIN_CORE_DUMP_PARAM_BASE :
                       VIR_DOMAIN_CORE_DUMP_PARAM_TRACK, mirror->format);
        return -1;
    }

    /* the monitor protocol has no larger numbers */
    if (mirror->mirrorLimit > LLONG_MAX || mirror->bandwidth > LLONG_MAX) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("value of parameter '%1$s' is too large"),
                       mirror->bandwidth > LLONG_MAX ?
                       VIR_DOMAIN_CORE_DUMP_PARAM_BANDWIDTH :
                       VIR_DOMAIN_CORE_DUMP_PARAM_MIRROR_LIMIT);
        return -1;
    }

    return 0;
}


/**
 * qemuThunderParamsCheckCaps:
 * @params: parameters of a dump with VIR_DUMP_THUNDER
 * @qemuCaps: capabilities of the domain's QEMU
 *
 * Returns 0 if this QEMU can be asked for such a dump, -1 with error reported
 * otherwise.
 */
int
qemuThunderParamsCheckCaps(const qemuThunderParams *params,
                           virQEMUCaps *qemuCaps)
{
    const struct {
        bool used;
        virQEMUCapsFlags flag;
        const char *name; /* QEMU's is the same */
    } needs[] = {
        { params->mirror.threads > 0, QEMU_CAPS_DUMP_THREADS,
          VIR_DOMAIN_CORE_DUMP_PARAM_THREADS },
        { params->mirror.bandwidth > 0, QEMU_CAPS_DUMP_BANDWIDTH,
          VIR_DOMAIN_CORE_DUMP_PARAM_BANDWIDTH },
        { params->mirror.strategy, QEMU_CAPS_DUMP_STRATEGY,
          VIR_DOMAIN_CORE_DUMP_PARAM_STRATEGY },
        { params->mirror.track, QEMU_CAPS_DUMP_TRACK,
          VIR_DOMAIN_CORE_DUMP_PARAM_TRACK },
        { params->base, QEMU_CAPS_DUMP_TRACK,
          VIR_DOMAIN_CORE_DUMP_PARAM_BASE },
    };
    size_t i;

    if (!virQEMUCapsGet(qemuCaps, QEMU_CAPS_DUMP_MIRROR)) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                       _("this QEMU binary does not support dumping memory without stopping the guest (dump-guest-memory mode=mirror is missing)"));
        return -1;
    }

    for (i = 0; i < G_N_ELEMENTS(needs); i++) {
        if (needs[i].used && !virQEMUCapsGet(qemuCaps, needs[i].flag)) {
            virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                           _("this QEMU binary does not support parameter '%1$s' of a dump without stopping the guest (dump-guest-memory %1$s is missing)"),
                           needs[i].name);
            return -1;
        }
    }

    return 0;
}
