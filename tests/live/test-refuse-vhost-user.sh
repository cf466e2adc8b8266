#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Refused in mirror mode, by name and without a trace: a device whose backend writes to memory from another process.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
start_vhost_user
boot_guest -c 1 -- -object memory-backend-memfd,id=m,size=384M,share=on -machine memory-backend=m \
    -chardev "socket,id=c,path=$tmp/vu" -netdev vhost-user,id=n,chardev=c -device virtio-net-pci,netdev=n,romfile=
assert_refused vhost-user paging=false "protocol=file:$image" mode=mirror
assert_progress
