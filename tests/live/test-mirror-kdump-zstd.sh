#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Consistent in mirror mode: kdump files, flattened and plain, compressed with zstd.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 2
need_format kdump-raw-zstd
kdump_dumps zstd
