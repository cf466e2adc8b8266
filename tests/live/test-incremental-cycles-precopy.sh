#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same without write protection.

exec "$(dirname "$0")/cycles" -S precopy -r 14 3
