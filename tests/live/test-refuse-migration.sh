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
qmp migrate_cancel -- @sleep 1 >/dev/null
rm -f "$image"
qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror -- \
    @fails migrate "uri=exec:cat >/dev/null" -- @wait-dump
check_image "$image" --note
assert_dumps
