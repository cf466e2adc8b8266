#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A dump that takes its time keeps nobody from the guest: what changes a domain does not wait for
# its end, and the image is that of one instant all the same.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 256 1 "vth.fill=100"
need_dump_argument bandwidth
need_dump_argument track
virsh -q dump --thunder --track --bandwidth 4 "$domain" "$image" 2>"$tmp/message" &
dump=$!
dumping () { virsh -q domjobinfo "$domain" >"$tmp/job" 2>&1 && grep -q Unbounded "$tmp/job"; }
wait_for 30 dumping || fail "no dump: $(cat "$tmp/message")"
for command in "suspend" "resume" "desc --live meanwhile" "qemu-monitor-command --hmp --cmd info version"; do
    read -r verb options <<<"$command"
    # shellcheck disable=SC2086  # words
    virsh -q "$verb" "$domain" $options >"$tmp/out" 2>&1 || fail "$verb: $(cat "$tmp/out")"
    dumping || fail "$verb waited for the end of the dump"
done
# Not what the dump itself stands on.
! virsh -q dump-untrack "$domain" 2>"$tmp/refusal" || fail "tracking ended within a dump"
grep -q "while a dump" "$tmp/refusal" || fail "$(cat "$tmp/refusal")"
dumping || fail "dump-untrack waited for the end of the dump"
wait "$dump" || fail "the dump fails: $(cat "$tmp/message")"
check_image "$image" --note --nonce "$nonce"
assert_domain_dumps
