#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that writes faster than it can be copied is not paused for long: the dump fails, soon and with the
# reason, and the next one works.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -m 256 -c 2 -a "vth.fill=32 vth.pages=16384"

# 160 MiB of pages that are no zeros, at a rate that leaves the guest seconds to write to them.
for _ in 1 2; do
    qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror strategy=precopy bandwidth=80000000 \
        -- @wait-failed 120 >"$tmp/failed"
    grep -q 'faster than its memory can be copied' "$tmp/failed" || fail "it fails without the reason: $(cat "$tmp/failed")"
    [ ! -e "$image" ] || fail "a failed dump leaves a file"
    assert_progress
done
assert_dumps
