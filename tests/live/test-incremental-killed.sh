#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# QEMU dies during a dump that builds on another: what it leaves does not look like the other one.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need qemu-img
reflink_dir xfs

for storage in clone overlay; do
    boot_guest -m 256 -a "vth.fill=100 vth.pages=4096 vth.rate=4000"
    rm -f "$shared"/*
    tracked "$shared/0"
    sleep 2
    # So slow that it is at work for a while
    qmp_incremental "$shared/1" "$shared/0" mirror-limit=8388608 bandwidth=1000000 -- @wait-mirror >/dev/null
    [ -s "$shared/1" ] || fail "$storage: there is no file"
    kill -KILL "$qemu_pid"
    wait "$qemu_pid" 2>/dev/null || true
    pids=()
    whole=$(flat "$shared/1")
    [ "$(stat -c %s "$whole")" -ge $((256 << 20)) ] || fail "$storage: the file is not over its base"
    cmp -s -n 65536 "$whole" /dev/zero || fail "$storage: the file has a head"
done
