#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# gdb, makedumpfile and crash open a dump that builds on another: one that shares blocks
# with it, and what qemu-img makes of an overlay.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need gdb makedumpfile qemu-img
need_crash
reflink_dir xfs
boot_guest -c 2 -a "vth.pages=512 vth.rate=20000"

# read_all FILE
read_all ()
{
    gdb -q -nx -batch -ex 'thread apply all info registers rip' -c "$1" >"$tmp/gdb.log" 2>&1 || true
    [ "$(grep -c '^rip ' "$tmp/gdb.log")" = 2 ] || fail "gdb does not show the registers of two vCPUs"
    makedumpfile -f --dump-dmesg "$1" "$tmp/dmesg" >"$tmp/makedumpfile.log" 2>&1 || fail "makedumpfile --dump-dmesg"
    grep -q 'Run /init as init process' "$tmp/dmesg" || fail "not the whole kernel log"
    crash_reads "$1"
    grep -q 'COMMAND: "init"' "$tmp/crash.log" || fail "crash shows no process"
}

tracked "$shared/0"
sleep 0.5
incremental "$shared/1" "$shared/0"
assert_incremental
rm "$shared/0"
read_all "$shared/1"
sleep 0.5
storage=overlay incremental "$shared/2" "$shared/1"
assert_incremental
read_all "$(flat "$shared/2")"
