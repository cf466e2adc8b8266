#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A second dump of the same domain waits for the first or is refused; both files are whole.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 512 1 "vth.fill=200"
virsh -q dump --thunder "$domain" "$image" &
dump=$!
virsh -q dump --thunder "$domain" "$tmp/second" 2>"$tmp/message" || cat "$tmp/message"
wait "$dump" || fail "the first dump fails"
check_image "$image" --note
if [ -e "$tmp/second" ]; then check_image "$tmp/second" --note; fi
assert_domain_dumps
