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
vt -q 'path-set test --strategy hybrid --mirror-limit 256MiB --bandwidth 100MiB --threads 2; path-show test --json'
equal hybrid "$(json .strategy)"; equal 268435456 "$(json .mirror_limit_bytes)"
equal 104857600 "$(json .bandwidth_bytes_s)"; equal 2 "$(json .threads)"
vt 'path-set test --strategy protect --mirror-limit 8M; path-set test --threads 3; path-show test'
like '*Strategy: *protect*Mirror limit: *8 MiB*Threads: *3*' "$out"
[[ $out != *Bandwidth* ]] || fail "a bandwidth that was not set: $out"
vt -q 'path-set test --strategy hybrid --mirror-limit 8M --bandwidth 1M --threads 2
    path-set test --strategy auto --mirror-limit 0 --bandwidth 0 --threads 0; path-show test --json'
equal 'auto null null null' "$(jq -r '[.strategy, .mirror_limit_bytes, .bandwidth_bytes_s, .threads | tostring] | join(" ")' "$tmp/out")"
vt -q 'path-set test --strategy hybrid --bandwidth 1M; path-unset test --all; path-show test --json'
equal auto "$(json .strategy)"; equal null "$(jq .bandwidth_bytes_s "$tmp/out")"
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
refused 2 'auto, protect, precopy, hybrid' path-set test --strategy nonsense
refused 2 'option --mirror-limit: invalid size' path-set test --mirror-limit x
refused 2 '8MiB or more' path-set test --mirror-limit 1MiB
refused 2 'did you mean 100MiB?' path-set test --bandwidth 100
refused 2 'option --bandwidth: invalid size' path-set test --bandwidth -1
refused 2 'too large' path-set test --bandwidth 9E
refused 2 'not a number' path-set test --threads 65
refused 2 'format elf only' path-set test --strategy hybrid --format kdump-zlib
refused 2 'format elf only' 'path-set test --format kdump-zlib; path-set test --strategy precopy'
refused 2 'mutually exclusive' path-set --default /tmp --strategy hybrid
refused 2 'mutually exclusive' path-set --default /tmp --threads 1
refused 2 '' path-set test --file-name constant
refused 2 '' path-set test --file-name '../{domain}-{time}'
refused 2 'requires either' path-unset
refused 1 'no output of its own' path-unset test
chmod 777 "$tmp/dumps"
refused 1 "$tmp/dumps" path-set test "$tmp/dumps"
