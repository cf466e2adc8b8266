#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever dies during a dump that builds on another: files are whole, and the next dump works.
exec "$(dirname "$0")/crashes" 4
