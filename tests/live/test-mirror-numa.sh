#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Consistent in mirror mode: memory of two NUMA nodes with a backend each.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2 -- -object memory-backend-ram,id=m0,size=192M -object memory-backend-memfd,id=m1,size=192M -numa node,cpus=0,memdev=m0 -numa node,cpus=1,memdev=m1
mirror_dumps 3
assert_progress
