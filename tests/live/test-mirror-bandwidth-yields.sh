#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that needs room in the mirror is not held up by bandwidth=N: the limit gives way.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2 -a 'vth.dirty=64'
for format in elf kdump-lzo; do
    # At this pace the guest's writes would wait for the output, and after two seconds the dump would fail.
    qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror "format=$format" bandwidth=100000 \
        mirror-limit=$((8 << 20)) -- @wait-mirror >/dev/null
    sleep 5
    assert_progress
    no_dump && fail "$format: the dump has ended: $(qmp2 query-dump)"
    qmp2 query-dump >"$tmp/dump.json"
    say "$format: $(field bytes-written "$tmp/dump.json") bytes written"
    [ "$(field bytes-written "$tmp/dump.json")" -gt 2000000 ] || fail "$format: the limit did not give way"
    qmp dump-cancel >/dev/null
    wait_for 60 no_dump || fail "the dump does not end"
done
assert_dumps
