#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The guest is stopped and continued before and after T0: a dump that does not stop it has no say in
# that, and its image is that of one instant.  One that does stop it keeps it so, as ever.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2 -m 384 -a 'vth.fill=200'
for strategy in protect hybrid; do
    rm -f "$image"
    qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror track=true "strategy=$strategy" bandwidth=104857600 -- \
        stop -- @sleep 0.1 -- cont -- stop -- cont -- @wait-mirror -- stop -- @sleep 0.3 -- cont -- @sleep 0.1 -- stop -- cont -- \
        @wait-dump 120 >"$tmp/dump.json" || fail "$strategy"
    check_image "$image" --note --nonce "$nonce"
    assert_progress
done
# Left stopped, it stays so.
rm -f "$image"
qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror -- @wait-mirror -- stop -- @wait-dump 120 >"$tmp/dump.json"
check_image "$image" --note --nonce "$nonce"
qmp query-status | grep -q '"status": "paused"' || fail "the guest is not paused any more"
assert_standstill
qmp cont >/dev/null
qmp dump-guest-memory paging=false "protocol=file:$tmp/stop" detach=true -- @fails cont -- @wait-dump 120 >"$tmp/stop.log"
grep -q 'dump in process' "$tmp/stop.log" || fail "$(cat "$tmp/stop.log")"
assert_dumps
