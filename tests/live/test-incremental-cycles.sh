#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What incremental dumps hold is what a dump of the stopped guest holds, whatever came between.

exec "$(dirname "$0")/cycles" -r 11 4
