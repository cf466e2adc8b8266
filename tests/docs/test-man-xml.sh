#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The example in vthunder.xml(5) fits the schema, and the page describes every
# element and attribute of the schema.
. "$(dirname "$0")/../shell/lib.sh"

need xmllint
schema=$srcdir/src/lib/vthunder.rng
page=$srcdir/man/vthunder.xml.rst
[ -e "$schema" ] || skip "no schema"

sed -n '/<vthunder:domain/,/<\/vthunder:domain>/p' "$page" >"$tmp/example.xml"
xmllint --noout --relaxng "$schema" "$tmp/example.xml" 2>"$tmp/err" || fail "the example: $(cat "$tmp/err")"

sed '/<except>/,/<\/except>/d' "$schema" | grep -oE '<(element|attribute) name="[a-z-]+"' |
    sed 's/.*name="//; s/"//' | sort -u >"$tmp/names"
[ "$(wc -l <"$tmp/names")" -ge 20 ] || fail "the names are not found in the schema"
while read -r name; do
    grep -qE "(\*\*?|[ :<])$name(\*\*?|[ =:>])" "$page" || fail "the page does not describe '$name'"
done <"$tmp/names"
