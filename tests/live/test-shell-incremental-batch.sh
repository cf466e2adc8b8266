#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A schedule of incremental dumps: its chain, full-every, and pruning that breaks none.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
incremental_domain
dumps=$tmp/dumps
mkdir -m 700 "$dumps"
vthunder -q "path-set $domain $dumps; schedule-add $domain often '* * * * *' --mode incremental --full-every 3 --keep-last 1"
uuid=$(virsh -q domuuid "$domain" | head -n 1)
# The clock need not be waited for: what is due depends on what was seen.
# due: makes the schedule due again, then runs the batch.
due ()
{
    local file
    file=$XDG_STATE_HOME/vthunder/$uuid.json
    jq '.schedules.often.seen -= 120' "$file" >"$tmp/state.json" && cat "$tmp/state.json" >"$file"
    vthunder batch --json >"$tmp/batch" 2>"$tmp/batch.log" || fail "batch: $(cat "$tmp/batch.log")"
}
bases () { vthunder dump-list "$domain" --json | jq -c 'map(.base != null)'; }
vthunder -q schedule-edit "$domain" often --cron '*/1 * * * *'
within_minute
vthunder batch --json >"$tmp/batch" 2>"$tmp/batch.log" || fail "batch: $(cat "$tmp/batch.log")"
# A schedule that is new counts from now on: as if it were there for long.
virsh -q metadata "$domain" urn:vthunder:domain:1.0 | sed "s/ since=['\"][^'\"]*['\"]//" >"$tmp/element"
virsh -q metadata "$domain" urn:vthunder:domain:1.0 --key vthunder --set "$(cat "$tmp/element")"
due
[ "$(bases)" = '[false]' ] || fail "$(bases): $(cat "$tmp/batch.log")"
grep -q "full: there is no earlier dump" "$tmp/batch.log" || fail "$(cat "$tmp/batch.log")"
due
due
[ "$(bases)" = '[false,true,true]' ] || [ "$(bases)" = '[true]' ] || fail "$(bases)"
if [ "$(bases)" = '[true]' ]; then skip "files in $tmp share blocks"; fi
grep -q "incremental on " "$tmp/batch.log" || fail "$(cat "$tmp/batch.log")"
# Two of them are older than retention keeps, and stay for the third.
vthunder dump-prune "$domain" --dry-run >"$tmp/plan"
[ "$(grep -c "needed by" "$tmp/plan")" = 2 ] || fail "$(cat "$tmp/plan")"
vthunder dump-prune "$domain" >/dev/null || fail "prune"
[ "$(find "$dumps" -name '*.core' | wc -l)" = 3 ] || fail "prune removed something"
# A copy by hand of the newest keeps the chain as well, under whatever name.
cp "$(vthunder dump-list "$domain" --json | jq -r '.[2].path')" "$dumps/by-hand"
due
[ "$(bases)" = '[false,true,false]' ] || fail "$(bases)"
grep -q "full: every 3 dumps" "$tmp/batch.log" || fail "$(cat "$tmp/batch.log")"
check_image "$(whole_image "$dumps/by-hand")" --note --nonce "$nonce"
rm "$dumps"/by-hand*
# With nothing on top all of the old chain goes.
vthunder dump-prune "$domain" >"$tmp/plan" || fail "prune: $(cat "$tmp/plan")"
[ "$(bases)" = '[false]' ] || fail "$(bases)"
[ "$(find "$dumps" -type f | wc -l)" = 1 ] || fail "left over: $(ls -A "$dumps")"
# The domain is tracked as long as a schedule needs it.
vthunder -q schedule-add "$domain" other @yearly --mode incremental
vthunder -q schedule-remove "$domain" other
vthunder -q schedule-edit "$domain" often --keep-last 2
vthunder -q dump-untrack "$domain" || fail "the tracking has ended"
due
vthunder -q schedule-remove "$domain" often
! vthunder dump-untrack "$domain" 2>"$tmp/refusal" || fail "the domain is still tracked"
grep -q "not tracked" "$tmp/refusal" || fail "$(cat "$tmp/refusal")"
assert_domain_dumps
