#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# makedumpfile -d 31 drops from a kdump file what is not worth keeping; what it writes, it reads again.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need makedumpfile
# makedumpfile 1.7.2 takes the size of the file's bitmaps from where the guest's kernel sees the end of memory.
# With less than 4 GiB the firmware lies behind that, and it reads no kdump file of QEMU's right, of whatever mode.
[ "$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)" -gt 2048 ] || skip "too little memory"
boot_guest -m 4608 -c 2
qmp_mirror "$image" format=kdump-raw-lzo
makedumpfile -l -d 31 "$image" "$tmp/small" >"$tmp/makedumpfile.log" 2>&1 || fail "makedumpfile -d 31"
ls -l "$image" "$tmp/small"
[ "$(stat -c %s "$tmp/small")" -lt "$(stat -c %s "$image")" ] || fail "nothing was dropped"
makedumpfile --dump-dmesg "$tmp/small" "$tmp/dmesg" >"$tmp/makedumpfile.log" 2>&1 || fail "--dump-dmesg"
grep -q 'Linux version' "$tmp/dmesg" || fail "no kernel log"
