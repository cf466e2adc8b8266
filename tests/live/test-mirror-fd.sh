#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The output may be a passed file descriptor; the file stays with the caller.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 1
qmp @getfd out "$image" new -- dump-guest-memory paging=false protocol=fd:out mode=mirror -- @wait-dump >/dev/null
check_image "$image" --note
