#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A dump while a backup of the domain runs: --timeout, Ctrl-C and job-abort end the dump at once and never the backup.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/backup.sh
. "$live/backup.sh"
backup_domain
begin_backup

# untouched WHAT: the backup runs on, and there is no dump.
untouched ()
{
    backup_runs || fail "$1: the backup is gone"
    [ -z "$(ls -A "$tmp/dumps")" ] || fail "$1: left $(ls -A "$tmp/dumps")"
}
# ends_with CODE SECONDS PATTERN: how the dump that was begun last, in the background, ends.
ends_with ()
{
    local code=0 before=$SECONDS
    wait "$dump" || code=$?
    cat "$tmp/said"
    [ "$code" = "$1" ] || fail "exit code $code instead of $1: $(cat "$tmp/said")"
    [ $((SECONDS - before)) -le "$2" ] || fail "it took $((SECONDS - before)) s"
    grep -Eq "$3" "$tmp/said" || fail "nothing of '$3' in: $(cat "$tmp/said")"
}

vthunder dump "$domain" --timeout 3 >"$tmp/said" 2>&1 &
dump=$!
ends_with 3 8 "^error: .*$domain.* is busy: a backup runs"
untouched --timeout
# Ctrl-C, which a shell has its background jobs ignore; and as systemd does it.
for signal in INT TERM; do
    env --default-signal=INT vthunder dump "$domain" >"$tmp/said" 2>&1 &
    dump=$!
    wait_for 20 grep -q "is busy: a backup runs; waiting" "$tmp/said" || fail "does not say what it waits for: $(cat "$tmp/said")"
    sleep 1
    kill "-$signal" "$dump"
    ends_with 1 2 '^error: .*cancelled'
    untouched "$signal"
done
# With what it allowed, too, and where it would stop the guest.
vthunder dump "$domain" --mode stop --timeout 2 >"$tmp/said" 2>&1 &
dump=$!
ends_with 3 6 "is busy: a backup runs"
untouched "--mode stop"

if vthunder job-abort "$domain" >"$tmp/said" 2>&1; then fail "job-abort: $(cat "$tmp/said")"; fi
cat "$tmp/said"
grep -q "^error: no dump of domain '$domain' is running: a backup is.*virsh domjobabort" "$tmp/said" || fail "$(cat "$tmp/said")"
untouched job-abort

# Whoever waits gets the dump as soon as the backup ends.
vthunder dump "$domain" >"$tmp/said" 2>&1 &
dump=$!
wait_for 20 grep -q 'is busy: a backup runs; waiting' "$tmp/said" || fail "does not wait: $(cat "$tmp/said")"
end_backup
ends_with 0 60 "^Domain '$domain' dumped to"
rm "$tmp"/dumps/*

# A dump of one's own is still aborted, by both.
vthunder -q path-set "$domain" --bandwidth 10MiB
for way in abort signal; do
    vthunder dump "$domain" >"$tmp/said" 2>&1 &
    dump=$!
    wait_for 20 job_runs Dump || fail "no dump begins: $(cat "$tmp/said")"
    case $way in
        abort) vthunder -q job-abort "$domain" || fail "job-abort of a dump" ;;
        signal) kill -TERM "$dump" ;;
    esac
    ends_with 1 10 '^error: .*(cancel|abort)'
done
no_leftovers "$tmp/dumps" "$domain"
assert_domain_dumps
