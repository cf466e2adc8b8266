#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The benchmark of dumps that build on each other: a row for each way, or the word that this
# QEMU cannot.  No figure is judged.
. "$(dirname "$0")/lib.sh"

need jq
need_mirror
out=$tmp/out
"$srcdir/tests/bench/bench" incremental -r 1 -m 160 -a '1 8' -R 4000 -o "$out" </dev/null >"$tmp/bench.log" 2>&1 ||
    fail "bench incremental: $(tail -n 1 "$tmp/bench.log")"

for group in 1 8; do
    awk -F, -v g="$group" '$5 == g && $6 == "full" { n++; whole += $8 > 0 && $9 > 0 && $17 == "yes" } END { exit !(n && whole == n) }' \
        "$out/incremental.csv" || fail "the figures of a full dump are not whole, groups of $group"
    for i in idle file clone clone-again overlay overlay-again; do
        case $(grep ",$group,tracked-$i,1," "$out/incremental.csv") in
            *',not in this stack') ;;
            *,yes,* | 160,1,*,tracked-idle,*) ;;
            *) fail "no row of tracked-$i, groups of $group, or its image is not of one instant" ;;
        esac
    done
done
grep -q '^GOAL' "$out/incremental.txt" || fail "no goals"
