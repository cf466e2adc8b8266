/*
 * qemu_thunder_error.h: what kind of error QEMU's refusal of a dump is
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "virerror.h"

virErrorNumber
qemuThunderErrorCode(const char *message);
