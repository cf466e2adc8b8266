# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# What vthunder must do where no mirror dump is possible.  Sourced after lib.sh.

# check_stock PATTERN COMMAND…: COMMAND is vthunder before it; PATTERN is in the reason for the refusal.
check_stock ()
{
    local pattern=$1
    shift
    v () { "${stock_environment[@]}" vthunder "$@"; }
    json () { jq -e "$1" "$tmp/json" >/dev/null || fail "not $1: $(cat "$tmp/json")"; }
    mkdir -m 700 "$tmp/dumps"

    v list --json >"$tmp/json"
    json "map(select(.name == \"$domain\")) | length == 1"
    v -q path-set "$domain" "$tmp/dumps"
    v -q schedule-add "$domain" often '* * * * *' --keep-last 1
    v schedule-next "$domain" --json >"$tmp/json"
    json 'length == 5'

    # By hand: refused, with the reason and the way out; then stopped, and it says so.
    if v dump "$domain" 2>"$tmp/said"; then fail "a mirror dump was not refused"; fi
    cat "$tmp/said"
    grep -Eq "^error: .*($pattern).*only a dump that stops the guest is possible here.*--allow-pause" "$tmp/said" || fail "no clear refusal"
    [ "$(wc -l <"$tmp/said")" = 1 ] || fail "more than one line: $(cat "$tmp/said")"
    [ -z "$(ls -A "$tmp/dumps")" ] || fail "the refused dump left: $(ls -A "$tmp/dumps")"
    if v dump "$domain" --incremental 2>"$tmp/said"; then fail "an incremental dump was not refused"; fi
    grep -Eq "^error: .*only a dump that stops the guest is possible here.*--allow-pause" "$tmp/said" || fail "$(cat "$tmp/said")"
    [ -z "$(ls -A "$tmp/dumps")" ] || fail "the refused dump left: $(ls -A "$tmp/dumps")"
    v dump "$domain" --allow-pause >"$tmp/said" || fail "--allow-pause"
    cat "$tmp/said"
    grep -q 'the guest was stopped for it' "$tmp/said" || fail "does not say that the guest was stopped"
    v dump-list "$domain" --json >"$tmp/json"
    json 'length == 1 and (.[0] | .own and .paused and .mode == "stop" and .schedule == "manual")'
    v dump-list "$domain" | grep -Eq '^ .* yes +[^ ]+ +-$' || fail "the table does not say so: $(v dump-list "$domain")"
    check_image "$(jq -r '.[0].path' "$tmp/json")"

    # The domain's setting allows it for dumps by hand, the schedule's for its own.
    v -q path-set "$domain" --allow-pause yes
    v -q dump "$domain" || fail "path-set --allow-pause yes"
    v -q path-set "$domain" --allow-pause no
    if v -q dump "$domain" 2>/dev/null; then fail "path-set --allow-pause no"; fi
    within_minute
    v -q batch 2>"$tmp/batch.log" || fail "batch: $(cat "$tmp/batch.log")"
    make_due often
    if v batch 2>"$tmp/batch.log"; then fail "the batch stopped the guest without leave"; fi
    grep -Eq "$domain/often: failed.*($pattern).*only a dump that stops the guest" "$tmp/batch.log" || fail "$(cat "$tmp/batch.log")"
    v -q schedule-edit "$domain" often --allow-pause yes
    for _ in 1 2; do
        make_due often
        v batch 2>"$tmp/batch.log" || fail "batch: $(cat "$tmp/batch.log")"
        grep -q "$domain/often: done .*guest was stopped" "$tmp/batch.log" || fail "$(cat "$tmp/batch.log")"
        sleep 1
    done
    v dump-list "$domain" --schedule often --json >"$tmp/json"
    json 'length == 1 and .[0].paused'
    v -q schedule-edit "$domain" often --keep-last 0
    v dump-prune "$domain" --dry-run --json >"$tmp/json"
    json 'length == 3 and all(.[]; .keep)'

    if v doctor >"$tmp/said" 2>&1; then fail "doctor finds nothing"; fi
    assert_progress
}
