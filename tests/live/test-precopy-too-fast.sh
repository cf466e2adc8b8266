#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that writes too fast to be copied is not paused for long: the dump fails.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -m 256 -c 2 -a "vth.fill=32 vth.pages=16384"

if qmp_mirror "$image" strategy=precopy 2>"$tmp/refused"; then
    # A slow vCPU may have written little, then the image must be right.
    check_image "$image" --note --nonce "$nonce"
else
    grep -q 'faster than its memory can be copied\|more just before T0' "$tmp/refused" ||
        fail "it fails without the reason: $(cat "$tmp/refused")"
    [ ! -e "$image" ] || fail "a failed dump leaves a file"
fi
assert_dumps
