#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A device that does not log what it writes ends a chain, also if it comes and goes between two dumps.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
reflink_dir xfs
vhost_stub VHOST_STUB_FEATURES=104000000
boot_guest -m 256 -a "vth.fill=64 vth.pages=512 vth.rate=20000"
tracked "$shared/0"
incremental "$shared/1" "$shared/0"
assert_incremental

# Its file is closed with it.
plug () { qmp @getfd vhost /dev/null -- device_add driver=vhost-vsock-pci id=vsock guest-cid=3 vhostfd=vhost >/dev/null; }
unplug () { qmp device_del id=vsock -- @event DEVICE_DELETED >/dev/null; }

# It stays: full dumps, which are nothing to build on.
plug
vhost_writes
qmp_incremental "$shared/2" "$shared/1" -- @wait-dump 300 >"$tmp/dump.json"
base_generation=$(text_field base-generation "$tmp/dump.json")
assert_full 'a vhost-vsock device does not log them'
[ -z "$(text_field generation "$tmp/dump.json")" ] || fail "the guest's writes are tracked"
check_image "$shared/2" --note --nonce "$nonce"
rm "$tmp/at"
unplug
incremental "$shared/3" "$shared/1"
assert_full 'a vhost device does not log them'
incremental "$shared/4" "$shared/3"
assert_incremental

# It has gone when the next dump looks.
rm "$tmp/vhost"
plug
vhost_writes
rm "$tmp/at"
unplug
incremental "$shared/5" "$shared/4"
assert_full 'a vhost device does not log them'
qmp stop >/dev/null
incremental "$shared/6" "$shared/5"
same_as_stop "$shared/6" || fail "memory differs"
assert_incremental
qmp cont >/dev/null
assert_dumps
