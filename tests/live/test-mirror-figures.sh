#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# query-dump during a dump and the event at its end carry every figure of the contract.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2
qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror 'note:={"schedule":"hourly"}' -- \
    @wait-mirror -- @wait-dump >"$tmp/all.json" -- query-dump
for name in t0-ns pause-ns protect-calls t0-tries stall-max-ns stall-count stall-histogram capture-ns total-ns pages-total pages-zero \
    pages-copied pages-fault-copied mirror-limit mirror-peak bytes-written; do
    [ "$(grep -c "\"$name\"" "$tmp/all.json")" = 3 ] || fail "no $name"
done
tail -n 1 "$tmp/all.json" >"$tmp/last.json"
sum=$(($(field pages-zero "$tmp/last.json") + $(field pages-copied "$tmp/last.json") + \
    $(field pages-fault-copied "$tmp/last.json")))
[ "$sum" = "$(field pages-total "$tmp/last.json")" ] || fail "the kinds of pages do not add up"
[ "$(field pause-ns "$tmp/last.json")" -gt 0 ] || fail "no pause"
[ "$(field t0-tries "$tmp/last.json")" -gt 0 ] || fail "no try"
grep -aq '"schedule" *: *"hourly"' "$image" || fail "the caller's note is not in the file"
check_image "$image" --note
