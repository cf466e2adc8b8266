#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A paused guest stays paused, and its image is the same as one of mode=stop.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2
qmp stop >/dev/null
qmp_mirror "$image"
qmp query-status | grep -q '"status": "paused"' || fail "the guest is not paused any more"
qmp_stop "$tmp/stop"
check_image "$image" --note
"$oracle_check" --same-memory "$tmp/stop" "$image" || fail "the images differ"
assert_standstill
qmp cont >/dev/null
assert_progress
