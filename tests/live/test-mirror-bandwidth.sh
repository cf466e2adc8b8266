#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# bandwidth=N: the output takes that much time, and no vCPU waits for it.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2 -a 'vth.fill=96 vth.dirty=16'
for format in elf kdump-lzo; do
    "$stall_probe" --pid "$qemu_pid" --address "$hva" --count 2 >"$tmp/probe.out" &
    probe=$!
    pids+=("$probe")
    rm -f "$image"
    qmp_mirror "$image" "format=$format" bandwidth=20000000 mirror-limit=$((512 << 20))
    kill "$probe"
    wait "$probe" || true
    cat "$tmp/probe.out"
    check_image "$image" --note
    took=$(($(field total-ns "$tmp/dump.json") / 1000)) # µs
    least=$(($(field bytes-written "$tmp/dump.json") / 20)) # µs, at 20 bytes each
    say "$format: $took µs for what may take $least at least"
    [ "$took" -ge $((least * 9 / 10)) ] || fail "it wrote faster than the limit"
    stall=$(sed -n 's/.*stall_proved_us=\([0-9]*\).*/\1/p' "$tmp/probe.out" | sort -n | tail -n 1)
    [ "$stall" -lt $((took / 2)) ] || fail "a vCPU stood still for $stall µs of $took"
done
assert_progress
