#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Pages that lie scattered take little more space in an overlay than they are large, also on a
# file system that allocates ahead.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need qemu-img
reflink_dir xfs
boot_guest -m 256 -a "vth.fill=100 vth.pages=640 vth.rate=2000"

tracked "$shared/0"
sleep 1
storage=overlay incremental "$shared/1" "$shared/0"
assert_incremental
[ "$(text_field storage "$tmp/dump.json")" = overlay ] || fail "no overlay: $(cat "$tmp/dump.json")"
dirty=$(($(field pages-dirty "$tmp/dump.json") * 4))
space=$(du -k "$shared/1" | cut -f1)
# Nothing that the file system has allocated behind the end.
size=$(($(stat -c %s "$shared/1") / 1024))
[ "$space" -le $((size + 64)) ] || fail "$space KiB for a file of $size KiB"
# The head of the dump, its tail, and the image's own tables.
[ "$space" -le $((dirty * 3 / 2 + 1536)) ] || fail "$space KiB for $dirty KiB of pages"
check_image "$(flat "$shared/1")" --note --nonce "$nonce"
assert_progress
