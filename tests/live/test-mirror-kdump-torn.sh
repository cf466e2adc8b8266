#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# QEMU is killed while it writes: what is left is no dump to anybody.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2 -m 512 -a 'vth.fill=300'
has_blocks () { [ "$(stat -c %b "$image")" -gt 0 ]; }
for format in kdump-raw-lzo kdump-lzo; do
    [ "$format" != kdump-lzo ] || boot_guest -c 2 -m 512 -a 'vth.fill=300'
    qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror "format=$format" bandwidth=2000000 -- \
        @wait-mirror >/dev/null
    wait_for 20 has_blocks || true
    kill -KILL "$qemu_pid"
    wait "$qemu_pid" 2>/dev/null || true
    [ -s "$image" ] || fail "there is nothing to judge"
    ! head -c 16 "$image" | grep -aq 'KDUMP\|makedumpfile' || fail "a torn file looks like a dump"
    rm -f "$image"
done
