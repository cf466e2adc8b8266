#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A leftover of a crash is removed by the next dump to the same target, a file in use is not.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
need flock
create_domain "$(unique_domain)" 384 1 ""
for name in .image.thunder-abc123.part .image.thunder-used00.part .other.thunder-abc123.part; do
    touch -d '1 hour ago' "$tmp/$name"
done
touch "$tmp/.image.thunder-new000.part"
flock -F "$tmp/.image.thunder-used00.part" sleep 300 &
pids+=($!)
locked () { ! flock -n "$tmp/.image.thunder-used00.part" true; }
wait_for 60 locked || fail "cannot lock"
virsh -q dump --thunder "$domain" "$image"
check_image "$image" --note --nonce "$nonce"
[ ! -e "$tmp/.image.thunder-abc123.part" ] || fail "the leftover is still there"
for name in .image.thunder-used00.part .image.thunder-new000.part .other.thunder-abc123.part; do
    [ -e "$tmp/$name" ] || fail "$name was removed"
done
