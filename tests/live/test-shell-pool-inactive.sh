#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A storage pool that is not active holds no dumps: nothing is written into its bare directory, by any command, and it is said why.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/pool.sh
. "$live/pool.sh"
shell_domain
pool=vth-$$
mkdir -m 700 "$tmp/pool"
virsh -q pool-define-as "$pool" dir --target "$tmp/pool" >"$tmp/virsh.log" 2>&1 || skip "no storage pools: $(tail -n 1 "$tmp/virsh.log")"
at_exit virsh -q pool-undefine "$pool"
at_exit virsh -q pool-destroy "$pool"
empty () { [ -z "$(ls -A "$tmp/pool")" ] || fail "$1: written into the bare directory: $(ls -A "$tmp/pool")"; }
says () { grep -q "storage pool '$pool' is not active.*pool-start" "$tmp/said" || fail "$1: $(cat "$tmp/said")"; }

state=$XDG_STATE_HOME/vthunder/$(virsh -q domuuid "$domain" | head -n 1).json

# It was active when it was set.
virsh -q pool-start "$pool"
vthunder -q "path-set $domain --pool $pool; schedule-add $domain s '* * * * *' --keep-last 3"
virsh -q pool-destroy "$pool"
for command in "dump $domain" "dump $domain --mode stop" "dump $domain --incremental" "watch $domain --interval 1s --count 1" \
    "dump-list $domain" "dump-prune $domain" "path-set $domain --pool $pool"; do
    if vthunder "$command" >"$tmp/said" 2>&1; then fail "'$command' succeeds: $(cat "$tmp/said"; ls "$tmp/pool")"; fi
    says "$command"
    empty "$command"
done
vthunder path-show "$domain" >"$tmp/said"
grep '^Problem' "$tmp/said" >"$tmp/problem" || fail "path-show: $(cat "$tmp/said")"
says path-show
vthunder doctor >"$tmp/said" || :
grep -q "outputs *failed.*$domain" "$tmp/said" || fail "doctor: $(cat "$tmp/said")"

# A dump that is due waits for the pool, whatever min-free is; it is said once.
mkdir -p "$XDG_CONFIG_HOME/vthunder"
vthunder -q batch 2>"$tmp/said" || :
empty "batch, new"
for floor in 0MiB 1MiB; do
    printf '[batch]\nmin-free=%s\n' "$floor" >"$XDG_CONFIG_HOME/vthunder/vthunder.conf"
    make_due s
    jq 'del(.schedules.s["last-due"])' "$state" >"$tmp/state.json"
    cp "$tmp/state.json" "$state"
    vthunder batch 2>"$tmp/said" || :
    says "batch, min-free $floor"
    empty "batch, min-free $floor"
done
virsh -q pool-start "$pool"
vthunder batch 2>"$tmp/said" || fail "batch: $(cat "$tmp/said")"
[ "$(find "$tmp/pool" -type f -name '*.core' | wc -l)" = 1 ] || fail "not taken when the pool was back: $(cat "$tmp/said"; ls "$tmp/pool")"
assert_domain_dumps
