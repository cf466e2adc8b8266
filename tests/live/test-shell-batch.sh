#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A schedule, its dump when it is due and not before, retention.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
shell_domain
mkdir -m 700 "$tmp/dumps"

# Not to be overtaken by the minute.
within_minute
vthunder -q "path-set $domain $tmp/dumps; schedule-add $domain often '* * * * *' --keep-last 1"
count () { vthunder dump-list "$domain" --schedule often --json | jq length; }
batch () { vthunder batch --json >"$tmp/batch" 2>"$tmp/batch.log" || fail "batch: $(cat "$tmp/batch.log")"; }
batch
[ "$(count)" = 0 ] || fail "a schedule that is new was due"
sleep $((61 - $(date +%-S)))
batch
[ "$(count)" = 1 ] || fail "no dump: $(cat "$tmp/batch" "$tmp/batch.log")"
# done_here: how many dumps of our domain; others may have schedules too.
done_here () { jq --arg d "$domain" '[.events[] | select(.domain == $d and .event == "done")] | length' "$tmp/batch"; }
[ "$(done_here)" = 1 ] || fail "$(cat "$tmp/batch")"
grep -q "$domain/often: done .*pause .*stall" "$tmp/batch.log" || fail "no line: $(cat "$tmp/batch.log")"
if [ "$(date +%-S)" -lt 50 ]; then
    batch
    [ "$(done_here)" = 0 ] || fail "taken twice: $(cat "$tmp/batch")"
fi
# Dumps by hand are not the schedule's to remove.
vthunder -q dump "$domain"
vthunder dump-prune "$domain" --dry-run --json | jq -e 'all(.[]; .keep)' >/dev/null || fail "prune would remove something"
assert_progress
