#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The benchmark of dumps that build on each other: a row for each way, or the word that this
# QEMU cannot.  No figure is judged.
. "$(dirname "$0")/lib.sh"

need jq
need_mirror
out=$tmp/out
"$srcdir/tests/bench/bench" incremental -r 1 -m 160 -R 4000 -o "$out" </dev/null >"$tmp/bench.log" 2>&1 ||
    fail "bench incremental: $(tail -n 1 "$tmp/bench.log")"

awk -F, '$5 == "full" { n++; exit !($7 > 0 && $8 > 0 && $16 == "yes") } END { if (!n) exit 1 }' "$out/incremental.csv" ||
    fail "the figures of a full dump are not whole"
for i in idle file clone overlay; do
    case $(grep ",tracked-$i,1," "$out/incremental.csv") in
        *',not in this stack') ;;
        *,yes,* | 160,1,*,tracked-idle,*) ;;
        *) fail "no row of tracked-$i, or its image is not of one instant" ;;
    esac
done
grep -q '^GOAL' "$out/incremental.txt" || fail "no goals"
