#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Zero pages become holes: the file takes less of the disk than it has bytes.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -m 512 -a 'vth.fill=16'
qmp_mirror "$image"
check_image "$image" --note
read -r size blocks <<<"$(stat -c '%s %b' "$image")"
say "$size bytes, $((blocks * 512)) on the disk"
[ $((blocks * 512)) -lt $((size * 3 / 4)) ] || fail "no holes"
