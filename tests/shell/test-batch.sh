#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# batch: exit codes and reports, as far as it goes without a hypervisor.
. "$(dirname "$0")/lib.sh"
need jq

ok batch --state-dir "$tmp/batch"
ok batch --dry-run --state-dir "$tmp/batch"
ok -q batch --json --state-dir "$tmp/batch"
equal 0 "$(json .due)"; equal '[]' "$(json '.events | tostring')"

# Metrics that cannot be written are an error, and no reason to say nothing else.
mkdir -p "$XDG_CONFIG_HOME/vthunder"
printf '[batch]\nmetrics=%s\n' "$tmp/nonexistent/vthunder.prom" >"$XDG_CONFIG_HOME/vthunder/vthunder.conf"
vt batch --json --state-dir "$tmp/batch"
equal 1 "$code"; like "error: host: metrics-failed: *$tmp/nonexistent/vthunder.prom*" "$err"
equal 1 "$(json .metrics_failed)"; equal 0 "$(json .failed)"; equal metrics-failed "$(json '.events[0].event')"
rm "$XDG_CONFIG_HOME/vthunder/vthunder.conf"

# A broken domain is reported by name.
cat >"$tmp/node.xml" <<'XML'
<node>
<domain type="test"><name>bad</name><memory>1048576</memory><os><type>hvm</type></os>
<metadata><vthunder:domain xmlns:vthunder="urn:vthunder:domain:1.0"><vthunder:schedule name="a" cron="nonsense"/></vthunder:domain></metadata></domain>
</node>
XML
test_uri=test://$tmp/node.xml
vt batch --state-dir "$tmp/batch"
equal 2 "$code"; like '*bad*' "$err"

test_uri=test:///default
echo rubbish >"$tmp/file"
vt batch --state-dir "$tmp/file/x"
[ "$code" = 1 ] || [ "$code" = 2 ] || fail "a state directory that cannot be: exit code $code: $err"
mkdir -p "$XDG_CONFIG_HOME/vthunder"
echo 'no key file' >"$XDG_CONFIG_HOME/vthunder/vthunder.conf"
if [ "$(id -u)" != 0 ]; then
    refused 2 vthunder.conf batch --state-dir "$tmp/batch"
fi
refused 2 'not a number' batch --max-parallel 0
