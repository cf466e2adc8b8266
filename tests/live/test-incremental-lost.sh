#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Where nothing is known of some of the guest's writes the dump is a full one, and says why.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
reflink_dir xfs
boot_guest -m 256 -a "vth.fill=64 vth.pages=512 vth.rate=20000"

# again TEXT: the next dump, on what the last one said, is full for this reason.
n=0
again ()
{
    n=$((n + 1))
    incremental "$shared/$n" "$shared/$((n - 1))"
    assert_full "$1"
    check_image "$shared/$n" --note --nonce "$nonce"
}

tracked "$shared/0"
cp "$shared/0" "$shared/other"
incremental "$shared/1" "$shared/other"
assert_incremental
n=1

# a file that is not the dump it is said to be
cp "$shared/0" "$shared/1"
again 'not the dump of that generation'

qmp dump-untrack >/dev/null
[ "$(qmp @fails dump-untrack)" = "the guest's writes are not tracked" ] || fail "dump-untrack twice"
again 'ended by request'

qmp migrate "uri=exec:cat >/dev/null" >/dev/null
migrated () { qmp query-migrate | grep -q '"status": "completed"'; }
wait_for 60 migrated || fail "the migration does not end"
qmp cont >/dev/null
again 'migrated'

qmp system_reset >/dev/null
guest_ready 2
find_counters
again 'reset'
again_generation=$generation
incremental "$shared/last" "$shared/$n"
assert_incremental
[ "$base_generation" = "$again_generation" ] || fail "not on the dump before"
check_image "$shared/last" --note --nonce "$nonce"
assert_progress
