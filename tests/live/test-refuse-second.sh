#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Refused in mirror mode, by name and without a trace: a second dump.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -m 512 -a "vth.fill=300"
# At a pace at which it is not over before the second begins.
qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror bandwidth=100000000 -- \
    @fails dump-guest-memory paging=false "protocol=file:$tmp/second" mode=mirror -- \
    @fails dump-guest-memory paging=false "protocol=file:$tmp/second" -- @wait-dump
[ ! -e "$tmp/second" ] || fail "a refused dump leaves a file"
check_image "$image" --note
assert_dumps
