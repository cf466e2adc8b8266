#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# QEMU dies during a dump: virsh says so and no file is left.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 512 1 "vth.fill=300"
virsh -q dump --thunder "$domain" "$image" >"$tmp/message" 2>&1 &
dump=$!
started () { [ -n "$(find "$tmp" -maxdepth 1 -name ".image*")" ]; }
wait_for 10 started || true
kill -KILL "$qemu_pid"
if wait "$dump"; then
    check_image "$image" --note
else
    cat "$tmp/message"
    [ ! -e "$image" ] || fail "a file is left"
fi
no_leftovers "$tmp" image
