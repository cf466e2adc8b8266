#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Memory is copied while the guest runs, and what was written meanwhile is protected: no guest is too fast for that, and
# what it writes after T0 costs little.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -m 256 -c 2 -a "vth.fill=100 vth.pages=8192"

for _ in 1 2 3; do mirror_by_strategy hybrid; done
# What is copied before T0 is written from where it is, so the mirror holds but what the guest wrote.
peak=$(field mirror-peak "$tmp/dump.json")
[ "$peak" -lt $((160 << 20)) ] || fail "the mirror held $peak bytes"
assert_progress

# Slowly, so that a great deal is written while it is copied, and with little memory: the guest waits, but no longer than
# it takes.
rm -f "$image"
qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror strategy=hybrid mirror-limit=8388608 \
    bandwidth=80000000 -- @wait-dump 120 >"$tmp/dump.json"
check_image "$image" --note --nonce "$nonce"
assert_progress

# It has to be able to protect, and to write twice to one place.
rm -f "$image"
qmp @getfd none /dev/null -- @fails dump-guest-memory paging=false "protocol=file:$image" mode=mirror uffd=none \
    strategy=hybrid >"$tmp/refused"
grep -q userfaultfd "$tmp/refused" || fail "refused without a reason: $(cat "$tmp/refused")"
qmp @fails dump-guest-memory paging=false "protocol=file:$image" mode=mirror strategy=hybrid format=kdump-zlib >"$tmp/refused"
grep -q "strategy=hybrid need format 'elf'" "$tmp/refused" || fail "refused without a reason: $(cat "$tmp/refused")"
[ ! -e "$image" ] || fail "a refused dump leaves a file"

# A reset meanwhile ends the dump, not the guest: what was copied may be older than the reset.
qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror strategy=hybrid bandwidth=40000000 \
    -- @sleep 0.5 -- system_reset -- @wait-failed 120 >"$tmp/failed"
grep -Eq 'was reset|map has changed' "$tmp/failed" || fail "it fails without the reason: $(cat "$tmp/failed")"
[ ! -e "$image" ] || fail "a failed dump leaves a file"
guest_ready 2
find_counters
assert_dumps
