#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The pages are built, and man(1) and groff show them without a complaint.
. "$(dirname "$0")/../shell/lib.sh"

need man
pages=0
for page in "${abs_top_builddir:?}"/man/*.[1-8]; do
    [ -e "$page" ] || skip "the manual pages were not built (no rst2man)"
    pages=$((pages + 1))
    text=$(MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l "$page" 2>"$tmp/err") || fail "$page: $(cat "$tmp/err")"
    [ ! -s "$tmp/err" ] || fail "$page: $(cat "$tmp/err")"
    like '*DESCRIPTION*' "$text"
done
equal 4 "$pages"
