#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# KSM takes the write protection from pages that it merges: it is kept from the guest's while they are captured,
# and a dump in which it was turned on too late to be is no dump.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need_ksm
boot_guest -m 256 -a "vth.fill=100 vth.pages=512 vth.rate=2000"
items () { sed -n 's/^ksm_rmap_items //p' "/proc/$qemu_pid/ksm_stat"; }
merged () { cat "/proc/$qemu_pid/ksm_merging_pages"; }
has_items () { [ "$(items)" -gt 0 ]; }
has_merged () { [ "$(merged)" -gt 64 ]; }

turn_ksm off
[ "$(items)" = 0 ] || skip "KSM has looked at the guest already"
mirror_dumps 1

# So slow that there is time to turn KSM on, and for it to find the guest
qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror mirror-limit=8388608 bandwidth=20000000 -- \
    @wait-mirror -- @wait-failed >"$tmp/failed" &
dump=$!
sleep 1
turn_ksm on
wait_for 20 has_items || fail "KSM does not look at the guest's memory"
alive "$dump" || fail "the dump ended before KSM was there: $(cat "$tmp/failed")"
wait "$dump" || fail "a dump that KSM interfered with does not fail: $(cat "$tmp/failed")"
[ "$(tail -n 1 "$tmp/failed")" = "dump: KSM was turned on while the guest's memory was captured; try again" ] ||
    fail "got: $(cat "$tmp/failed")"
[ ! -e "$image" ] || fail "a dump that failed leaves a file"
assert_progress

# From now on it is kept away, and what it had merged is separated
for _ in 1 2 3; do
    wait_for 60 has_merged || fail "KSM merges no pages of the guest"
    before=$(merged)
    mirror_dumps 1
    say "$before pages were merged before the dump"
done
assert_progress
