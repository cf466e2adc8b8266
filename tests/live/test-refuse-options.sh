#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Refused in mirror mode, by name and without a trace: the options of mirror mode in stop mode.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 1
assert_refused mirror paging=false "protocol=file:$image" mirror-limit=67108864
assert_refused mirror paging=false "protocol=file:$image" uffd=x
assert_refused mirror paging=false "protocol=file:$image" mode=stop "note:={}"
assert_dumps
