#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vthunder-batch(8) and the example settings have the keys that are read and no others; the page has the variables that
# hooks get, and no others.
. "$(dirname "$0")/../shell/lib.sh"

page=$srcdir/man/vthunder-batch.rst
example=$srcdir/contrib/vthunder.conf

grep -oE 'get_(text|number|path) \(host, "[a-z]+", "[a-z-]+"' "$srcdir/src/lib/host.c" | sed 's/.*, "\(.*\)", "\(.*\)"/\1 \2/' |
    sort -u >"$tmp/read"
[ "$(wc -l <"$tmp/read")" -ge 9 ] || fail "the keys are not found in host.c"
# keys FILE: "group key" a line, of a key file with or without "#" or blanks before its lines.
keys () { sed -nE 's/^[# ]*\[([a-z]+)\]$/[\1/p; s/^[# ]*([a-z]+(-[a-z]+)*)=.*/\1/p' "$1" | awk '/^\[/ { g = substr($0, 2); next } g { print g, $0 }' | sort -u; }
sed -n '/^SETTINGS$/,/^HOOKS$/p' "$page" >"$tmp/settings"
{ keys "$tmp/settings"; echo 'output pool'; } | sort -u >"$tmp/page"
grep -q 'pool=NAME' "$tmp/settings" || fail "the page does not mention pool="
keys "$example" >"$tmp/example"
diff "$tmp/read" "$tmp/page" || fail "keys differ (< program, > manual)"
diff "$tmp/read" "$tmp/example" || fail "keys differ (< program, > example)"

grep -ohE '"VTHUNDER_[A-Z_0-9]+"' "$srcdir/src/lib/batch.c" "$srcdir/src/lib/hook.c" | tr -d '"' | sort -u >"$tmp/set"
sed -n '/^HOOKS$/,/^METRICS$/p' "$page" | grep -oE 'VTHUNDER_[A-Z_0-9]+' | sort -u >"$tmp/described"
diff "$tmp/set" "$tmp/described" || fail "variables of hooks differ (< program, > manual)"
