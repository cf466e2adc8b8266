#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What comes while a dump copies, and may write past the log, is seen at T0: the dump fails and says why.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need_root
[ -c /dev/net/tun ] || skip "this host has no /dev/net/tun"
# A vhost-net without VHOST_F_LOG_ALL, so it blocks migration.
vhost_stub VHOST_STUB_FEATURES=108008000
boot_guest -m 256 -a "vth.fill=100 vth.pages=512 vth.rate=20000"

add=(@getfd vhost /dev/null -- netdev_add type=tap id=n "ifname=vth$$" script=no downscript=no vhost=true vhostfd=vhost)
begin=(dump-guest-memory paging=false "protocol=file:$image" mode=mirror "bandwidth=$((50 << 20))")
for strategy in hybrid precopy; do
    # It is there at T0
    why=$(qmp "${begin[@]}" strategy=$strategy -- @sleep 0.5 -- "${add[@]}" -- @wait-failed | tail -n 1)
    say "$why"
    grep -q "strategy=$strategy is not possible any more.*VHOST_F_LOG_ALL" <<<"$why" || fail "not the reason"
    [ ! -e "$image" ] || fail "a failed dump leaves a file"
    assert_refused "strategy=$strategy is not possible: .*VHOST_F_LOG_ALL" paging=false "protocol=file:$image" mode=mirror \
        strategy=$strategy
    qmp netdev_del id=n >/dev/null
    # or was there
    why=$(qmp "${begin[@]}" strategy=$strategy -- @sleep 0.3 -- "${add[@]}" -- netdev_del id=n -- @wait-failed | tail -n 1)
    say "$why"
    grep -q "may have been missed" <<<"$why" || fail "not the reason"
    [ ! -e "$image" ] || fail "a failed dump leaves a file"
done
assert_dumps
