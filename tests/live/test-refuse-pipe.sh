#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Refused in mirror mode, by name and without a trace: an output that is no regular file.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 1
mkfifo "$tmp/fifo"
sleep 1000 <>"$tmp/fifo" &
pids+=($!)
qmp @fails dump-guest-memory paging=false "protocol=file:$tmp/fifo" mode=mirror
assert_dumps
