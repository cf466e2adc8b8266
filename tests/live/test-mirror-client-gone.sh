#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The QMP client goes away during a dump: the dump goes on to its end.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 1
qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror >/dev/null
done_now () { qmp2 query-dump | grep -q '"status": "completed"'; }
wait_for 60 done_now || fail "the dump does not end"
check_image "$image" --note
assert_dumps
