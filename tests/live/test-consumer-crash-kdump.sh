#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# crash opens kdump files, flattened and plain (with the guest kernel's debug symbols).
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need crash
release=$(basename "$(find "$vm/kernel" -name 'vmlinuz-*' | head -n 1)")
release=${release#vmlinuz-}
symbols=${VTHUNDER_GUEST_SYMBOLS:-/usr/lib/debug/boot/vmlinux-$release}
[ -r "$symbols" ] || skip "no debug symbols of $release (VTHUNDER_GUEST_SYMBOLS)"
boot_guest -c 2
for format in kdump-lzo kdump-raw-zstd; do
    rm -f "$image"
    qmp_mirror "$image" "format=$format"
    printf 'ps\nbt -a\nquit\n' | timeout 120 crash -s "$symbols" "$image" >"$tmp/crash.log" 2>&1 || fail "crash"
    grep init "$tmp/crash.log" || fail "crash shows no process"
done
