#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The probe sees a guest that is kept from running for half a second, and one that is not.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
boot_guest -c 1
"$stall_probe" --pid "$qemu_pid" --address "$hva" --count 1 --seconds 5 >"$tmp/probe.out" &
probe=$!
pids+=("$probe")
sleep 2
kill -STOP "$qemu_pid"
sleep 0.5
kill -CONT "$qemu_pid"
wait "$probe"
cat "$tmp/probe.out"
proved=$(sed -n 's/.*stall_proved_us=\([0-9]*\).*/\1/p' "$tmp/probe.out")
# Less a tenth: where the host is robbed of its processors the probe may miss the beginning and the end.
[ "$proved" -ge 450000 ] || fail "a stop of 500 ms was seen as $proved µs"
progress=$(sed -n 's/.*progress=\([0-9]*\).*/\1/p' "$tmp/probe.out")
[ "$progress" -gt 0 ] || fail "no progress seen"
