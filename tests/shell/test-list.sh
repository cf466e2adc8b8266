#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# list: what is shown of whom.
. "$(dirname "$0")/lib.sh"

ok list
like ' Id *Name *State *Memory *Schedules *Last *Next*
---*
 1 *test *running *8 GiB *- *-*' "$out"
ok -q list; like ' 1 *test *' "$out"
ok list --name; equal test "$out"
ok list --uuid; equal 6695eb01-f6a4-8304-79aa-97f2502e193f "$out"
ok list --inactive --name; equal '' "$out"
ok list --inactive; like ' Id *' "$out"
refused 2 'mutually exclusive' list --json --name
refused 2 'mutually exclusive' list --all --inactive
refused 2 "unexpected data 'x'" list x

# What others left in the metadata: the display name.
cat >"$tmp/node.xml" <<'XML'
<node>
<domain type="test"><name>instance-00000001</name><memory>1048576</memory><os><type>hvm</type></os>
<metadata><nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1"><nova:name>web &amp; mail</nova:name></nova:instance></metadata></domain>
<domain type="test"><name>broken</name><memory>1048576</memory><os><type>hvm</type></os>
<metadata><vthunder:domain xmlns:vthunder="urn:vthunder:domain:1.0"><vthunder:schedule name="a" cron="nonsense"/></vthunder:domain></metadata></domain>
</node>
XML
test_uri=test://$tmp/node.xml
vt list --all
equal 0 "$code"
like '*instance-00000001 (web & mail)*' "$out"
like '*broken *broken*' "$out"
like "warning: *broken*" "$err"
ok 'list --all --name'
like '*broken*' "$out"
vt -q 'schedule-add "web & mail" x @daily; schedule-list instance-00000001'
equal 0 "$code"; like '*instance-00000001*x*@daily*' "$out"
refused 2 broken schedule-list broken
