#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# crash opens the image.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need_crash
boot_guest -c 2
qmp_mirror "$image"
crash_reads "$image"
grep init "$tmp/crash.log" || fail "crash shows no process"
