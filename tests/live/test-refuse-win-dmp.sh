#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Refused in mirror mode, by name and without a trace: format=win-dmp.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 1
assert_refused "win-dmp\|vmcoreinfo\|Windows" paging=false "protocol=file:$image" mode=mirror format=win-dmp
assert_dumps
