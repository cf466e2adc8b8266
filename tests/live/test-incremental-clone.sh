#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Dumps that share blocks with the one before are complete files of one instant, and outlive it.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
reflink_dir xfs
boot_guest -m 256 -c 2 -a "vth.fill=100 vth.pages=512 vth.rate=20000"

tracked "$shared/0"
check_image "$shared/0" --note --nonce "$nonce"
for i in 1 2 3; do
    sleep 0.5
    incremental "$shared/$i" "$shared/$((i - 1))"
    assert_incremental
    [ "$(text_field storage "$tmp/dump.json")" = clone ] || fail "no clone: $(cat "$tmp/dump.json")"
    rm "$shared/$((i - 1))"
    check_image "$shared/$i" --note --nonce "$nonce"
    [ "$(field bytes-written "$tmp/dump.json")" -lt $(($(stat -c %s "$shared/$i") / 2)) ] ||
        fail "an incremental dump writes most of the file"
done
assert_progress
