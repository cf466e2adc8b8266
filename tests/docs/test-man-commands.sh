#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vthunder(1) describes every command, with the synopsis that the program
# prints, and nothing that the program does not have.
. "$(dirname "$0")/../shell/lib.sh"

page=$srcdir/man/vthunder.rst
vthunder self-test --dump-table >"$tmp/table" || fail "no table"

# Sections with a literal block at their beginning: "name<TAB>synopsis".
awk '
  /^-+$/ && prev ~ /^[a-z][a-z-]*$/ && length ($0) == length (prev) { name = prev; text = ""; block = 0 }
  name && /^::$/ && !block { block = 1; next }
  block == 1 && /^   / { sub (/^ +/, ""); text = text (text ? " " : "") $0; next }
  block == 1 && /^[^ ]/ { print name "\t" text; block = 2; name = "" }
  { prev = $0 }
' "$page" | sort >"$tmp/page"
awk -F'\t' '$1 == "command" { print $2 "\t" $3 }' "$tmp/table" | sort >"$tmp/program"
diff "$tmp/program" "$tmp/page" || fail "synopses differ (< program, > manual)"

# Options named in the text of a section are options of that command or of one
# that is referred to, so: of some command or of the program.
{ awk -F'\t' '$1 == "option" { print $3 }' "$tmp/table"; vthunder --help | grep -o -- '--[a-z][a-z-]*'; echo --help; } |
    sort -u >"$tmp/known"
grep -oh -- '--[a-z][a-z-]*' "$page" "$srcdir/man/vthunder-batch.rst" "$srcdir/man/vthunder.xml.rst" |
    grep -vx -- --option | sort -u >"$tmp/named"
comm -13 "$tmp/known" "$tmp/named" >"$tmp/unknown"
[ ! -s "$tmp/unknown" ] || fail "the manual names unknown options: $(tr '\n' ' ' <"$tmp/unknown")"

# Options of the program itself: each is described, and nothing else is.
vthunder --help | sed -n '/options:/,/commands/p' | grep -oE -- '--?[a-zA-Z][a-z-]*' | sort -u >"$tmp/help"
sed -n '/^OPTIONS$/,/^WRITING COMMANDS$/p' "$page" | grep '^-' | grep -v '^=' |
    grep -oE -- '(^|[ ,])--?[a-zA-Z][a-z-]*' | tr -d ' ,' | sort -u >"$tmp/options"
diff "$tmp/help" "$tmp/options" || fail "options of the program differ (< program, > manual)"

# The other name of a command is mentioned.
awk -F'\t' '$1 == "alias" { print $2 }' "$tmp/table" | while read -r alias; do
    grep -q "\*\*$alias\*\*" "$page" || fail "the manual does not mention '$alias'"
done || exit 1
