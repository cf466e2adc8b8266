#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kdump files of a 32-bit guest, whose headers are shorter ones.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_payload tcg
for format in kdump-zlib kdump-raw-zlib; do
    rm -f "$image"
    qmp_mirror "$image" "format=$format"
    check_image "$image" --note --nonce "$nonce"
done
assert_progress
