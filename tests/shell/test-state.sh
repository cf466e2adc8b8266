#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is remembered of a domain survives paths that are no text, and a file that is broken stops no schedule.
. "$(dirname "$0")/lib.sh"
need jq

uuid=00000000-0000-0000-0000-000000000001
cat >"$tmp/node.xml" <<XML
<node><domain type="test"><name>web</name><uuid>$uuid</uuid><memory>1048576</memory><os><type>hvm</type></os>
<metadata><vthunder:domain xmlns:vthunder="urn:vthunder:domain:1.0"><vthunder:schedule name="nightly" cron="0 0 1 1 *"/>
</vthunder:domain></metadata></domain></node>
XML
test_uri=test://$tmp/node.xml
state=$XDG_STATE_HOME/vthunder/$uuid.json
mkdir -p "$tmp/d"

# A name that is not UTF-8.  The test driver takes no dumps, which is remembered too, with the name in its reason.
vt dump web --mode stop --file "$tmp/d/caf"$'\xe9'.core
equal 1 "$code"
ok batch
jq -e . "$state" >/dev/null || fail "the state file is no JSON: $(cat -v "$state")"
equal 'true' "$(jq '."last-error-escaped" | contains("caf%E9.core")' "$state")"
ok list --json
equal true "$(json '.[0].last_failed')"

# One that the version before has left: as bytes.
printf '{"version":1,"domain":"web","last-dump":1600000000,"last-path":"%s","last-error":"50%% of \\"it\\"","tracked":{"path":"%s","position":2},
  "schedules":{"nightly":{"cron":"0 0 1 1 *","seen":1600000000},"gone":{"cron":"@daily","seen":1}}}\n' \
    "$tmp/d/caf"$'\xe9'%41.core "$tmp/d/"$'\xff'.core >"$state"
ok list --json
equal 2020-09-13T12:26:40Z "$(json '.[0].last_dump')"
like "*/caf*%41.core" "$(json '.[0].last_path')"
# Catching up with the new year fails here, but is tried, and the file is well again.
vt batch
equal 1 "$code"
like '*web/nightly: failed: *' "$err"
jq -e . "$state" >/dev/null || fail "the state file is no JSON: $(cat -v "$state")"
equal "$tmp/d/caf%E9%2541.core" "$(jq -r '."last-path-escaped"' "$state")"
equal "$tmp/d/%FF.core" "$(jq -r '.tracked."path-escaped"' "$state")"
equal null "$(jq '.schedules.gone' "$state")"
like '*/caf*%41.core' "$(vthunder -c "$test_uri" list --json | jq -r '.[0].last_path')"

# Broken: said wherever it counts, put away by the next run, and no hindrance from then on.
for broken in '{"version":1,' '[]' ''; do
    rm -f "$state".broken
    printf %s "$broken" >"$state"
    vt list
    equal 0 "$code"
    like "warning: *'$state' is broken*" "$err"
    vt list --json
    like "*is broken*" "$(json '.[0].state_error')"
    vt doctor --json
    equal warning "$(json '.[] | select(.check == "state").status')"
    like "*$state*" "$(json '.[] | select(.check == "state").detail')"
    vt batch --dry-run
    equal 0 "$code"
    [ ! -e "$state.broken" ] || fail "a dry run has put the file away"
    vt --quiet batch
    equal 0 "$code"
    like "web: warning: *'$state' is broken*'$state.broken'*full*" "$err"
    equal "$broken" "$(cat "$state.broken")"
    ok batch
    ok list
    vt doctor --json
    equal warning "$(json '.[] | select(.check == "state").status')"
    like "*$state.broken*" "$(json '.[] | select(.check == "state").detail')"
done
equal '0 0 1 1 *' "$(jq -r .schedules.nightly.cron "$state")"

# A clock that was set back: doctor says so until a run has put it right, which says so once.
printf '{"version":1,"schedules":{"nightly":{"cron":"0 0 1 1 *","seen":%s}}}' $(($(date +%s) + 72000)) >"$state"
rm -f "$state.broken"
vt doctor --json
equal warning "$(json '.[] | select(.check == "state").status')"
like "*yet to come*$state*" "$(json '.[] | select(.check == "state").detail')"
vt batch
equal 0 "$code"
like 'web: warning: the clock was set back*' "$err"
ok batch
vt doctor --json
equal ok "$(json '.[] | select(.check == "state").status')"

# A dump by hand puts it away as well.
echo broken >"$state"
vt dump web --file "$tmp/d/x.core"
like 'broken' "$(cat "$state.broken")"
jq -e '."last-error"' "$state" >/dev/null || fail "nothing was remembered: $(cat "$state")"

# That of a newer version is not ours to put away.
rm -f "$state.broken"
echo '{"version":99}' >"$state"
vt batch
equal 1 "$code"
like "*web: failed: *is of a newer vthunder*" "$err"
equal '{"version":99}' "$(cat "$state")"
vt doctor --json
equal failed "$(json '.[] | select(.check == "state").status')"
vt list
like "*is of a newer vthunder*" "$err"
exit 0
