#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# makedumpfile -d 31 drops what is not worth keeping; what it writes, it reads again.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need makedumpfile
boot_guest -c 2
qmp_mirror "$image"
makedumpfile -l -d 31 "$image" "$tmp/small" >"$tmp/makedumpfile.log" 2>&1 || fail "makedumpfile -d 31"
ls -l "$image" "$tmp/small"
[ "$(stat -c %s "$tmp/small")" -lt "$(stat -c %s "$image")" ] || fail "nothing was dropped"
makedumpfile --dump-dmesg "$tmp/small" "$tmp/dmesg" >"$tmp/makedumpfile.log" 2>&1 || fail "--dump-dmesg"
grep -q 'Linux version' "$tmp/dmesg" || fail "no kernel log"
