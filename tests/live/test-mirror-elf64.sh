#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Consistent in mirror mode: a guest with one vCPU.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 1
mirror_dumps 3
assert_progress
