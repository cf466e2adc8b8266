#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of each kind of word, as the program answers.
. "$(dirname "$0")/lib.sh"

# completes LINE WORD…: offers exactly these, in this order.
completes ()
{
    local line=$1 got want
    shift
    got=$(vthunder complete -- "vthunder -c $test_uri $line")
    want=$(printf '%s\n' "$@")
    [ "$got" = "$want" ] || fail "completion of '$line': $(printf '%q ' "$got"), not $(printf '%q ' "$want")"
}
# offers LINE WORD: among others.
offers () { vthunder complete -- "vthunder -c $test_uri $1" | grep -qxF -- "$2" || fail "completion of '$1' lacks '$2'"; }

mkdir -p "$tmp/files/dir one" "$tmp/files/.hidden"
touch "$tmp/files/two.core" "$tmp/files/th ree.core"
cd "$tmp/files" || exit 99

completes 'ur' 'uri '
completes 'schedule-e' 'schedule-edit ' 'schedule-enable '
completes 'uri; ec'
completes 'nonsense x'
completes 'self-te'
offers '' 'list '
completes 'list --al' '--all '
completes 'list --all --' '--help ' '--inactive ' '--json ' '--name ' '--uuid '
completes 'uri; list --u' '--uuid '
completes 'help sche' 'schedule ' 'schedule-add ' 'schedule-disable ' 'schedule-edit ' 'schedule-enable ' 'schedule-list ' \
    'schedule-next ' 'schedule-remove '
completes 'dump ' 'test '
completes 'dump te' 'test '
offers 'dump test ' '--all '
completes 'dump --domain te' 'test '
completes 'dump --domain=te' '--domain=test '
completes 'dump x --format kdump-l' 'kdump-lzo '
completes 'dump --format=w' '--format=win-dmp '
completes 'dump --format kdump-z' 'kdump-zlib ' 'kdump-zstd '
completes 'dump --strategy ' 'auto ' 'hybrid ' 'precopy ' 'protect '
completes 'path-set test --strategy=h' '--strategy=hybrid '
completes 'watch test --strategy p' 'precopy ' 'protect '
completes 'dump --mir' '--mirror-limit '
completes 'dump --mode ' 'incremental ' 'mirror ' 'stop '
completes 'dump --inc' '--incremental '
completes 'dump-e' 'dump-export '
completes 'dump-diff ./two.core t' 'test ' 'th\ ree.core ' 'two.core '
completes 'dump-export two.core ./th' './th\ ree.core '
completes 'watch ' 'test '
completes 'watch test --output d' 'dir\ one/'
completes 'watch test --interval '
completes 'schedule-add test x @daily --mode i' 'incremental '
completes 'dump --timeout '
completes 'path-set test --manifest ' 'no ' 'yes '
completes 'path-set test --pool ' 'default-pool '
completes 'schedule-add test x @d' '@daily '
completes 'connect test' 'test:///default '
completes 'connect qemu+u' 'qemu+unix://'
completes 'dump-info --domain te' 'test '
completes 'dump-info t' 'test ' 'th\ ree.core ' 'two.core '
completes 'dump-info ./' './dir\ one/' './th\ ree.core ' './two.core '
completes 'dump-info ./.' './.hidden/'
completes 'dump-info "./th' './th\ ree.core '
completes 'dump-info ./th\ r' './th\ ree.core '
completes 'cd d' 'dir\ one/'
completes 'path-set test d' 'dir\ one/'
completes 'echo # comment '

# The program's own options, and the connection they choose.
equal '--connect ' "$(vthunder complete -- 'vthunder --conn')"
equal 'test:///default ' "$(vthunder complete -- 'vthunder -c test')"
equal 'uri ' "$(vthunder complete -- 'vthunder -q -r -c test:///default ur')"
make_domains 3
offers 'dump ' 'domain-with-a-rather-long-name-002 '
completes 'dump-list 00000000-0000-0000-0000-000000000003' '00000000-0000-0000-0000-000000000003 '
# Schedules, which have to be in the XML for that.
cat >"$tmp/node.xml" <<'XML'
<node><domain type="test"><name>a b</name><memory>1048576</memory><os><type>hvm</type></os>
<metadata><vthunder:domain xmlns:vthunder="urn:vthunder:domain:1.0"><vthunder:schedule name="nightly" cron="@daily"/>
<vthunder:schedule name="often" cron="@hourly"/></vthunder:domain></metadata></domain></node>
XML
completes 'schedule-edit ' 'a\ b '
completes 'schedule-edit a\ b ' 'nightly ' 'often '
completes 'schedule-edit "a b" n' 'nightly '
completes 'schedule-next "a b" of' 'often '

# No connection: silence, soon.
equal '' "$(vthunder complete -- 'vthunder -c nonsense:///x dump te' 2>&1)"
# The part that bash replaces is shorter than the word where a colon is in it.
equal '///default ' "$(vthunder complete --word=///d -- 'vthunder -c test:///d')"
