#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# During a dump no network backend may come that writes to memory from outside: refused, and the dump goes on.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
start_vhost_user
boot_guest -c 1 -- -object memory-backend-memfd,id=m,size=384M,share=on -machine memory-backend=m \
    -chardev "socket,id=c,path=$tmp/vu"
# At a pace at which the dump is not over before that.
qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror bandwidth=50000000 -- @wait-mirror -- \
    @fails netdev_add type=vhost-user id=n chardev=c -- \
    @fails netdev_add type=vhost-vdpa id=v vhostdev=/dev/null -- query-dump -- @wait-dump >"$tmp/steps"
cat "$tmp/steps"
[ "$(grep -c 'netdev vhost-.* is not possible while memory is mirrored' "$tmp/steps")" = 2 ] || fail "not refused for that"
sed -n 5p "$tmp/steps" | grep -q '"status": "active"' || fail "the dump was over before"
check_image "$image" --note --nonce "$nonce"
assert_progress
# Nothing is left of them, and afterwards they may come.
qmp netdev_add type=vhost-user id=n chardev=c >/dev/null
rm -f "$image"
assert_refused vhost-user paging=false "protocol=file:$image" mode=mirror
qmp netdev_del id=n >/dev/null
assert_dumps
