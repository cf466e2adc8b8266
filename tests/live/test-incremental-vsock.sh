#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A vhost device that does not log what it writes: every dump is a full one that has it, and says why.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need qemu-img
reflink_dir xfs
# VERSION_1, and VHOST_F_LOG_ALL, which vhost-vsock offers without keeping to it
vhost_stub VHOST_STUB_FEATURES=104000000
boot_guest -m 256 -a "vth.fill=64 vth.pages=512 vth.rate=20000" -- -device vhost-vsock-pci,guest-cid=3,vhostfd=9
vhost_writes

qmp_mirror "$shared/0" track=true
check_image "$shared/0" --note --nonce "$nonce"
generation=$(text_field generation "$tmp/dump.json")
why=$(text_field full-reason "$tmp/dump.json")
sleep 0.3
qmp stop >/dev/null
# The page is the only one that nobody but the device writes to.
qmp @getfd base "$shared/0" ro -- dump-guest-memory paging=false "protocol=file:$shared/1" mode=mirror track=true \
    "base={\"generation\": \"${generation:-none}\", \"fd\": \"base\", \"file\": \"$shared/0\"}" -- @wait-dump 300 >"$tmp/dump.json"
same_as_stop "$shared/1" || fail "the dump lacks what the device has written"
qmp cont >/dev/null
say "$why"
[ -z "$generation" ] || fail "the guest's writes are tracked"
grep -q 'a vhost-vsock device does not log them' <<<"$why" || fail "the reason of a tracked dump is '$why'"
base_generation=$(text_field base-generation "$tmp/dump.json")
# Which one is known while it runs.
assert_full 'a vhost device does not log them'
[ "$(text_field strategy "$tmp/dump.json")" = protect ] || fail "another strategy"
# What it is asked to do by name it cannot do.
assert_refused 'strategy=precopy is not possible.*vhost-vsock' paging=false "protocol=file:$image" mode=mirror strategy=precopy
assert_refused 'strategy=hybrid is not possible.*vhost-vsock' paging=false "protocol=file:$image" mode=mirror strategy=hybrid \
    track=true
[ "$(qmp @fails dump-untrack)" = "the guest's writes are not tracked" ] || fail "the guest's writes are tracked"
assert_dumps
