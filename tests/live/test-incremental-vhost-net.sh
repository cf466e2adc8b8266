#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What vhost-net writes is in incremental dumps: it logs when it is told to, though it ran before.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need_root
[ -c /dev/net/tun ] || skip "this host has no /dev/net/tun"
reflink_dir xfs
vhost_stub VHOST_STUB_FEATURES=10c008000 VHOST_STUB_LOGS=1
boot_guest -m 256 -a "vth.fill=64 vth.pages=512 vth.rate=20000" -- \
    -netdev "tap,id=n,ifname=vth$$,script=no,downscript=no,vhost=on,vhostfd=9" -device virtio-net-pci,netdev=n,romfile=
qmp set_link name=n up=true >/dev/null
vhost_writes
tail -n 1 "$tmp/vhost" | grep -q 'log=0' || fail "it logs before anybody wants that: $(tail -n 1 "$tmp/vhost")"

base=$shared/0
tracked "$base"
tail -n 1 "$tmp/vhost" | grep -q 'start log=1' || fail "it does not log: $(tail -n 1 "$tmp/vhost")"
for i in 1 2 3; do
    sleep 0.3
    incremental "$shared/$i" "$base"
    assert_incremental
    base=$shared/$i
    qmp stop >/dev/null
    incremental "$base.paused" "$base"
    assert_incremental
    base=$base.paused
    same_as_stop "$base" || fail "dump $i lacks what vhost-net has written"
    qmp cont >/dev/null
done
qmp dump-untrack >/dev/null
quiet () { tail -n 1 "$tmp/vhost" | grep -q 'log=0'; }
wait_for 10 quiet || fail "it logs for nobody: $(tail -n 1 "$tmp/vhost")"
assert_dumps
