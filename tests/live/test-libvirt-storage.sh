#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --storage: a file of its own needs no base; an overlay names its base so that both can be moved.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
need qemu-img
create_domain "$(unique_domain)" 384 1 ""
need_dump_argument track base
mkdir "$tmp/dumps" "$tmp/moved"
base=$tmp/dumps/10:42.core
virsh -q dump --thunder --track "$domain" "$base"
virsh -q dump --thunder --track --base "$base" --storage file "$domain" "$tmp/dumps/file"
[ "$(dump_stat storage)" = file ] || fail "the storage is '$(dump_stat storage)'"
[ "$(dump_stat full_reason)" = "a file of its own was asked for" ] || fail "the reason is '$(dump_stat full_reason)'"
rm "$base"
check_image "$tmp/dumps/file" --note --nonce "$nonce"
mv "$tmp/dumps/file" "$base"
virsh -q dump --thunder --track --base "$base" --storage overlay "$domain" "$tmp/dumps/overlay"
[ "$(dump_stat storage)" = overlay ] || fail "the storage is '$(dump_stat storage)'"
[ -z "$(dump_stat full_reason)" ] || fail "a full dump: $(dump_stat full_reason)"
qemu-img info "$tmp/dumps/overlay" | tee "$tmp/info"
mv "$tmp/dumps"/* "$tmp/moved"
check_image "$(whole_image "$tmp/moved/overlay")" --note --nonce "$nonce"
# In another directory the name is absolute.
virsh -q dump --thunder --base "$tmp/moved/overlay" --storage overlay "$domain" "$tmp/dumps/second"
[ "$(dump_stat storage)" = overlay ] || fail "the storage is '$(dump_stat storage)'"
qemu-img info "$tmp/dumps/second" | grep -q "backing file: $tmp/moved/overlay" || fail "no absolute name"
mv "$tmp/dumps/second" "$tmp/second"
check_image "$(whole_image "$tmp/second")" --note --nonce "$nonce"
assert_domain_dumps
