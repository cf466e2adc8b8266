#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Scattered pages of a delta are kept from KSM without a mapping for each: a process can only have some 65,000.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need_ksm
reflink_dir xfs
boot_guest -m 256 -a "vth.fill=100 vth.pages=4096 vth.rate=1000"
mappings () { wc -l <"/proc/$qemu_pid/maps"; }

tracked "$shared/0"
# Where it is off nothing is done.
turn_ksm on
sleep 3
before=$(mappings)
# So slow, and with so little memory, that pages stay protected for a while.
incremental "$shared/1" "$shared/0" mirror-limit=8388608 bandwidth=2000000 &
dump=$!
most=0 looks=0
while alive "$dump"; do
    seen=$(mappings)
    if [ "$seen" -gt "$most" ]; then most=$seen; fi
    looks=$((looks + 1))
    sleep 0.01
done
wait "$dump" || fail "the dump failed: $(cat "$tmp/dump.json")"
base_generation=$(text_field base-generation "$tmp/dump.json")
assert_incremental
pages=$(field pages-dirty "$tmp/dump.json")
say "$pages pages, $before mappings before and $most at most, of $looks looks"
[ "$pages" -gt 2000 ] || fail "only $pages pages were written"
[ "$most" -gt "$before" ] || fail "it was never looked while pages were protected"
[ "$most" -lt $((before + pages / 4)) ] || fail "$most mappings for $pages pages"
check_image "$shared/1" --note --nonce "$nonce"
assert_progress
