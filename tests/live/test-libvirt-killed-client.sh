#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# virsh is killed during a dump: the guest runs on, no torn file has the final name.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 512 1 "vth.fill=300"
virsh -q dump --thunder "$domain" "$image" >"$tmp/message" 2>&1 &
dump=$!
busy () { virsh -q domjobinfo "$domain" 2>/dev/null | grep -qi "operation.*dump"; }
wait_for 10 busy || true
kill -KILL "$dump" 2>/dev/null || true
wait "$dump" 2>/dev/null || true
# The daemon may not have begun when the client died: what counts is how it ends.
ended () { ! busy && [ -z "$(find "$tmp" -name '.image.*.part')" ]; }
wait_for 60 ended || fail "the job does not end, or leaves its temporary file"
if [ -e "$image" ]; then check_image "$image" --note; fi
no_leftovers "$tmp" image
assert_domain_dumps
