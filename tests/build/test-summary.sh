#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The line that CI reads counts what automake recorded, and is green only if
# tests ran and none failed.
# shellcheck source=tests/build/fixture.sh
. "$(dirname "$0")/fixture.sh"

mkdir -p "$tmp/b/tests/unit"
summary () { run "$mini/tools/test-summary" "$tmp/b"; }

summary
expect_status 1
expect "^0 passed, 0 failed, 0 skipped$"

printf ':test-result: PASS one\n:test-result: SKIP two # SKIP no kvm\n:recheck: no\n' >"$tmp/b/tests/unit/a.trs"
printf ':test-result: PASS\n:global-test-result: PASS\n' >"$tmp/b/tests/b.trs"
summary
expect_status 0
expect "^2 passed, 0 failed, 1 skipped$"

printf ':test-result: FAIL three\n:test-result: ERROR - exited with status 99\n' >"$tmp/b/tests/c.trs"
seq -f 'line %g' 30 >"$tmp/b/tests/c.log"
echo secret >"$tmp/b/tests/b.log"
summary
expect_status 1
expect "^--- the end of tests/c.log$"
expect "^line 30$"
grep -q "^line 3$\|^secret$" "$tmp/out" && fail "too much of the logs"
expect "^failed: tests/c three$"
expect "^2 passed, 2 failed, 1 skipped$"
[ "$(tail -n 1 "$tmp/out")" = "2 passed, 2 failed, 1 skipped" ] || fail "not the last line"

# Only skips is not green.
rm "$tmp/b/tests/c.trs" "$tmp/b/tests/b.trs"
echo ':test-result: SKIP' >"$tmp/b/tests/unit/a.trs"
summary
expect_status 1
exit 0
