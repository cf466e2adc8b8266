#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The output takes a few MB a second (cgroup io limit): the guest goes on meanwhile.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need_root
[ -d /sys/fs/cgroup/blkio ] || skip "no blkio cgroup (v1) to limit a loop device with"
group=/sys/fs/cgroup/blkio/vth-$$ file=blkio.throttle.write_bps_device
need losetup mkfs.ext4
truncate -s 700M "$tmp/fs"
mkfs.ext4 -q "$tmp/fs"
loop=$(losetup -f --show --direct-io=on "$tmp/fs" 2>/dev/null) || loop=$(losetup -f --show "$tmp/fs") || skip "no loop device"
at_exit losetup -d "$loop"
mkdir "$tmp/mnt"
mount "$loop" "$tmp/mnt"
at_exit umount -l "$tmp/mnt"
boot_guest -c 2 -a 'vth.fill=96 vth.dirty=16'
mkdir "$group"
at_exit rmdir "$group"
echo "$(lsblk -dno MAJ:MIN "$loop" | tr -d ' ') 20000000" >"$group/$file" || skip "cannot limit the device"
echo "$qemu_pid" >"$group/cgroup.procs"
"$stall_probe" --pid "$qemu_pid" --address "$hva" --count 2 >"$tmp/probe.out" &
probe=$!
pids+=("$probe")
qmp_mirror "$tmp/mnt/image" mirror-limit=$((512 << 20))
kill "$probe"
wait "$probe" || true
cat "$tmp/probe.out" "$tmp/dump.json"
check_image "$tmp/mnt/image" --note
# Behaviour, not timing: with a mirror that holds all of memory no vCPU waits for the output.
total=$(($(field total-ns "$tmp/dump.json") / 1000))
stall=$(sed -n 's/.*stall_proved_us=\([0-9]*\).*/\1/p' "$tmp/probe.out" | sort -n | tail -n 1)
[ "$stall" -lt $((total / 2)) ] || fail "a vCPU stood still for $stall µs of a dump of $total µs"
echo "$qemu_pid" >/sys/fs/cgroup/blkio/cgroup.procs
assert_progress
