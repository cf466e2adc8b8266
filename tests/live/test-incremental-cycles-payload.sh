#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same for a 32-bit guest, whose file is ELF32.

exec "$(dirname "$0")/cycles" -b payload -r 12 4
