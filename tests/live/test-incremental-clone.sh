#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Dumps that share blocks with the one before are complete files of one instant, and outlive it.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need filefrag
reflink_dir xfs
boot_guest -m 256 -c 2 -a "vth.fill=100 vth.pages=512 vth.rate=20000"

# own_blocks FILE: in how many extents, and how many pieces of the disk, the file has blocks of its own.
own_blocks ()
{
    filefrag -v "$1" | awk '/^ *[0-9]+:/ && !/shared/ { gsub("[.:]", " "); print $4, $6 }' | sort -n |
        awk '$1 != end { pieces++ } { end = $1 + $2 } END { print NR, pieces + 0 }'
}

tracked "$shared/0"
check_image "$shared/0" --note --nonce "$nonce"
size=$(stat -c %s "$shared/0")
for i in 1 2 3; do
    sleep 0.5
    incremental "$shared/$i" "$shared/$((i - 1))"
    assert_incremental
    [ "$(text_field storage "$tmp/dump.json")" = clone ] || fail "no clone: $(cat "$tmp/dump.json")"
    # Scattered pages are written as one; each by itself takes XFS ten times as long.
    read -r extents pieces <<<"$(own_blocks "$shared/$i")"
    [ "$extents" -gt 50 ] || fail "only $extents extents differ from the base"
    [ "$pieces" -lt 10 ] || fail "the $extents extents were written in $pieces pieces"
    rm "$shared/$((i - 1))"
    check_image "$shared/$i" --note --nonce "$nonce"
    [ "$(field bytes-written "$tmp/dump.json")" -lt $(($(stat -c %s "$shared/$i") / 2)) ] ||
        fail "an incremental dump writes most of the file"
    [ "$(stat -c %s "$shared/$i")" = "$size" ] || fail "the file has another size than its base"
done
assert_progress
