#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# crash opens kdump files, flattened and plain.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need crash
need_symbols
boot_guest -c 2
for format in kdump-lzo kdump-raw-zstd; do
    rm -f "$image"
    qmp_mirror "$image" "format=$format"
    printf 'ps\nbt -a\nquit\n' | timeout 300 crash -s "$symbols" "$image" >"$tmp/crash.log" 2>&1 || fail "crash"
    grep init "$tmp/crash.log" || fail "crash shows no process"
done
