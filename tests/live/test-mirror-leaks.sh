#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Dumps in a row: descriptors and threads of QEMU stay level.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 1
level () { held_by_qemu fd task; }
for i in 1 2 3 4 5 6; do
    rm -f "$image"
    qmp_mirror "$image"
    sleep 0.2
    [ "$i" != 2 ] || before=$(level)
done
check_image "$image" --note
# What is leaked stays; what is only late to end does not.
level_again () { after=$(level) && [ "$after" -le $((before + 1)) ]; }
wait_for 20 level_again || fail "they grow: $before descriptors and threads, then $after"
say "descriptors and threads: $before, then $after"
