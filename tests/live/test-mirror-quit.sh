#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# QEMU is told to quit during a dump: it does, and leaves nothing that hangs.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -m 512 -a 'vth.fill=300'
qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror -- @wait-mirror -- quit >/dev/null || true
gone () { ! alive "$qemu_pid"; }
wait_for 60 gone || fail "QEMU does not end"
