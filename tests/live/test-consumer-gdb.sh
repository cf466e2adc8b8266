#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# gdb opens the image and shows the registers of every vCPU.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need gdb
boot_guest -c 2
qmp_mirror "$image"
gdb -q -nx -batch -ex 'info threads' -ex 'thread apply all info registers rip' -c "$image" >"$tmp/gdb.log" 2>&1 || true
cat "$tmp/gdb.log"
[ "$(grep -c '^rip ' "$tmp/gdb.log")" = 2 ] || fail "gdb does not show the registers of two vCPUs"
