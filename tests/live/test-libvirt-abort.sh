#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# domjobabort ends a dump; no file is left and the next one works.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 512 1 "vth.fill=300"
aborted=
for _ in 1 2 3 4 5; do
    virsh -q dump --thunder "$domain" "$image" >"$tmp/message" 2>&1 &
    dump=$!
    for _ in $(seq 200); do virsh -q domjobabort "$domain" 2>/dev/null && break; done
    if ! wait "$dump"; then
        aborted=yes
        cat "$tmp/message"
        [ ! -e "$image" ] || fail "an aborted dump leaves a file"
        break
    fi
    rm -f "$image"
done
[ -n "$aborted" ] || skip "the dump was always faster than the abort"
no_leftovers "$tmp" image
assert_domain_dumps
