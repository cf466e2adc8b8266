#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The balloon takes memory from the guest during a dump: the image is still that of T0.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -m 512 -a "vth.fill=200" -- -device virtio-balloon-pci
qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror -- balloon value=402653184 -- @wait-dump >/dev/null
check_image "$image" --note
rm -f "$image"
qmp_mirror "$image"
check_image "$image" --note
assert_dumps
