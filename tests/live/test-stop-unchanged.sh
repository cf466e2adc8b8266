#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mode=stop writes the same bytes as an unpatched QEMU would: the same paused guest's two dumps are equal,
# and, where a stock QEMU of the same version is given (VTHUNDER_STOCK_QEMU), those of a guest that never ran.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
boot_guest -c 2
qmp stop >/dev/null
qmp_stop "$image"
if qmp query-commands | grep -q '"dump-cancel"'; then qmp_stop "$tmp/explicit" mode=stop; else qmp_stop "$tmp/explicit"; fi
cmp "$image" "$tmp/explicit" || fail "mode=stop is not the default"
! head_has VTHUNDER "$image" || fail "a stopping dump has the vthunder note"
[ -n "${VTHUNDER_STOCK_QEMU-}" ] || skip "the dumps are equal; no VTHUNDER_STOCK_QEMU to compare with"
frozen () { start_qemu -machine pc -accel tcg -m 64 -S; qmp_stop "$1"; qmp_stop "$1.lzo" format=kdump-zlib; }
frozen "$tmp/patched"
qemu=$VTHUNDER_STOCK_QEMU
frozen "$tmp/stock"
cmp "$tmp/patched" "$tmp/stock" || fail "an ELF dump differs from a stock QEMU's"
# A kdump file carries the time and the host's name in its header.
cmp -i 8192 "$tmp/patched.lzo" "$tmp/stock.lzo" || fail "a kdump differs from a stock QEMU's"
