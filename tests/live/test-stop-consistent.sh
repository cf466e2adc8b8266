#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The oracle passes on a dump that stops the guest.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
boot_guest -c 2
qmp_stop "$image"
check_image "$image"
assert_progress
