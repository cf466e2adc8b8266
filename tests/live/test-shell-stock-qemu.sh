#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A stock QEMU under the patched libvirt: one that is installed, the distribution's, or a copy of ours that has
# unlearnt the name of the mode.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/pool.sh
. "$live/pool.sh"
# shellcheck source=tests/live/stock.sh
. "$live/stock.sh"
# shellcheck source=tests/live/debian.sh
. "$live/debian.sh"
need jq
need_libvirt
own_state
for stock in /usr/bin/qemu-system-x86_64 /usr/libexec/qemu-kvm none; do
    if [ "$stock" != none ] && [ -x "$stock" ] && [ "$stock" != "$(command -v "$qemu")" ]; then break; fi
done
if [ "$stock" = none ]; then
    stock=$tmp/qemu-system-x86_64
    # A skip of this one is no skip of the test.
    # shellcheck disable=SC2119
    if ! (trap - EXIT; debian_qemu) >"$tmp/debian.log"; then
        tail -n 1 "$tmp/debian.log"
        sed 's/\x00mirror\x00/\x00mirr0r\x00/g' "$(readlink -f "$(command -v "$qemu")")" >"$stock"
        chmod +x "$stock"
    fi
    our_firmware
fi
say "stock QEMU: $stock, $("$stock" --version | head -n 1)"
qemu=$stock
create_domain "$(unique_domain)" 256 1 ""
stock_environment=()
check_stock 'mirror|not supported|support'
# libvirt's default emulator is another: it is the domain's that counts.
grep -q "emulator *failed.*$domain ($stock)" "$tmp/said" || fail "doctor: $(cat "$tmp/said")"
