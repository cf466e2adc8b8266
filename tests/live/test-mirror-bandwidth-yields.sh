#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that needs room in the mirror is not held up by bandwidth=N: the limit gives way.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2 -a 'vth.dirty=64'
for format in elf kdump-lzo; do
    rm -f "$image"
    # At this pace a fault would wait for two seconds, and the dump fail.
    qmp_mirror "$image" "format=$format" bandwidth=100000 mirror-limit=$((8 << 20))
    check_image "$image" --note
done
assert_progress
