#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The probe sees a guest that is kept from running for 50 ms, and one that is not.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
boot_guest -c 1
"$stall_probe" --pid "$qemu_pid" --address "$hva" --count 1 --seconds 2 >"$tmp/probe.out" &
probe=$!
sleep 0.7
kill -STOP "$qemu_pid"
sleep 0.05
kill -CONT "$qemu_pid"
wait "$probe"
cat "$tmp/probe.out"
proved=$(sed -n 's/.*stall_proved_us=\([0-9]*\).*/\1/p' "$tmp/probe.out")
[ "$proved" -ge 45000 ] || fail "a stop of 50 ms was seen as $proved µs"
progress=$(sed -n 's/.*progress=\([0-9]*\).*/\1/p' "$tmp/probe.out")
[ "$progress" -gt 0 ] || fail "no progress seen"
