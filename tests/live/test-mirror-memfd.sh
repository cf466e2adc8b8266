#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Consistent in mirror mode: memory shared through a memfd.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2 -- -object memory-backend-memfd,id=m,size=384M,share=on -machine memory-backend=m
mirror_dumps 3
assert_progress
