#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same with what precopy leaves protected, in shared memory.

exec "$(dirname "$0")/cycles" -S hybrid -b memfd -r 15 3
