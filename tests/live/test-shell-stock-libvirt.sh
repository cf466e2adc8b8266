#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A stock libvirt: it refuses a flag that it does not know.  stock-libvirt.c makes the built one do that.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/pool.sh
. "$live/pool.sh"
# shellcheck source=tests/live/stock.sh
. "$live/stock.sh"
need jq
need_libvirt
own_state
module=$builddir/tests/live/.libs/stock-libvirt.so
[ -e "$module" ] || fail "no $module; make check-live builds it"
create_domain "$(unique_domain)" 256 1 ""
stock_environment=(env "LD_PRELOAD=$module")
check_stock 'know mirror dumps'
grep -q 'does not know mirror dumps' "$tmp/said" || fail "doctor: $(cat "$tmp/said")"
