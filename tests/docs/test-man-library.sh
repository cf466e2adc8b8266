#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every function of vthunder.h is in libvthunder(3) and in the library, and the
# other way round.
. "$(dirname "$0")/../shell/lib.sh"

page=${abs_top_builddir:?}/man/libvthunder.3
library=$abs_top_builddir/src/lib/.libs/libvthunder.so
[ -e "$page" ] || skip "the manual pages were not built (no rst2man)"
[ -e "$library" ] || skip "no shared library"
need nm

sed -n '/^\.SH FUNCTIONS/,/^\.SH SEE ALSO/p' "$page" | grep -oE '\bvth_[a-z0-9_]+ \(' | tr -d ' (' | sort -u >"$tmp/page"
nm -D --defined-only "$library" | awk '$2 ~ /[TW]/ { print $3 }' | sed 's/@.*//' | grep '^vth_' | sort -u >"$tmp/library"
diff "$tmp/library" "$tmp/page" || fail "functions differ (< library, > manual)"
