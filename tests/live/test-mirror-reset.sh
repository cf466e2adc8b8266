#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The machine is reset during a dump: the image is that of T0, the guest comes up again.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2 -m 512 -a 'vth.fill=256'
old=$nonce
qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror -- @wait-mirror -- system_reset -- @wait-dump 120 \
    >"$tmp/dump.json"
check_image "$image" --note --nonce "$old"
guest_ready 2
find_counters
assert_dumps
