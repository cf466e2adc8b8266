#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Some of what the other scarce tests try one by one: memory, threads and descriptors that are missing during dumps.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
scarce_growth=30
# shellcheck source=tests/live/scarce.sh
. "$live/scarce.sh"
need_mirror
need_scarce
scarce_guest
survives_all scarce_dump strategy=protect
survives_all scarce_dump strategy=precopy
survives_all scarce_dump format=kdump-zlib
