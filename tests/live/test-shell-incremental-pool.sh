#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Incremental dumps in a storage pool: their chain is seen, verified and kept through libvirt alone.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/pool.sh
. "$live/pool.sh"
incremental_domain
make_pool
vthunder -q "path-set $domain --pool $pool; schedule-add $domain often @yearly --mode incremental --keep-last 1"
for i in 1 2 3; do
    vthunder dump "$domain" --incremental --json >"$tmp/$i.json" || fail "no dump"
done
name () { jq -r '.[0].name' "$tmp/$1.json"; }
jq -e ".[0] | .base == \"$(name 2)\" and .pool == \"$pool\" and .own" "$tmp/3.json" >/dev/null || fail "$(cat "$tmp/3.json")"
if [ "$(jq -r '.[0].storage' "$tmp/3.json")" != overlay ]; then skip "files in $tmp share blocks"; fi
vthunder dump-list "$domain" --json >"$tmp/list"
jq -e "map(.base) == [null, \"$(name 1)\", \"$(name 2)\"] and .[2].unique_bytes > 0" "$tmp/list" >/dev/null || fail "$(cat "$tmp/list")"
vthunder dump-verify --domain "$domain" "$(name 3)" >"$tmp/said" || fail "$(cat "$tmp/said")"
grep -q "base *ok *all 3 files" "$tmp/said" || fail "$(cat "$tmp/said")"
vthunder -q dump-export --domain "$domain" "$(name 3)" "$tmp/whole"
check_image "$tmp/whole" --note --nonce "$nonce"

# watch keeps chains in a pool too, and none of the dumps before.
vthunder watch "$domain" --interval 500ms --keep 2 --count 5 --json >"$tmp/lines" || fail "watch"
vthunder dump-list "$domain" --json >"$tmp/list"
jq -e 'map(select(.schedule == "manual")) | length == 3' "$tmp/list" >/dev/null || fail "removed: $(cat "$tmp/list")"
jq -e 'map(select(.schedule == "watch")) | length >= 2 and length <= 4' "$tmp/list" >/dev/null || fail "$(cat "$tmp/list")"
last=$(jq -rs 'map(select(.name))[-1].name' "$tmp/lines") # after it come the totals
vthunder -q dump-export --force --domain "$domain" "$last" "$tmp/whole"
check_image "$tmp/whole" --note --nonce "$nonce"

# Without its base a dump is not whole.
rm "$tmp/pool/$(name 2)"
virsh -q pool-refresh "$pool"
if vthunder dump-verify --domain "$domain" "$(name 3)" >"$tmp/said" 2>&1; then fail "whole without its base"; fi
grep -q "base *failed" "$tmp/said" || fail "$(cat "$tmp/said")"
assert_domain_dumps
