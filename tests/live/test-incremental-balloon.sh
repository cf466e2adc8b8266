#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Memory that the balloon took away has changed, though nobody wrote to it.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
reflink_dir xfs
boot_guest -m 256 -a "vth.fill=64 vth.pages=512 vth.rate=20000" -- -device virtio-balloon-pci

tracked "$shared/0"
qmp balloon value=$((160 << 20)) >/dev/null
smaller () { [ "$(qmp query-balloon | sed 's/.*: \([0-9]*\).*/\1/')" -lt $((240 << 20)) ]; }
wait_for 30 smaller || skip "this guest has no balloon driver"
qmp stop >/dev/null
incremental "$shared/1" "$shared/0"
assert_incremental
qmp_stop "$tmp/stop"
"$live/same-memory" "$shared/1" "$tmp/stop" || fail "memory differs"
qmp cont >/dev/null
assert_progress
