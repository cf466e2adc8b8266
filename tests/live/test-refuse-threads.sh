#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Refused in mirror mode, by name and without a trace: no thread, or too many.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 1
assert_refused threads paging=false "protocol=file:$image" mode=mirror threads=0
assert_refused threads paging=false "protocol=file:$image" mode=mirror threads=65
assert_refused mirror paging=false "protocol=file:$image" threads=2
assert_refused mirror paging=false "protocol=file:$image" mode=stop bandwidth=1000000
assert_dumps
