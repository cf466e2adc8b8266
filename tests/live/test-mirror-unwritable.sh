#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The output cannot be made: refused with the reason.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 1
qmp @fails dump-guest-memory paging=false "protocol=file:$tmp/no/such/directory" mode=mirror
qmp @fails dump-guest-memory paging=false "protocol=file:/proc/image" mode=mirror
assert_dumps
