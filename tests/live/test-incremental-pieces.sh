#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A base in so many pieces that sharing them takes longer than writing gives a full dump, and says so.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
reflink_dir xfs
boot_guest -m 256 -c 1 -a "vth.fill=180 vth.pages=256 vth.rate=5000"

# scatter FILE: gives every second page that has data another place on the disk.
scatter ()
{
    cp --reflink=always "$1" "$1.shared"
    python3 - "$1" <<'PYTHON'
import os
import sys

fd = os.open(sys.argv[1], os.O_RDWR)
size, at = os.fstat(fd).st_size, 0
try:
    while (at := os.lseek(fd, at, os.SEEK_DATA)) + 8192 <= size:
        os.pwrite(fd, os.pread(fd, 4096, at), at)
        at += 8192
except OSError:
    pass  # no more data
os.fsync(fd)
PYTHON
    rm "$1.shared"
}

tracked "$shared/0"
scatter "$shared/0"
check_image "$shared/0" --note --nonce "$nonce"
incremental "$shared/1" "$shared/0"
assert_full "in [0-9]* pieces"
check_image "$shared/1" --note --nonce "$nonce"
incremental "$shared/2" "$shared/1"
assert_incremental
check_image "$shared/2" --note --nonce "$nonce"
assert_progress
