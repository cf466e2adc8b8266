#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The guest reboots itself while dumps are taken; each is taken or says why not, and the next boot is fine.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2 -a 'vth.reboot=3'
for _ in $(seq 30); do
    rm -f "$image"
    if qmp_mirror "$image" 2>"$tmp/refusal"; then
        # Between two boots the image holds remains of the first, which nobody can judge.
        head -c 4 "$image" | grep -q ELF || fail "no ELF file"
    else
        say "$(cat "$tmp/refusal")"
        [ ! -e "$image" ] || fail "a failed dump leaves a file"
    fi
    if guest_said_ready 2; then break; fi
done
guest_ready 2
find_counters
rm -f "$image"
qmp_mirror "$image"
check_image "$image" --note --nonce "$nonce"
assert_progress
