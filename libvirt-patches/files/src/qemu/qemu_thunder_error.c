/*
 * qemu_thunder_error.c: what kind of error QEMU's refusal of a dump is
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whoever asks for a dump may prefer one which stops the guest to none at all,
 * but only if trying again is of no use. QEMU has one class for all of its errors
 * here, so its text has to tell. It is that of the very engine this is for, and
 * what it says otherwise is taken for a failure like any other.
 */

#include <config.h>

#include "qemu_thunder_error.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QEMU_THUNDER_ERROR_MODE "mode=mirror"

/* What follows the mode if it is the guest, its devices and its memory, the host
 * or the format which rule it out. "while a migration runs" is not among it. */
static const char *const refusals[] = {
    " is not possible with ",
    " is not possible under ",
    " doesn't support ",
    " with format ",
    " needs Linux",
    ": memory '",
    ": writes to memory '",
    ": this kernel",
};


/**
 * qemuThunderErrorCode:
 * @message: why QEMU did not dump memory without stopping the guest
 *
 * Returns VIR_ERR_OPERATION_UNSUPPORTED if it never will as long as the domain is
 * what it is, else VIR_ERR_OPERATION_FAILED.
 */
virErrorNumber
qemuThunderErrorCode(const char *message)
{
    const char *mode = message ? strstr(message, QEMU_THUNDER_ERROR_MODE) : NULL;
    size_t i;

    for (i = 0; mode && i < G_N_ELEMENTS(refusals); i++) {
        if (STRPREFIX(mode + strlen(QEMU_THUNDER_ERROR_MODE), refusals[i]))
            return VIR_ERR_OPERATION_UNSUPPORTED;
    }

    return VIR_ERR_OPERATION_FAILED;
}
