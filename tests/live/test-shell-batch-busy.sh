#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# batch: what is due while a backup runs stays due, said once, and is taken when it has ended; a batch that is terminated
# ends no backup, and a dump that it cancels is taken by the next.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/pool.sh
. "$live/pool.sh"
# shellcheck source=tests/live/backup.sh
. "$live/backup.sh"
backup_domain
# Far from now: a minute that passes makes nothing due, and nothing else of this day does.
hour=$(date -d '-2 hours' +%-H)
vthunder -q schedule-add "$domain" daily "0 $hour * * *"
dumps () { find "$tmp/dumps" -name "$domain-daily-*.core" | wc -l; }
due () { vthunder -q batch --dry-run --json | jq --arg d "$domain" '[.events[] | select(.domain == $d)] | length'; }
due_since () { make_due daily 90000; }
vthunder -q batch
due_since

begin_backup
[ "$(due)" = 1 ] || fail "not due"
before=$SECONDS
vthunder batch --json >"$tmp/batch" 2>"$tmp/said" || fail "batch: $(cat "$tmp/said")"
cat "$tmp/said"
[ $((SECONDS - before)) -lt 10 ] || fail "the batch waited $((SECONDS - before)) s"
grep -q "^$domain/daily: skipped: domain '$domain' is busy: a backup runs" "$tmp/said" || fail "$(cat "$tmp/said")"
jq -e '.due == 1 and .skipped == 1 and .failed == 0' "$tmp/batch" >/dev/null || fail "$(cat "$tmp/batch")"
vthunder batch 2>"$tmp/said" || fail "batch: $(cat "$tmp/said")"
if grep -q "$domain" "$tmp/said"; then fail "said again: $(cat "$tmp/said")"; fi
backup_runs || fail "the batch ended the backup"
[ "$(dumps)" = 0 ] || fail "a dump beside the backup"
end_backup
vthunder batch 2>"$tmp/said" || fail "batch: $(cat "$tmp/said")"
[ "$(dumps)" = 1 ] || fail "not taken after the backup: $(cat "$tmp/said")"
[ "$(due)" = 0 ] || fail "still due"

# Terminated while it takes the dump: that is aborted, and due.
rm "$tmp"/dumps/*
mkdir -p "$tmp/hooks/fail.d" "$XDG_CONFIG_HOME/vthunder"
cat >"$tmp/hooks/fail.d/note" <<HOOK
#!/bin/sh
echo "\$VTHUNDER_STAYS_DUE" >>"$tmp/hooked"
HOOK
chmod -R go-w,+x "$tmp/hooks"
printf '[hooks]\ndir=%s\n' "$tmp/hooks" >"$XDG_CONFIG_HOME/vthunder/vthunder.conf"
vthunder -q path-set "$domain" --bandwidth 10MiB
due_since
vthunder batch 2>"$tmp/said" &
batch=$!
wait_for 20 job_runs Dump || fail "no dump begins: $(cat "$tmp/said")"
kill -TERM "$batch"
wait "$batch" || fail "a batch that is terminated ends with $?: $(cat "$tmp/said")"
cat "$tmp/said"
grep -q "^$domain/daily: skipped: .*cancelled" "$tmp/said" || fail "$(cat "$tmp/said")"
[ "$(cat "$tmp/hooked")" = yes ] || fail "the hook: $(cat "$tmp/hooked")"
[ "$(dumps)" = 0 ] || fail "a cancelled dump is there"
no_leftovers "$tmp/dumps" "$domain"
[ "$(due)" = 1 ] || fail "no longer due"
vthunder -q path-set "$domain" --bandwidth 0
vthunder batch 2>"$tmp/said" || fail "batch: $(cat "$tmp/said")"
[ "$(dumps)" = 1 ] || fail "not taken by the next: $(cat "$tmp/said")"

# One that somebody aborts by name has been dealt with.
vthunder -q path-set "$domain" --bandwidth 10MiB
due_since
vthunder batch 2>"$tmp/said" &
batch=$!
wait_for 20 job_runs Dump || fail "no dump begins: $(cat "$tmp/said")"
vthunder -q job-abort "$domain"
if wait "$batch"; then fail "an aborted dump is no failure: $(cat "$tmp/said")"; fi
grep -q "^error: $domain/daily: failed: " "$tmp/said" || fail "$(cat "$tmp/said")"
[ "$(due)" = 0 ] || fail "due again"
assert_domain_dumps
