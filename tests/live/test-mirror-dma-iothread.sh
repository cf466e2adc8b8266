#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Consistent in mirror mode while a disk in an I/O thread writes to guest memory.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
truncate -s 16M "$tmp/disk"
boot_guest -c 2 -a 'vth.blk=3' -- -object iothread,id=io \
    -drive "file=$tmp/disk,format=raw,if=none,id=d,cache=none,aio=native" \
    -device virtio-blk-pci,drive=d,iothread=io
mirror_dumps 5
assert_progress
