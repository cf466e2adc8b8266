#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Refused in mirror mode, by name and without a trace: a dump during a migration, and a migration during a dump.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -m 512 -a "vth.fill=200"
# A migration to nowhere that lasts.
qmp migrate-set-parameters max-bandwidth=100000 -- migrate "uri=exec:cat >/dev/null" >/dev/null
assert_refused migrat paging=false "protocol=file:$image" mode=mirror
qmp migrate_cancel >/dev/null
cancelled () { qmp query-migrate | grep -q '"status": "cancelled"'; }
wait_for 60 cancelled || fail "the migration does not end"
rm -f "$image"
# At a pace at which it is not over before the migration begins.
qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror bandwidth=100000000 -- \
    @fails migrate "uri=exec:cat >/dev/null" -- @wait-dump
check_image "$image" --note
assert_dumps
