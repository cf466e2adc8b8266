#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A read-only connection: what changes something says so, the rest works.
. "$(dirname "$0")/lib.sh"

mkdir -m 700 "$tmp/dumps"
writes=(
    "batch --state-dir $tmp/state"
    'dump test'
    'dump-adopt /nonexistent'
    'dump-prune test'
    'dump-untrack test'
    'job-abort test'
    "path-set test $tmp/dumps"
    'path-unset test'
    'schedule-add test x @daily'
    'schedule-disable test x'
    'schedule-edit test x --keep-last 1'
    'schedule-enable test x'
    'schedule-remove test x'
    'watch test --interval 1s'
)
reads=(
    "batch --dry-run --state-dir $tmp/state"
    'dump-list test'
    'dump-prune test --dry-run'
    'jobs'
    'list --all'
    'path-list'
    'path-show test'
    'schedule-list'
    'schedule-next'
    'uri'
)
for command in "${writes[@]}"; do
    refused 1 "command '${command%% *}' needs more than a read-only connection" -r "$command"
    equal '' "$out"
done
for command in "${reads[@]}"; do
    ok -r "$command"
done
# After another connection, and not before.
refused 1 read-only 'connect --readonly; schedule-add test x @daily'
ok -r 'connect; schedule-add test x @daily'

# Each command is in one of the lists, or has nothing to do with the other end.
{
    printf '%s\n' "${writes[@]%% *}" "${reads[@]%% *}"
    printf '%s\n' cd connect doctor dump-diff dump-download dump-export dump-info dump-verify help history pwd quit version
} | sort -u >"$tmp/known"
vthunder self-test --dump-table | awk -F'\t' '$1 == "command" { print $2 }' | sort >"$tmp/all"
diff "$tmp/known" "$tmp/all" || fail 'a command is in neither list (< known here, > in the program)'
