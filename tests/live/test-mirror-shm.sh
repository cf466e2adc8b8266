#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Consistent in mirror mode: memory of a file on tmpfs, shared.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
[ -w /dev/shm ] || skip "no /dev/shm"
at_exit rm -f "/dev/shm/vth-$$"
boot_guest -c 2 -- -object "memory-backend-file,id=m,size=384M,share=on,mem-path=/dev/shm/vth-$$" -machine memory-backend=m
mirror_dumps 3
assert_progress
