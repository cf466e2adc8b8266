#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Consistent in mirror mode: memory of 4 KiB pages only.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
qemu_wrapper=$live/thp-off boot_guest -c 2
[ "$(awk '/^AnonHugePages/ { sum += $2 } END { print sum }' "/proc/$qemu_pid/smaps")" = 0 ] || skip "THP stay on"
mirror_dumps 3
assert_progress
