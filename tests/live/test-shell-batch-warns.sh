#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A batch says which dump got no manifest; one without a record is ours by the register, and its JSON has all that is known of a dump.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/pool.sh
. "$live/pool.sh"
shell_domain
mkdir -m 700 "$tmp/dumps"
mkdir -p "$tmp/hooks/pre.d" "$XDG_CONFIG_HOME/vthunder"
printf '[hooks]\ndir=%s\n' "$tmp/hooks" >"$XDG_CONFIG_HOME/vthunder/vthunder.conf"
# Directories where record and manifest are to be, whichever second the dump is named for.
cat >"$tmp/hooks/pre.d/in-the-way" <<HOOK
#!/bin/sh
now=\$(date +%s)
for ago in \$(seq 0 60); do
    name=\$VTHUNDER_DOMAIN-\$VTHUNDER_SCHEDULE-\$(date -u -d "@\$((now - ago))" +%Y%m%dT%H%M%SZ).core
    mkdir -p "$tmp/dumps/\$name.vthunder/x" "$tmp/dumps/\$name.sha256/x"
done
HOOK
chmod 755 "$tmp/hooks/pre.d/in-the-way"

vthunder -q "path-set $domain $tmp/dumps --manifest yes; schedule-add $domain often '* * * * *' --mode stop"
vthunder -q batch 2>"$tmp/batch.log" || fail "batch: $(cat "$tmp/batch.log")"
make_due often
vthunder -q batch --json >"$tmp/json" 2>"$tmp/batch.log" || fail "batch: $(cat "$tmp/batch.log")"
cat "$tmp/batch.log"
grep -q "^warning: $domain/often: .* has no manifest: .*sha256" "$tmp/batch.log" || fail "does not say that there is no manifest"
jq -e --arg d "$domain" '[.events[] | select(.domain == $d and .event == "done")] | length == 1 and (.[0].dump |
    .paused and .own and (.manifest | not) and (.manifest_error | length) > 0 and .size_bytes > 0)' "$tmp/json" >/dev/null ||
    fail "$(cat "$tmp/json")"
dump=$(jq -r '.events[] | select(.event == "done").path' "$tmp/json")
[ -s "$dump" ] || fail "no dump"
[ -d "$dump.vthunder" ] || fail "nothing was in the way of its record"
vthunder dump-list "$domain" --json | jq -e --arg n "${dump##*/}" '.[] | select(.name == $n) | .own and .schedule == "often"' >/dev/null ||
    fail "not listed: $(vthunder dump-list "$domain" --json)"
assert_progress
