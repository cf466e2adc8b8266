#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon is killed during a dump and comes back: guest alive, no stuck job, no leftovers.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
daemon=$(cat "${VTHUNDER_DAEMON_PIDFILE:-/nowhere}" 2>/dev/null) || skip "the daemon is not ours"
create_domain "$(unique_domain)" 512 1 "vth.fill=300"
virsh -q dump --thunder "$domain" "$image" >"$tmp/message" 2>&1 &
dump=$!
busy () { virsh -q domjobinfo "$domain" 2>/dev/null | grep -qi "operation.*dump"; }
wait_for 10 busy || true
kill -KILL "$daemon"
wait "$dump" 2>/dev/null || true
cat "$tmp/message"
back () { "$builddir/run" virsh -q domstate "$domain" >/dev/null 2>&1; }
wait_for 60 back || fail "the daemon does not come back"
idle () { ! busy; }
wait_for 60 idle || fail "the job is stuck"
assert_progress
if [ -e "$image" ]; then check_image "$image" --note; fi
settled () { no_leftovers "$tmp" image; }
wait_for 30 eval "(settled) 2>/dev/null" || settled
assert_domain_dumps
