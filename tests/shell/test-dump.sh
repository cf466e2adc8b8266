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

# What is a pipe beside it, or has no end, is not waited for.
cp "$srcdir/tests/fuzz/corpus/note/windows" "$tmp/piped"
mkfifo "$tmp/piped.vthunder" "$tmp/piped.sha256"
timeout 120 vthunder dump-info "$tmp/piped" >"$tmp/out" || fail "dump-info with a pipe as its record: $?"
code=0
timeout 120 vthunder dump-verify "$tmp/piped" >"$tmp/out" 2>"$tmp/err" || code=$?
equal 1 "$code"; like '*manifest *failed *is no regular file*' "$(cat "$tmp/out")"
rm "$tmp/piped.sha256"; ln -s /dev/zero "$tmp/piped.sha256"
timeout 120 vthunder dump-verify "$tmp/piped" >"$tmp/out" 2>"$tmp/err" || :
like '*manifest *failed *is no regular file*' "$(cat "$tmp/out")"

# How the engine takes a dump.
refused 2 'auto, protect, precopy, hybrid' dump test --strategy nonsense
refused 2 '8MiB or more' dump test --mirror-limit 1M
refused 2 'above 0' dump test --mirror-limit 0
refused 2 'did you mean 5MiB?' dump test --bandwidth 5
refused 2 'not a number' dump test --threads 0
refused 2 'option --threads is not for --mode stop' dump test --mode stop --threads 2
refused 2 'format elf only' dump test --strategy hybrid --format kdump-zlib --file "$tmp/dumps/x"
refused 2 'format elf only' "path-set test --strategy precopy; dump test --format kdump-zlib --file $tmp/dumps/x"
refused 1 'allow-pause' dump test --strategy hybrid --bandwidth 2097152 --file "$tmp/dumps/x"
refused 2 '8MiB or more' watch test --interval 1s --mirror-limit 1M
[ -z "$(ls -A "$tmp/dumps")" ] || fail "a refused dump left something: $(ls -A "$tmp/dumps")"

# Incremental dumps: what does not go together, and a driver that cannot.
refused 2 'mutually exclusive' dump test --incremental --mode stop
refused 2 'is for --incremental' dump test --full
refused 2 'format elf' dump test --incremental --format kdump-zlib --file "$tmp/dumps/x"
refused 1 'allow-pause' dump test --incremental --file "$tmp/dumps/x"
[ -z "$(ls -A "$tmp/dumps")" ] || fail "a refused dump left something: $(ls -A "$tmp/dumps")"
refused 1 'cannot end the tracking' dump-untrack test
refused 2 'requires --interval' watch test
for interval in 5 1h 0s 5ms 1.5s -1s s 999999999999999999999s; do refused 2 '--interval takes' watch test --interval "$interval"; done
refused 2 'mutually exclusive' watch test --interval 1s --output x --pool y
refused 1 nonsense watch nonsense --interval 1s
refused 1 'is not a directory' watch test --interval 1s --output "$tmp/nonexistent"
refused 1 'only a dump that stops the guest' watch test --interval 1s --output "$tmp/dumps"
[ -z "$(ls -A "$tmp/dumps")" ] || fail "a refused dump left something: $(ls -A "$tmp/dumps")"

# The sample has no memory: nothing differs.
sample=$srcdir/tests/fuzz/corpus/note/elf64
ok dump-export "$sample" "$tmp/copy.core"; like "Dump *exported to $tmp/copy.core" "$out"
cmp "$sample" "$tmp/copy.core" || fail "the export differs"
refused 2 'use --force' dump-export "$sample" "$tmp/copy.core"
ok dump-export "$sample" "$tmp/copy.core" --force
ok dump-export "$sample" "$tmp/dumps"; [ -s "$tmp/dumps/elf64" ] || fail "not exported into the directory"
rm "$tmp/dumps/elf64"
refused 1 'neither ELF nor kdump' dump-export "$tmp/garbage" "$tmp/none"
refused 1 'no ELF dump' dump-export "$srcdir/tests/fuzz/corpus/note/kdump" "$tmp/none"
refused 1 '' dump-export "$tmp/nonexistent" "$tmp/none"
refused 1 '' dump-export "$sample" "$tmp/nonexistent/x"
[ ! -e "$tmp/none" ] || fail "a failed export left a file"
ok dump-diff "$sample" "$tmp/copy.core"; like '*0 of * pages differ' "$out"
ok dump-diff "$sample" "$tmp/copy.core" --json; equal '0' "$(json '.pages_different')"; equal '0' "$(json '.ranges | length')"
refused 1 'neither ELF nor kdump' dump-diff "$sample" "$tmp/garbage"
refused 1 'different layouts' dump-diff "$sample" "$srcdir/tests/fuzz/corpus/note/elf32"
refused 2 'requires' dump-diff "$sample"

# Retention.  One dump that cannot go is an error, one of several is "some", and Ctrl-C is not the end of all.
uuid=6695eb01-f6a4-8304-79aa-97f2502e193f # of the test driver's domain
old_dump () # NAME SECONDS
{
    cp "$srcdir/tests/fuzz/corpus/note/windows" "$tmp/dumps/$1"
    printf '{"version":1,"uuid":"%s","mode":"stop","time-ns":%s000000000,"caller":{"schedule":"s","file":"%s"}}\n' \
        $uuid "$2" "$1" >"$tmp/dumps/$1.vthunder"
}
pruned="path-set test $tmp/dumps; schedule-add test s @daily --keep-last 1; dump-prune test"
old_dump a.core 1700000000
old_dump b.core 1700000001
# What a file says of itself makes it nobody's: it is listed as foreign, and stays, until somebody takes it in.
ok "path-set test $tmp/dumps; dump-list test --foreign --name"; equal $'a.core\nb.core' "$(grep core <<<"$out")"
ok -q "path-set test $tmp/dumps; dump-list test --json"
jq -e 'length == 2 and all(.[]; .own == false)' "$tmp/out" >/dev/null || fail "$out"
ok "$pruned"; like '*keep *foreign*dump-adopt*a.core*' "$out"; [ -e "$tmp/dumps/a.core" ] || fail "removed what is foreign"
refused 1 'no dump of domain' "path-set test $tmp/dumps; dump-info test"
refused 1 'neither it nor a record' dump-adopt "$tmp/piped"
refused 2 'it belongs to' dump-adopt "$tmp/dumps/a.core.vthunder"
vt dump-adopt "$tmp/dumps/a.core" "$tmp/nonexistent"
equal 10 "$code"; like "*'$tmp/dumps/a.core' adopted*" "$out"; like '*1 of 2 dumps were not adopted*' "$err"
ok "path-set test $tmp/dumps; dump-adopt b.core --domain test"
ok "path-set test $tmp/dumps; dump-list test --foreign --name"; equal '' "$(grep core <<<"$out")"
ok -q dump-info "$tmp/dumps/a.core" --json; jq -e .own "$tmp/out" >/dev/null || fail "$out"
hold () { if [ "$(id -u)" = 0 ]; then chattr +i "$tmp/dumps/a.core" 2>/dev/null; else false; fi; }
if hold; then
    trap 'chattr -i "$tmp/dumps/a.core"; cleanup' EXIT
    vt -q "$pruned"
    equal 1 "$code"; like '*a.core*prune: 1 dumps could not be removed*' "$err"
    old_dump c.core 1700000000
    ok -q dump-adopt "$tmp/dumps/c.core"
    vt -q "$pruned"
    equal 10 "$code"; [ ! -e "$tmp/dumps/c.core" ] || fail "the other one was not removed"
    chattr -i "$tmp/dumps/a.core"
    trap cleanup EXIT
fi
ok -q "$pruned"; equal 'b.core b.core.vthunder' "$(cd "$tmp/dumps" && echo *)"
mkdir -p "$XDG_DATA_HOME/vthunder/dumps"
for i in $(seq 300); do ln "$sample" "$XDG_DATA_HOME/vthunder/dumps/$i" 2>/dev/null || cp "$sample" "$XDG_DATA_HOME/vthunder/dumps/$i"; done
# A program that is slow to start (valgrind) may not be ready for it, and one that is not may be done: then try again.
(make_domains 1000
 for seconds in 1 0.5 2 1 5 3 25 10; do
     code=0
     timeout --preserve-status -s INT "$seconds" vthunder -c "$test_uri" -q dump-prune --all >"$tmp/out" 2>"$tmp/err" || code=$?
     [ "$code" = 130 ] || [ "$code" = 0 ] || break
 done
 equal 1 "$code"; like '*prune: cancelled after * of 1000 domains*' "$(cat "$tmp/err")") || exit 1

refused 1 '' job-abort test
refused 2 'requires <domain>' job-abort
ok jobs; like '*Domain *Operation*' "$out"
ok -q jobs --json; equal '[]' "$(tr -d ' \n' <"$tmp/out")"
