#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Refused in mirror mode, by name and without a trace: a mirror that is too small.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 1
assert_refused mirror-limit paging=false "protocol=file:$image" mode=mirror mirror-limit=4096
assert_dumps
