#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# T0 protects what a guest has just written by few calls, however scattered it is: each flushes TLBs, which some hosts take
# 60 microseconds for.  The guest writes a page of every 128 KiB of 1 GiB in order, and never touches the others.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
reflink_dir xfs
payload_mem=1024 payload_append='stride=32 pages=7680 fill=4 kick=0' boot_payload tcg,thread=multi

all=0
few_calls ()
{
    local calls
    calls=$(field protect-calls "$tmp/dump.json")
    [ -n "$calls" ] || fail "no figure"
    say "$1: $calls calls, $(field t0-tries "$tmp/dump.json") tries, pause $(field pause-ns "$tmp/dump.json") ns"
    all=$((all + calls))
    [ "$calls" -le 16 ] || fail "$1: T0 took $calls calls"
}

for strategy in protect hybrid; do
    for _ in 1 2 3; do
        mirror_by_strategy "$strategy"
        few_calls "$strategy"
        assert_progress
    done
done

# What a dump builds on has most pages already: those of the delta are in every chunk, and few of it.
tracked "$shared/0"
for i in 1 2 3; do
    incremental "$shared/$i" "$shared/$((i - 1))"
    assert_incremental
    few_calls incremental
    check_image "$shared/$i" --note --nonce "$nonce"
    rm -f "$shared/$((i - 1))"
    assert_progress
done
[ "$all" -gt 0 ] || fail "a guest that writes all the time left nothing to protect, nine times"
