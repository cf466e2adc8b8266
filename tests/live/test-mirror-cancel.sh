#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# dump-cancel ends a dump as failed, at once, and the guest runs on.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2 -m 512 -a 'vth.fill=300'
qmp @fails dump-cancel
# At a pace at which it is not over before it can be cancelled.
for _ in 1 2 3; do
    got=$(qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror bandwidth=100000000 -- \
        dump-cancel -- @wait-failed | tail -n 1)
    [ "$got" = "dump was cancelled" ] || fail "got: $got"
    [ ! -e "$image" ] || fail "a cancelled dump leaves a file"
done
got=$(qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror -- @wait-mirror -- dump-cancel -- \
    @wait-failed | tail -n 1) || true
say "after T0: ${got:-the dump was faster}"
qmp2 query-dump | grep -q '"status": "\(failed\|completed\)"' || fail "query-dump"
rm -f "$image"
assert_dumps
