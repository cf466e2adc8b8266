#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kdump files of shared memory: reading it makes no page of the file that was not there.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -m 512 -a 'vth.fill=16' -- -object memory-backend-memfd,id=m,size=512M,share=on -machine memory-backend=m
blocks () { stat -L -c %b "/proc/$qemu_pid/fd/$fd"; }
# Another descriptor, of a QMP connection, may be closed meanwhile.
fd=$({ find "/proc/$qemu_pid/fd" -lname '/memfd:memory-backend-memfd*' -printf '%f\n' 2>/dev/null || true; } | head -n 1)
[ -n "$fd" ] || fail "no memfd"
qmp stop >/dev/null
before=$(blocks)
qmp_mirror "$image" format=kdump-raw-lzo
[ "$(blocks)" = "$before" ] || fail "the guest's memory grew from $before to $(blocks) blocks"
check_image "$image" --note
qmp cont >/dev/null
assert_progress
