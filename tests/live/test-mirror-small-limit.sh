#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that writes hard against a small mirror: consistent, and the limit holds.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2 -a 'vth.dirty=64'
for limit in $((8 << 20)) $((16 << 20)); do
    rm -f "$image"
    qmp_mirror "$image" "mirror-limit=$limit"
    check_image "$image" --note
    peak=$(field mirror-peak "$tmp/dump.json")
    say "limit $limit, peak $peak"
    [ "$peak" -le "$limit" ] || fail "the mirror grew beyond its limit"
done
assert_progress
