#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Consistent in mirror mode: a 32-bit guest that nothing interrupts.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
payload_append='fill=160 pages=8192 kick=0' boot_payload tcg,thread=multi
mirror_dumps 3
assert_progress
