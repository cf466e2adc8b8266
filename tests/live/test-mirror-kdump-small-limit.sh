#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Compression slower than the guest writes, and a small mirror: consistent, and the limit holds.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2 -a 'vth.dirty=64'
for format in kdump-zlib kdump-raw-lzo; do
    rm -f "$image"
    qmp_mirror "$image" "format=$format" mirror-limit=$((8 << 20)) threads=4
    check_image "$image" --note
    peak=$(field mirror-peak "$tmp/dump.json")
    [ "$peak" -le $((8 << 20)) ] || fail "the mirror grew to $peak bytes"
done
assert_progress
