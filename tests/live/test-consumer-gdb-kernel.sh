#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# gdb reads the guest kernel's text and data by their symbols: its segment has the virtual address.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need gdb readelf
need_symbols
boot_guest
qmp_mirror "$image"
# It is the only one that has another virtual than physical address.
readelf -lW "$image" | awk '$1 == "LOAD" && $3 != $4 { print $3 }' >"$tmp/mapped"
[[ $(cat "$tmp/mapped") =~ ^0xffffffff[0-9a-f]{8}$ ]] || fail "mapped: $(cat "$tmp/mapped")"
offset=$(LC_ALL=C grep -ao -m1 'KERNELOFFSET=[0-9a-f]*' "$image" | head -n 1 | cut -d = -f 2)
[ -n "$offset" ] || fail "no KERNELOFFSET in the image"
gdb -q -nx -batch -c "$image" -ex "symbol-file -o 0x$offset $symbols" \
    -ex 'printf "release %s\n", init_uts_ns.name.release' -ex 'printf "banner %s", linux_banner' >"$tmp/gdb.log" 2>&1 || true
tail -n 2 "$tmp/gdb.log"
grep -q "^release $release$" "$tmp/gdb.log" || fail "gdb does not see the kernel's data"
grep -q '^banner Linux version' "$tmp/gdb.log" || fail "gdb does not see the kernel's constants"
