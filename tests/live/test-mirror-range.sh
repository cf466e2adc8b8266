#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# begin and length: the file has that part of memory, the same as with mode=stop.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2
qmp stop >/dev/null
# within a block, across the hole below 1 MiB, and neither end at a page
for range in "16777216 33554432" "524288 2097152" "20000123 5000000"; do
    read -r begin length <<<"$range"
    rm -f "$image" "$tmp/stop"
    qmp_mirror "$image" "begin=$begin" "length=$length"
    qmp_stop "$tmp/stop" "begin=$begin" "length=$length"
    "$oracle_check" --same-memory "$tmp/stop" "$image" || fail "$range: the images differ"
    [ "$(field total "$tmp/dump.json")" -le "$length" ] || fail "$range: more than was wanted"
done
qmp cont >/dev/null
rm -f "$image"
qmp_mirror "$image" begin=16777216 length=67108864
assert_dumps
