#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --json is valid JSON everywhere, on standard output and nothing else there.
. "$(dirname "$0")/lib.sh"
need jq

config='path-set test --file-name {domain}-{time} --config --live; schedule-add test nightly "0 3 * * *" --keep-daily 7'
for command in 'list' 'list --all' 'list --inactive' 'schedule-list' 'schedule-list test' 'schedule-next' \
    'schedule-next test nightly --count 3' 'path-list' 'path-show' 'path-show test' 'jobs' 'dump-list' \
    'dump-list test' 'history' 'schedule-next --cron @daily' 'dump-prune test --dry-run'; do
    vt -q "$config; $command --json"
    [ "$code" = 0 ] || fail "$command: $err"
    jq -e 'type == "array" or type == "object"' "$tmp/out" >/dev/null || fail "$command: not JSON: $out"
done

vt -q "$config; list --json"
equal test "$(json '.[0].name')"
equal true "$(json '.[0].active')"
equal nightly "$(json '.[0].schedules[0].name')"
equal '0 3 * * *' "$(json '.[0].schedules[0].cron')"
like '20??-??-??T03:00:00Z' "$(json '.[0].next_dump')"
equal null "$(jq '.[0].last_dump' "$tmp/out")"
equal 1 "$(json 'length')"

vt -q "$config; schedule-list --json"
equal 7 "$(json '.[0].retention.daily')"
vt -q "$config; schedule-next test --count 4 --json"
equal 4 "$(json length)"
# doctor may well find something; what it prints is JSON all the same.
vt doctor --json
jq -e 'type == "array" and (all(.[]; has("check") and has("status")))' "$tmp/out" >/dev/null || fail "doctor: $out"
