#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Strategy, mirror limit, bandwidth and threads of the configuration hold for a schedule, and those of a command win over them.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need jq
need_libvirt
own_state
create_domain "$(unique_domain)" 384 1 "vth.fill=64 vth.pages=512 vth.rate=20000"
need_dump_argument threads bandwidth strategy
dumps=$tmp/dumps
mkdir -m 700 "$dumps"
# says FILE STRATEGY LIMIT: what the file tells of how it was taken; it has to be consistent.
says ()
{
    vthunder dump-info "$1" --json >"$tmp/info"
    jq -e --arg s "$2" --argjson l "$3" '.strategy == $s and .mirror_limit_bytes == $l' "$tmp/info" >/dev/null ||
        fail "not $2 and $3: $(jq -c '[.strategy, .mirror_limit_bytes]' "$tmp/info")"
    check_image "$1" --note --nonce "$nonce"
}

vthunder -q "path-set $domain $dumps --strategy hybrid --mirror-limit 64MiB --bandwidth 32MiB --threads 1
    schedule-add $domain often '* * * * *'"
# A schedule that is new counts from now on: as if it were there for long, and due.
uuid=$(virsh -q domuuid "$domain" | head -n 1)
virsh -q metadata "$domain" urn:vthunder:domain:1.0 | sed "s/ since=['\"][^'\"]*['\"]//" >"$tmp/element"
virsh -q metadata "$domain" urn:vthunder:domain:1.0 --key vthunder --set "$(cat "$tmp/element")"
vthunder batch >"$tmp/batch.log" 2>&1 || fail "batch: $(cat "$tmp/batch.log")"
file=$XDG_STATE_HOME/vthunder/$uuid.json
jq '.schedules.often.seen -= 120' "$file" >"$tmp/state.json" && cat "$tmp/state.json" >"$file"
vthunder batch >"$tmp/batch.log" 2>&1 || fail "batch: $(cat "$tmp/batch.log")"
file=$(vthunder dump-list "$domain" --schedule often --json | jq -r '.[-1].path')
says "$file" hybrid $((64 << 20))
# 64 MiB that do not compress, at 32 MiB/s.
[ "$(jq .total_ns "$tmp/info")" -gt 1000000000 ] || fail "it took $(jq .total_ns "$tmp/info") ns only"

# A dump by hand: the strategy of the command, the limit of the configuration; and one that is tracked.
vthunder -q dump "$domain" --strategy protect --bandwidth 1GiB --file "$dumps/by-hand"
says "$dumps/by-hand" protect $((64 << 20))
vthunder -q dump "$domain" --strategy auto --mirror-limit 16MiB --format kdump-zlib --file "$dumps/compressed"
vthunder dump-info "$dumps/compressed" --json | jq -e '.format == "kdump-zlib" and .mirror_limit_bytes == 16777216' >/dev/null ||
    fail "$(vthunder dump-info "$dumps/compressed" --json)"
check_image "$dumps/compressed" --note --nonce "$nonce"
vthunder -q dump "$domain" --incremental --mirror-limit 32MiB --file "$dumps/tracked"
says "$dumps/tracked" hybrid $((32 << 20))

# What the strategy cannot write is refused, and nothing is left.
if vthunder -q dump "$domain" --format kdump-zlib --file "$dumps/refused" 2>"$tmp/refusal"; then fail "not refused"; fi
grep -q "strategy hybrid writes format elf only" "$tmp/refusal" || fail "$(cat "$tmp/refusal")"
[ ! -e "$dumps/refused" ] || fail "a refused dump leaves a file"
assert_domain_dumps
