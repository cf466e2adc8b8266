#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same for shared memory, on btrfs.

exec "$(dirname "$0")/cycles" -b memfd -f btrfs -r 13 3
