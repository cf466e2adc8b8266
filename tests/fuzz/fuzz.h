/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzzers of the library share. */

#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "vthunder.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#endif
