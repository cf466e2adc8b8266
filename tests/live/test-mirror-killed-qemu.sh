#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# QEMU dies during a dump: no process is left, and no file that looks like a whole dump.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -m 512 -a 'vth.fill=300'
qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror -- @wait-mirror >/dev/null
kill -KILL "$qemu_pid"
wait "$qemu_pid" 2>/dev/null || true
if [ -e "$image" ] && "$oracle_check" -q --note "$image" 2>/dev/null; then
    say "the dump was complete before QEMU died"
fi
pids=()
boot_guest -c 1
rm -f "$image"
assert_dumps
