#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The disk runs full under a kdump file: the dump fails and says so, the guest does not notice.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need_root
need mkfs.ext4
truncate -s 96M "$tmp/fs"
mkfs.ext4 -q "$tmp/fs"
mkdir "$tmp/mnt"
mount -o loop "$tmp/fs" "$tmp/mnt" || skip "cannot mount a loop device"
at_exit umount -l "$tmp/mnt"
boot_guest -c 2 -m 512 -a 'vth.fill=256'
for format in kdump-lzo kdump-raw-lzo; do
    got=$(qmp dump-guest-memory paging=false "protocol=file:$tmp/mnt/image" mode=mirror "format=$format" -- \
        @wait-failed | tail -n 1)
    say "$got"
    grep -q 'No space left' <<<"$got" || fail "the message does not tell"
    [ ! -e "$tmp/mnt/image" ] || fail "a failed dump leaves a file"
done
assert_dumps
