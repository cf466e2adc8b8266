#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# dump-cancel while pages are compressed: no file is left, and the guest runs on.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2 -m 512 -a 'vth.fill=300'
for format in kdump-zlib kdump-raw-zlib; do
    got=$(qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror "format=$format" bandwidth=2000000 -- \
        @wait-mirror -- dump-cancel -- @wait-failed | tail -n 1)
    [ "$got" = "dump was cancelled" ] || fail "got: $got"
    [ ! -e "$image" ] || fail "a cancelled dump leaves a file"
done
assert_dumps
