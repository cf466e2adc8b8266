#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Refused by name and without a trace: a part of memory in a kdump file.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 1
assert_refused filter paging=false "protocol=file:$image" mode=mirror format=kdump-zlib begin=1048576 length=1048576
assert_dumps
