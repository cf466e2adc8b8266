#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# crash opens kdump files, flattened and plain.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need_crash
boot_guest -c 2
for format in kdump-lzo kdump-raw-zstd; do
    rm -f "$image"
    qmp_mirror "$image" "format=$format"
    crash_reads "$image"
    grep init "$tmp/crash.log" || fail "crash shows no process"
done
