#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A stock QEMU under the patched libvirt: the distribution's, or a copy of ours that has unlearnt the name of the mode.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/pool.sh
. "$live/pool.sh"
# shellcheck source=tests/live/stock.sh
. "$live/stock.sh"
need jq
need_libvirt
export XDG_CONFIG_HOME=$tmp/config XDG_DATA_HOME=$tmp/data XDG_STATE_HOME=$tmp/state
for stock in /usr/bin/qemu-system-x86_64 /usr/libexec/qemu-kvm none; do
    if [ "$stock" != none ] && [ -x "$stock" ] && [ "$stock" != "$(command -v "$qemu")" ]; then break; fi
done
if [ "$stock" = none ]; then
    ours=$(readlink -f "$(command -v "$qemu")")
    stock=$tmp/qemu-system-x86_64
    sed 's/\x00mirror\x00/\x00mirr0r\x00/g' "$ours" >"$stock"
    chmod +x "$stock"
    # A program finds its firmware beside it, installed or built.
    for data in "${ours%/*}/../share/qemu" "${ours%/*}/qemu-bundle/usr/local/share/qemu"; do
        [ ! -d "$data" ] || export VTHUNDER_QEMU_DATA="${VTHUNDER_QEMU_DATA:-$data}"
    done
fi
say "stock QEMU: $stock, $("$stock" --version | head -n 1)"
qemu=$stock
create_domain "$(unique_domain)" 256 1 ""
stock_environment=()
check_stock 'mirror|not supported|support'
