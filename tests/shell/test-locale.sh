#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A locale that is not UTF-8 gets something readable, and JSON stays UTF-8.
. "$(dirname "$0")/lib.sh"
need jq

cat >"$tmp/node.xml" <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<node><domain type="test"><name>größe-日本</name><memory>1048576</memory><os><type>hvm</type></os></domain></node>
XML
test_uri=test://$tmp/node.xml
ok list --name --all; equal 'größe-日本' "$out"

for locale in C POSIX; do
    LC_ALL=$locale vt list --all
    equal 0 "$code"; like '* Id *gr*e-*' "$out"
    LC_ALL=C grep -q '[^ -~]' "$tmp/out" && fail "bytes that $locale does not know: $out"
    LC_ALL=$locale vt list --all --name
    equal 'gr\u00f6\u00dfe-\u65e5\u672c' "$out"
    LC_ALL=$locale vt -q list --all --json
    equal 'größe-日本' "$(json '.[0].name')"
    # A size has nothing in it that would have to be escaped.
    LC_ALL=$locale vt doctor
    space=$(grep '^ space ' <<<"$out")
    [[ $space == *[0-9]' '[KMGT]'iB free at '* && $space != *'\u'* ]] || fail "space: $space"
    # Names that are typed as UTF-8, as scripts of cron do, are understood.
    LC_ALL=$locale vt -q 'schedule-add größe-日本 x @daily; schedule-list größe-日本 --json'
    equal 0 "$code"; equal x "$(json '.[0].name')"
    LC_ALL=$locale vt dump-list 'gro\ße'
    equal 1 "$code"; like 'error: *' "$err"
done

# At the prompt.
export LC_ALL=C
term_start "vthunder -q -c $test_uri"
term_wait '^vthunder #$'
term_type 'list --all'; term_key Enter
term_wait 'gr.*running'
term_type 'quit'; term_key Enter
term_wait '^END 0'
