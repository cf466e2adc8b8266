#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The oracle finds a kdump file of mode=stop, which it reads by itself, consistent, and a damaged one not.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
boot_guest -c 2
for format in kdump-zlib kdump-lzo kdump-snappy kdump-raw-zlib kdump-raw-lzo kdump-raw-snappy; do
    rm -f "$image"
    qmp_stop "$image" "format=$format"
    check_image "$image" --nonce "$nonce"
done
# In the middle of the pages: either it does not decompress, or it is not what the guest wrote.
dd if=/dev/urandom of="$image" bs=4096 count=16 seek=$(($(stat -c %s "$image") / 8192)) conv=notrunc status=none
if "$oracle_check" "$image"; then fail "a damaged file passes"; fi
assert_progress
