#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vthunder-batch(8) and the example settings have the keys that are read and no others; the page has the variables that
# hooks get, and no others.  The settings it shows are read as they are meant.
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

# What the page shows can be pasted; what cannot be meant, and what is none, is told.
conf=$XDG_CONFIG_HOME/vthunder/vthunder.conf
mkdir -p "${conf%/*}"
sed -nE 's/^   //p' "$tmp/settings" >"$conf"
grep -q '^min-free=' "$conf" || fail "the page's settings are not found"
ok path-show --json
like "*/srv/dumps[\"']*" "$out"
vt doctor --json
equal ok "$(json '.[] | select(.check == "settings").status')"
for line in 'min-free=1GiB  # room' 'max-parallel=1 # one' "state-dir=$tmp/st	# where" 'metrics=/x # none'; do
    printf '[batch]\n%s\n' "$line" >"$conf"
    refused 2 "${line%%=*}: '${line#*=}': a comment needs a line of its own" path-list
done
printf '[output]\ndir=/srv/dumps # or pool\n' >"$conf"
refused 2 'a comment needs a line of its own' path-list
printf '[batch]\nmin_free=1GiB\njitter=0\n[bath]\nmetrics=/x\n' >"$conf"
ok path-list
vt doctor --json
equal warning "$(json '.[] | select(.check == "settings").status')"
like "*'$conf'*'min_free' in \\[batch\\], 'metrics' in \\[bath\\]" "$(json '.[] | select(.check == "settings").detail')"
