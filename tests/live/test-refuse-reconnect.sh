#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A disk's backend that comes back during a dump has to wait until its end: it would write to memory from outside.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
"$qemu" -device help 2>/dev/null | grep -q '"vhost-user-blk-pci"' || skip "this QEMU has no vhost-user-blk-pci"
refused () { grep -q 'is not possible while memory is mirrored' "$tmp/qemu.log"; }
is_back () { qmp @fails dump-guest-memory paging=false "protocol=file:$image" mode=mirror 2>/dev/null | grep -q vhost-user; }
start_vhost_user blk
payload_mem=256 payload_append='fill=160 pages=4096 kick=0' boot_payload tcg,thread=multi \
    -object memory-backend-memfd,id=m,size=256M,share=on -machine memory-backend=m \
    -chardev "socket,id=c,path=$tmp/vu,reconnect-ms=200" -device vhost-user-blk-pci,chardev=c
assert_refused vhost-user paging=false "protocol=file:$image" mode=mirror
kill "$backend"
wait "$backend" || true
sleep 0.5
qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror bandwidth=40000000 -- @wait-mirror >/dev/null
start_vhost_user blk
wait_for 20 refused || fail "the backend was not turned away"
qmp2 query-dump | grep -q '"status": "active"' || fail "the dump was over before"
wait_for 60 no_dump || fail "the dump does not end"
check_image "$image" --note --nonce "$nonce"
assert_progress
rm -f "$image"
wait_for 20 is_back || fail "the backend does not come back after the dump"
assert_progress
