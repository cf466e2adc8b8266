#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A failed dump keeps the file that had the name; a good one replaces it.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
need_root
need mkfs.ext4
truncate -s 96M "$tmp/fs"
mkfs.ext4 -q "$tmp/fs"
mkdir "$tmp/mnt"
mount -o loop "$tmp/fs" "$tmp/mnt" || skip "cannot mount a loop device"
at_exit umount -l "$tmp/mnt"
echo old >"$tmp/mnt/image"
create_domain "$(unique_domain)" 512 1 "vth.fill=200"
if virsh -q dump --thunder "$domain" "$tmp/mnt/image" 2>"$tmp/message"; then fail "96 MiB held the dump"; fi
cat "$tmp/message"
grep -q "No space left" "$tmp/message" || fail "the message does not tell"
[ "$(cat "$tmp/mnt/image")" = old ] || fail "the old file is gone"
no_leftovers "$tmp/mnt" image
assert_progress
echo old >"$image"
virsh -q dump --thunder "$domain" "$image"
check_image "$image" --note
assert_domain_dumps
