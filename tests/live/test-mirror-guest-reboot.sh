#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The guest reboots itself while dumps are taken; each is taken or says why not, and the guest boots again and again.
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
    if guest_said_ready 3; then break; fi
done
# It goes on booting and rebooting.
guest_ready 3
