#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same for the guest of the benchmark, which writes 4,096 pages of 1 GiB in no order: 16 calls, the median of five
# dumps.  The first finds memory in huge pages, the others what the first has left of them.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
VTHUNDER_BOOT_SECONDS=300 boot_guest -m 1024 -a "vth.fill=696 vth.pages=4096"

for strategy in protect hybrid; do
    : >"$tmp/calls"
    for _ in 1 2 3 4 5; do
        mirror_by_strategy "$strategy"
        field protect-calls "$tmp/dump.json" >>"$tmp/calls"
    done
    say "$strategy: $(tr '\n' ' ' <"$tmp/calls")calls"
    calls=$(sort -n "$tmp/calls" | sed -n 3p)
    [ -n "$calls" ] || fail "no figure"
    [ "$calls" -le 16 ] || fail "$strategy: T0 took $calls calls"
    assert_progress
done
