#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The benchmark writes what it says it writes: rows, tables, goals and pictures.  No figure is judged.
. "$(dirname "$0")/lib.sh"

need_libvirt
out=$tmp/out
bench () { "$srcdir/tests/bench/bench" -o "$out" "$@" </dev/null >"$tmp/bench.log" 2>&1; }

# lines FILE PATTERN: how many have it.
lines () { grep -cE -- "$2" "$1" || true; }

# refused STATUS TEXT OPTION…
refused ()
{
    local status=0 expected=$1 text=$2
    shift 2
    bench "$@" || status=$?
    [ "$status" = "$expected" ] || fail "bench $*: exit status $status"
    grep -q -- "$text" "$tmp/bench.log" || fail "bench $* does not say '$text'"
    [ ! -e "$out/bench.csv" ] || fail "bench $*: refused, but there are results"
}

refused 2 "no method is called 'nothing'" -M nothing
refused 2 "'x' is not a number" -r x
refused 1 'MiB are available' -m 99999999

PATH=$tmp/bin:$PATH
mkdir "$tmp/bin"
# A method that fails does not end the others, but the run.
printf '#!/bin/sh\necho no process today\nexit 1\n' >"$tmp/bin/gcore"
chmod +x "$tmp/bin/gcore"
status=0
bench -r 1 -m 192 -M 'idle thunder memory-only gcore pmemsave libvmi memcpy raw-write' || status=$?
[ "$status" = 1 ] || fail "a failed method, but exit status $status: $(tail -n 1 "$tmp/bench.log")"
grep -q 'failed: gcore: no process today' "$tmp/bench.log" || fail "the failure is not told"

csv=$out/bench.csv
[ "$(lines "$csv" '^192,1,0,4096,')" = 8 ] || fail "not a row for each method"
[ "$(awk -F, '{ print NF }' "$csv" | sort -u)" = "$(head -n 1 "$csv" | awk -F, '{ print NF }')" ] || fail "rows of unlike length"
for i in idle thunder memory-only pmemsave memcpy raw-write; do
    awk -F, -v m="$i" '$5 == m { exit !($7 > 0 && $14 != "") }' "$csv" || fail "no total or no work of $i"
done
awk -F, '$5 == "thunder" { exit !($9 > 0 && $15 > 0 && $16 > 0 && $22 == "yes" && $23 != "") }' "$csv" || fail "the figures of thunder are not whole"
awk -F, '$5 == "memory-only" { exit !($10 > 0 && $22 == "yes") }' "$csv" || fail "the figures of memory-only are not whole"
awk -F, '$5 == "pmemsave" { exit !($22 == "torn" || $22 == "yes") }' "$csv" || fail "pmemsave's image was not judged"
command -v vmi-dump-memory >/dev/null || grep -q ',libvmi,1,.*,not installed$' "$csv" || fail "libvmi's row does not say why it is empty"
[ "$(find "$out/timelines" -type f | wc -l)" = 6 ] || fail "not a timeline for each that was measured"

grep -q '^libvmi  *not installed' "$out/bench.txt" || command -v vmi-dump-memory >/dev/null || fail "the table leaves libvmi out"
[ "$(lines "$out/bench.txt" '^thunder .* yes$')" = 1 ] || fail "thunder is not in the table"
[ "$(sed '1,/^GOAL/d' "$out/bench.txt" | grep -cE ' (yes|NO|-)$')" -ge 10 ] || fail "goals are missing"
grep -q '^qemu: ' "$out/machine.txt" || fail "the machine is not described"

if command -v gnuplot >/dev/null; then
    for i in methods timeline; do
        xmllint --noout "$out/$i.svg" || fail "$i.svg is no picture"
        [ "$(head -c 4 "$out/$i.png" | tail -c 3)" = PNG ] || fail "$i.png is no picture"
    done
    grep -q '>thunder<\|> *thunder *<' "$out/methods.svg" || fail "the picture has no bar for thunder"
fi

# More of the same guest goes to the rows that are there.
bench -a -r 1 -m 192 -R 1000 -M thunder || fail "adding fails: $(tail -n 1 "$tmp/bench.log")"
[ "$(lines "$csv" '^192,1,1000,4096,thunder,1,') $(lines "$csv" '^192,1,0,')" = '1 8' ] || fail "rows were not added"
