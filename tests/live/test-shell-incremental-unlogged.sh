#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest with a device whose writes may be missed: dump --incremental and watch take full dumps, and say why.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need jq
need_libvirt
own_state
create_domain "$(unique_domain)" 256 1 "" "<sound model='virtio'/><audio id='1' type='none'/>"
need_dump_argument track base
dumps=$tmp/dumps
mkdir -m 700 "$dumps"
vthunder -q path-set "$domain" "$dumps"
for _ in 1 2 3; do
    vthunder dump "$domain" --incremental --json >"$tmp/json" || fail "no dump"
    jq -e '.[0] | .base == null and .generation == null and (.full_reason | test("writes may be missed: .*virtio-s"))' \
        "$tmp/json" >/dev/null || fail "$(cat "$tmp/json")"
    check_image "$dumps/$(jq -r '.[0].name' "$tmp/json")" --note --nonce "$nonce"
done
say "$(jq -r '.[0].full_reason' "$tmp/json")"
vthunder dump "$domain" --incremental | grep -q 'full: writes may be missed: ' || fail "it does not say why"
vthunder watch "$domain" --interval 500ms --keep 3 --count 3 --output "$dumps" --json >"$tmp/lines" || fail "watch fails"
jq -es '.[:3] | all(.base == null and (.full_reason | test("writes may be missed")))' "$tmp/lines" >/dev/null ||
    fail "$(cat "$tmp/lines")"
# By name it is refused.
refused_dump "strategy=hybrid is not possible: writes may be missed" --thunder "$image" --strategy hybrid
assert_domain_dumps
