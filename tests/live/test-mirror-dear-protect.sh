#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Where protecting memory is dear, T0 is tried again and lets the guest run meanwhile; and rather than stop it for a tenth
# of a second, the dump fails.  dear-protect.c makes the host such a one, and one whose kernel wants small calls.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
module=$builddir/tests/live/.libs/dear-protect.so
[ -e "$module" ] || fail "no $module; make check-live builds it"
export DEAR_PROTECT=$tmp/dear
any=$((1 << 40)) chunk=$((2 << 20))
dear () { echo "$1 $2 $3" >"$tmp/dear.new" && mv "$tmp/dear.new" "$tmp/dear"; }

dear 0 0 0
qemu_wrapper="env LD_PRELOAD=$module" payload_append='fill=160 pages=8192 kick=0' boot_payload tcg,thread=multi
mirror_by_strategy protect
[ "$(field t0-tries "$tmp/dump.json")" -lt 8 ] || fail "T0 was tried again for no reason: $(cat "$tmp/dump.json")"

# 3 ms are more than a pause should have: eight times, and then it must be.  A try that meets a guest which has just waited
# behind such a call has nothing to protect, and is the last: then another dump is taken.
dear 3000 "$any" 0
for strategy in protect hybrid; do
    for _ in 1 2 3 4 5; do
        mirror_by_strategy "$strategy"
        say "$strategy: $(grep -o '"[pt][a-z0-9]*-\(ns\|calls\|tries\)": [0-9]*' "$tmp/dump.json" | tr '\n' ' ')"
        tries=$(field t0-tries "$tmp/dump.json") calls=$(field protect-calls "$tmp/dump.json")
        [ "$calls" -le 16 ] || fail "$strategy: $calls calls of 3 ms"
        [ "$tries" -lt 8 ] || break
    done
    [ "$tries" = 8 ] || fail "$strategy: $tries tries"
    assert_progress
done

# 120 ms are more than it may have.  Larger calls cost nothing here, or the test would take a minute.  A dump whose T0 meets a
# guest that has just waited behind such a call has nothing to protect, and is taken: then another is tried.
dear 120000 "$chunk" 0
for _ in 1 2 3 4 5; do
    rm -f "$image"
    qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror strategy=protect -- @wait-dump 120 \
        >"$tmp/dump.json" 2>"$tmp/failed" || break
    say "taken: $(cat "$tmp/dump.json")"
    check_image "$image" --note --nonce "$nonce"
done
cat "$tmp/failed"
grep -q 'would stop it for [0-9]* ms' "$tmp/failed" || fail "none fails with the reason"
[ ! -e "$image" ] || fail "a failed dump leaves a file"
assert_progress
dear 0 0 0
assert_dumps

# Linux 6.1: a call over two mappings fails, and a chunk is never two.
dear 0 0 "$chunk"
for strategy in protect hybrid; do
    mirror_by_strategy "$strategy"
    assert_progress
done
