#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Incremental dumps as clones: each is whole, unique bytes are few, diff reads only those, any of them may go.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need jq
need_libvirt
own_state
reflink_dir
create_domain "$(unique_domain)" 256 1 ""
need_dump_argument track base
dumps=$shared/dumps
mkdir -m 700 "$dumps"
chmod 755 "$shared"
vthunder -q path-set "$domain" "$dumps"
for i in 1 2 3; do
    vthunder dump "$domain" --incremental --json >"$tmp/$i.json" || fail "no dump"
    sleep 0.5
done
file () { jq -r '.[0].path' "$tmp/$1.json"; }
jq -e '.[0] | .storage == "clone" and .base != null and .unique_bytes < .allocated_bytes / 2' "$tmp/3.json" >/dev/null ||
    fail "$(cat "$tmp/3.json")"
for i in 1 2 3; do check_image "$(file $i)" --note --nonce "$nonce"; done
vthunder dump-diff "$(file 1)" "$(file 2)" --json >"$tmp/diff"
jq -e '.pages_different > 0 and .shared_bytes > .pages_total * 2048' "$tmp/diff" >/dev/null ||
    fail "too much was read: $(jq 'del(.ranges)' "$tmp/diff")"
# The same answer from a copy that shares nothing.
cp --reflink=never "$(file 1)" "$tmp/copy"
vthunder dump-diff "$tmp/copy" "$(file 2)" --json >"$tmp/diff2"
[ "$(jq -c .ranges "$tmp/diff")" = "$(jq -c .ranges "$tmp/diff2")" ] || fail "what is shared makes a difference"
vthunder -q dump-export "$(file 3)" "$tmp/whole"
cmp "$tmp/whole" "$(file 3)" || fail "the export differs"
# The first may go: nothing needs it.
rm "$(file 1)"
check_image "$(file 3)" --note --nonce "$nonce"
vthunder dump "$domain" --incremental --json | jq -e '.[0].base != null' >/dev/null || fail "the newest was there still"
assert_domain_dumps
