#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Chains of overlays hold what a dump of the stopped guest holds.

exec "$(dirname "$0")/cycles" -f none -s overlay -r 15 3
