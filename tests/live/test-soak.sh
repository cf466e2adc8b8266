#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A few dumps in a row: consistent, nothing grows.  (tests/live/soak 100 is the long one.)
export SOAK_MEM=384 SOAK_FILL=128
"$(dirname "$0")/soak" 5 && exec "$(dirname "$0")/soak" -i 1 8
