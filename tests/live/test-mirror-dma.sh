#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Consistent in mirror mode while a disk and two network cards write to guest memory.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
truncate -s 16M "$tmp/disk"
boot_guest -c 2 -a 'vth.blk=3 vth.net=1' -- \
    -drive "file=$tmp/disk,format=raw,if=none,id=d,cache=none,aio=threads" -device virtio-blk-pci,drive=d \
    -netdev hubport,hubid=0,id=n0 -device virtio-net-pci,netdev=n0,mac=52:54:00:00:00:01,romfile= \
    -netdev hubport,hubid=0,id=n1 -device virtio-net-pci,netdev=n1,mac=52:54:00:00:00:02,romfile=
mirror_dumps 5
assert_progress
