#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Refused in mirror mode, by name and without a trace: a note that is no JSON object, or too long.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 1
assert_refused "note\|JSON" paging=false "protocol=file:$image" mode=mirror "note:=not JSON"
long=$(printf "{\"x\":\"%03000d\"}" 0)
got=$(qmp @fails dump-guest-memory paging=false "protocol=file:$image" mode=mirror "note:=$long") ||
    fail "not refused"
say "$got"
grep -q "longer than" <<<"$got" || fail "no reason"
assert_dumps
