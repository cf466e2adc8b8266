#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# makedumpfile reads the guest's kernel log out of the image.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need makedumpfile
boot_guest -c 2
qmp_mirror "$image"
makedumpfile --dump-dmesg "$image" "$tmp/dmesg" >"$tmp/makedumpfile.log" 2>&1 || fail "makedumpfile --dump-dmesg"
grep 'Linux version' "$tmp/dmesg" || fail "no kernel log"
grep -q 'Run /init as init process' "$tmp/dmesg" || fail "not the whole kernel log"
