#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Refused in mirror mode, by name and without a trace: memory of a file on a disk, which cannot be protected.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 1 -- -object "memory-backend-file,id=disk-file,size=384M,share=on,mem-path=$tmp/ram" \
    -machine memory-backend=disk-file
if [ "$(stat -f -c %T "$tmp")" = tmpfs ]; then skip "$tmp is a tmpfs"; fi
assert_refused "disk-file" paging=false "protocol=file:$image" mode=mirror
assert_progress
qmp_stop "$image"
check_image "$image"
