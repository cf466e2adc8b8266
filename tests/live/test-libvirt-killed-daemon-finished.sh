#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon is killed, QEMU completes the dump: the next daemon gives the file its name.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
daemon=$(cat "${VTHUNDER_DAEMON_PIDFILE:-/nowhere}" 2>/dev/null) || skip "the daemon is not ours"
create_domain "$(unique_domain)" 512 1 "vth.fill=300"
begun () { [ -n "$(find "$tmp" -maxdepth 1 -name '.image.thunder-*.part' -size +0)" ]; }
written () { part=$(echo "$tmp"/.image.thunder-*.part) && [ "$(head -c 4 "$part" | tail -c 3)" = ELF ]; }
closed () { [ -z "$(find "/proc/$qemu_pid/fd" -lname "$part" 2>/dev/null)" ]; }
killed=
for _ in 1 2 3 4 5; do
    virsh -q dump --thunder "$domain" "$image" >"$tmp/message" 2>&1 &
    dump=$!
    while alive "$dump" && ! begun; do :; done
    # It must not see the end of the dump.
    kill -STOP "$daemon"
    if begun && [ ! -e "$image" ]; then
        killed=yes
        break
    fi
    kill -CONT "$daemon"
    wait "$dump" || fail "$(cat "$tmp/message")"
    rm -f "$image"
done
[ -n "$killed" ] || skip "the dump was always faster"
# QEMU goes on without the daemon, which is not there to hear about the end.
completed=
if wait_for 60 written; then
    completed=yes
    # The head is the last that is written, but a slow disk may take its time until QEMU closes the file.
    wait_for 60 closed || say "QEMU keeps the file open"
    sleep 1
fi
# In any case: who destroys the domain waits for a daemon that is stopped for ever.
kill -KILL "$daemon"
wait "$dump" 2>/dev/null || true
back () { "$builddir/run" virsh -q domstate "$domain" >/dev/null 2>&1; }
wait_for 60 back || fail "the daemon does not come back"
[ -n "$completed" ] || fail "QEMU does not complete the dump"
there () { [ -e "$image" ]; }
wait_for 30 there || fail "the dump QEMU completed is lost"
no_leftovers "$tmp" image
check_image "$image" --note --nonce "$nonce"
virsh domjobinfo --completed --keep-completed "$domain" | tee "$tmp/job"
grep -q "^Job type: *Completed" "$tmp/job" || fail "the job is not reported as completed"
[ -n "$(dump_stat total_ns)" ] || fail "no figures"
assert_domain_dumps
