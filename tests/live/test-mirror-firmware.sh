#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest in its firmware can be dumped, and boots on.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need_guest
start_qemu -machine pc -accel tcg,thread=multi -m 256 -device vmcoreinfo -kernel "$vm/vmlinuz" \
    -initrd "$vm/initramfs" -append "console=ttyS0 quiet panic=-1"
qmp_mirror "$image"
head -c 4 "$image" | grep -q ELF || fail "no ELF file"
guest_ready 1
find_counters
rm -f "$image"
qmp_mirror "$image"
check_image "$image" --note
