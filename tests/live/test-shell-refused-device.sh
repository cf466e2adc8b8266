#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest with a device that rules out a mirror dump: refused with the way out, stopped where that is allowed, by hand, by
# the domain's setting and by a schedule's; and watch, which stops no guest, ends at the first refusal.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/pool.sh
. "$live/pool.sh"
need jq
need_libvirt
own_state
create_domain "$(unique_domain)" 256 1 "" \
    "<shmem name='vth-$$'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>"
at_exit rm -f "/dev/shm/vth-$$"
mkdir -m 700 "$tmp/dumps"
vthunder -q path-set "$domain" "$tmp/dumps"
# refused TEXT ARGUMENT…: vthunder fails like this, once, and leaves nothing.
refused ()
{
    local text=$1
    shift
    if vthunder "$@" >"$tmp/said" 2>&1; then fail "not refused: $*"; fi
    cat "$tmp/said"
    [ "$(grep -c 'ivshmem-plain' "$tmp/said")" = 1 ] || fail "not one reason: $(cat "$tmp/said")"
    grep -q "$text" "$tmp/said" || fail "nothing of '$text'"
    [ -z "$(ls -A "$tmp/dumps")" ] || fail "left: $(ls -A "$tmp/dumps")"
}
# stopped WHAT: there is one dump, for which the guest was stopped.
stopped ()
{
    vthunder dump-list "$domain" --json >"$tmp/json"
    jq -e 'length == 1 and .[0].paused' "$tmp/json" >/dev/null || fail "$1: $(cat "$tmp/json")"
    check_image "$(jq -r '.[0].path' "$tmp/json")"
    rm "$tmp"/dumps/*
}
way_out="only a dump that stops the guest is possible here.*--allow-pause"

refused "^error: .*$way_out" dump "$domain"
refused "^error: .*$way_out" dump "$domain" --incremental
refused "^error: .*only a dump that stops the guest" watch "$domain" --interval 1s --count 3
vthunder -q dump "$domain" --allow-pause || fail "--allow-pause"
stopped --allow-pause
vthunder -q dump "$domain" --incremental --allow-pause || fail "--incremental --allow-pause"
stopped "--incremental --allow-pause"
vthunder -q path-set "$domain" --allow-pause yes
vthunder -q dump "$domain" || fail "path-set --allow-pause"
stopped "path-set --allow-pause"
# It is the mirror that is impossible; what else is wrong stops no guest.
if vthunder -q dump "$domain" --file /nonexistent/x 2>"$tmp/said"; then fail "a dump to nowhere"; fi
vthunder -q path-set "$domain" --allow-pause no

vthunder -q schedule-add "$domain" s '* * * * *'
within_minute
vthunder -q batch
make_due s
refused "$domain/s: failed: .*only a dump that stops the guest.*--allow-pause" batch
vthunder -q schedule-edit "$domain" s --allow-pause yes
for mode in mirror incremental; do
    vthunder -q schedule-edit "$domain" s --mode "$mode"
    make_due s
    vthunder -q batch || fail "batch, mode $mode"
    stopped "batch, mode $mode"
done
assert_progress
