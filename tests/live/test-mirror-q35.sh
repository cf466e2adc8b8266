#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Consistent in mirror mode: a q35 machine with memory above 4 GiB.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
machine=q35,max-ram-below-4g=256M boot_guest -c 2
mirror_dumps 3
assert_progress
