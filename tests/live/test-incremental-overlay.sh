#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Where files can't share blocks a dump is a qcow2 image over the one before.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need qemu-img
boot_guest -m 256 -c 2 -a "vth.fill=100 vth.pages=512 vth.rate=20000"

tracked "$tmp/0"
for i in 1 2; do
    sleep 0.5
    storage=overlay incremental "$tmp/$i" "$tmp/$((i - 1))"
    assert_incremental
    [ "$(text_field storage "$tmp/dump.json")" = overlay ] || fail "no overlay: $(cat "$tmp/dump.json")"
    qemu-img check -q "$tmp/$i" || fail "qemu-img check complains"
    qemu-img info "$tmp/$i" | grep -q "^backing file: $tmp/$((i - 1))" || fail "not over the dump before"
    [ "$(du -k "$tmp/$i" | cut -f1)" -lt $(($(du -k "$tmp/0" | cut -f1) / 2)) ] || fail "the overlay is not small"
    check_image "$(flat "$tmp/$i")" --note --nonce "$nonce"
done
assert_progress
