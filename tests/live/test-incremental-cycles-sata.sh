#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same with a SATA disk in use, whose controller writes to memory that it keeps mapped.

exec "$(dirname "$0")/cycles" -b sata -r 16 4
