#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A dump on top of a tracked one has the whole memory, and says what it builds on.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
need qemu-img
create_domain "$(unique_domain)" 384 1 ""
need_dump_argument track base
virsh -q dump --thunder --track "$domain" "$tmp/one"
check_image "$tmp/one" --note --nonce "$nonce"
first=$(dump_stat generation)
[ -n "$first" ] || fail "no generation"
[ -z "$(dump_stat base_generation)" ] || fail "the first dump has a base"
total=$(dump_stat pages_total)
[ "$(dump_stat pages_dirty)" = "$total" ] || fail "$(dump_stat pages_dirty) of $total pages in a full dump"
sleep 1
virsh -q dump --thunder --track --base "$tmp/one" "$domain" "$image"
[ -z "$(dump_stat full_reason)" ] || fail "a full dump: $(dump_stat full_reason)"
[ "$(dump_stat base_generation)" = "$first" ] || fail "the base is '$(dump_stat base_generation)'"
[ "$(dump_stat generation)" != "$first" ] || fail "the generation stays"
[ "$(dump_stat pages_dirty)" -lt "$total" ] || fail "all pages are dirty"
say "storage $(dump_stat storage), $(dump_stat pages_dirty) of $total pages"
check_image "$(whole_image "$image")" --note --nonce "$nonce"
check_image "$tmp/one" --note --nonce "$nonce"
# Without --track it builds on the latest one too, but none on it: that one stays the base, until the tracking ends.
virsh -q dump --thunder --base "$image" "$domain" "$tmp/three"
[ -z "$(dump_stat full_reason)" ] || fail "a full dump: $(dump_stat full_reason)"
[ -z "$(dump_stat generation)" ] || fail "a generation without --track"
check_image "$(whole_image "$tmp/three")" --note --nonce "$nonce"
virsh -q dump --thunder --base "$tmp/three" "$domain" "$tmp/four"
dump_stat full_reason | grep -q "not the latest" || fail "a delta on what was not tracked: $(dump_stat full_reason)"
check_image "$tmp/four" --note --nonce "$nonce"
virsh -q dump --thunder --track --base "$image" "$domain" "$tmp/five"
[ -z "$(dump_stat full_reason)" ] || fail "a dump without --track ended the tracking: $(dump_stat full_reason)"
check_image "$(whole_image "$tmp/five")" --note --nonce "$nonce"
virsh -q dump-untrack "$domain"
virsh -q dump --thunder --base "$tmp/five" "$domain" "$tmp/six"
dump_stat full_reason | grep -q "not tracked" || fail "a delta without tracking: $(dump_stat full_reason)"
check_image "$tmp/six" --note --nonce "$nonce"
! virsh -q dump-untrack "$domain" 2>"$tmp/refusal" || fail "what is not tracked can be ended"
grep -q "not tracked" "$tmp/refusal" || fail "$(cat "$tmp/refusal")"
assert_domain_dumps
