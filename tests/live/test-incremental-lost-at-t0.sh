#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The guest is reset after a dump has begun to protect what was written since its base, and before T0: the dump starts
# again as a full one.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
reflink_dir xfs
boot_guest -m 384 -a "vth.fill=100 vth.pages=24000 vth.rate=40000"
boots=1

# dump_and_reset SECONDS: how it ended, in $outcome.  Only what begins again changes its strategy: hybrid copies memory
# before it protects it, and some is protected already.  The guest waits behind the reset, or its firmware would load a
# kernel over what it had in memory.
dump_and_reset ()
{
    rm -f "$shared/0" "$shared/1"
    tracked "$shared/0"
    sleep 1
    qmp_incremental "$shared/1" "$shared/0" strategy=hybrid -- @sleep "$1" -- system_reset -- stop -- @wait-dump 300 >"$tmp/dump.json"
    case $(text_field full-reason "$tmp/dump.json") in
        '') outcome=incremental ;;
        *reset*) outcome=$(text_field strategy "$tmp/dump.json") ;;
        *) fail "full for another reason: $(cat "$tmp/dump.json")" ;;
    esac
    # The reset does not touch what the guest had in memory.
    "$oracle_check" -q --note --nonce "$nonce" "$shared/1" >"$tmp/oracle.log" 2>&1 ||
        fail "a torn image after $1 s, $outcome: $(cat "$tmp/oracle.log")"
    qmp cont >/dev/null
    boots=$((boots + 1))
    guest_ready "$boots"
    find_counters
    say "reset after $1 s: $outcome"
}

# How long it takes until memory is protected depends on the machine: up to there by half as long again, and back by less.
seen='' delay=0.02
for _ in $(seq 16); do
    dump_and_reset "$delay"
    seen="$seen $delay:$outcome"
    case $outcome in
        protect) break ;;
        incremental) step=0.8 ;;
        *) step=1.5 ;;
    esac
    delay=$(awk -v delay="$delay" -v step="$step" 'BEGIN { printf "%.3f", delay * step }')
done
[ "$outcome" = protect ] || fail "no dump began again: $seen"

# And the chain goes on from there.
rm -f "$shared"/*
tracked "$shared/0"
sleep 0.5
incremental "$shared/1" "$shared/0"
assert_incremental
check_image "$shared/1" --note --nonce "$nonce"
assert_progress
