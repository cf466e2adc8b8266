#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# dump and what works on dump files, as far as it goes without a hypervisor:
# the test driver has no mirror dump.
. "$(dirname "$0")/lib.sh"
need jq

mkdir -m 700 "$tmp/dumps"
refused 2 'requires <domain> or --all' dump
refused 2 'mutually exclusive' dump test --all
refused 2 'mutually exclusive' dump test --wait --detach
refused 2 'for a single domain' dump a b --file x
refused 2 'elf' dump test --format nonsense
refused 2 'mirror' dump test --mode nonsense
refused 1 nonsense dump nonsense
# A mirror dump is impossible there, and nobody allowed a stop.
refused 1 '' dump test --file "$tmp/dumps/x"
[ -z "$(ls -A "$tmp/dumps")" ] || fail "a refused dump left something: $(ls -A "$tmp/dumps")"
vt dump test --detach --file "$tmp/dumps/x"
equal 1 "$code"; equal 1 "$(grep -c '^error: ' <<<"$err")"

ok "path-set test $tmp/dumps; dump-list test"; like '*Domain *Schedule *Time*' "$out"
ok -q "path-set test $tmp/dumps; dump-list test --json"; equal '[]' "$(tr -d ' \n' <"$tmp/out")"
ok -q "path-set test $tmp/dumps; dump-prune test --dry-run --json"; equal '[]' "$(tr -d ' \n' <"$tmp/out")"
refused 1 nonsense dump-list nonsense
refused 2 'requires either' dump-prune
refused 2 'requires either' dump-prune test --all
refused 1 'no dump of domain' "path-set test $tmp/dumps; dump-info test"
refused 1 'neither a domain nor a file' dump-info nonsense
refused 1 "$tmp/nonexistent" dump-info "$tmp/nonexistent"
echo garbage >"$tmp/garbage"
refused 1 "$tmp/garbage" dump-info "$tmp/garbage"
vt dump-verify "$tmp/garbage"; equal 1 "$code"
refused 1 '' dump-verify "$tmp/nonexistent"
refused 2 'requires <file|domain>' dump-verify
refused 1 nonsense dump-download nonsense x y
refused 1 '' "path-set test $tmp/dumps; dump-download test nonsense $tmp/copy"

refused 1 '' job-abort test
refused 2 'requires <domain>' job-abort
ok jobs; like '*Domain *Operation*' "$out"
ok -q jobs --json; equal '[]' "$(tr -d ' \n' <"$tmp/out")"
