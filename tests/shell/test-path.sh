#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# path-set, -show, -unset, -list.
. "$(dirname "$0")/lib.sh"
need jq

mkdir "$tmp/dumps"; chmod 700 "$tmp" "$tmp/dumps"
vt "path-set test $tmp/dumps; path-show test"
equal 0 "$code"; like "*Output: *$tmp/dumps*Set by: *domain*" "$out"
vt -q "path-set test $tmp/dumps; path-show test --json"
equal "$tmp/dumps" "$(json .target)"; equal domain "$(json .set_by)"; equal dir "$(json .kind)"
equal null "$(jq .problem "$tmp/out")"
vt -q "path-set test --pool default-pool; path-show test --json"
equal pool "$(json .kind)"; equal default-pool "$(json .target)"
vt -q "path-set test $tmp/dumps; path-unset test; path-show test --json"
equal 'built in' "$(json .set_by)"
vt -q 'path-set test --file-name {uuid}-{time}.x --format kdump-lzo --manifest yes --allow-pause yes --timeout 60
    path-show test --json'
equal '{uuid}-{time}.x' "$(json .file_name)"; equal kdump-lzo "$(json .format)"; equal true "$(json .manifest)"
equal true "$(json .allow_pause)"; equal 60 "$(json .timeout_s)"
vt -q 'path-set test --format kdump-lzo --timeout 60; path-unset test --all; path-show test --json'
equal elf "$(json .format)"; equal 0 "$(json .timeout_s)"
vt -q "path-set test $tmp/dumps; path-list --json"
equal "$tmp/dumps" "$(json '.[0].target')"

# The default of the host is kept in a file, so for the next program too.
ok path-set --default "$tmp/dumps"
ok -q path-show --json; equal "$tmp/dumps" "$(json .target)"; equal host "$(json .set_by)"
ok -q path-show test --json; equal host "$(json .set_by)"
ok path-set --default --file-name '{domain}-{time}'
ok -q path-show --json; equal "$tmp/dumps" "$(json .target)"; equal '{domain}-{time}' "$(json .file_name)"
ok path-unset --default
ok -q path-show --json; equal 'built in' "$(json .set_by)"

refused 2 'requires <domain> or --default' path-set
refused 2 'requires <path>' path-set test
refused 2 '' path-set test relative/path
refused 2 'mutually exclusive' path-set test /tmp --pool default-pool
refused 2 'mutually exclusive' path-set --default /tmp --format elf
refused 2 'mutually exclusive' path-set test /tmp --current --live
refused 1 nonexistent path-set test "$tmp/nonexistent"
refused 1 no-such-pool path-set test --pool no-such-pool
refused 1 nonsense path-set nonsense "$tmp/dumps"
refused 2 'yes' path-set test --manifest maybe
refused 2 'elf' path-set test --format nonsense
refused 2 '' path-set test --file-name constant
refused 2 '' path-set test --file-name '../{domain}-{time}'
refused 2 'requires either' path-unset
refused 1 'no output of its own' path-unset test
chmod 777 "$tmp/dumps"
refused 1 "$tmp/dumps" path-set test "$tmp/dumps"
