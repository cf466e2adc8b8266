#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The example of the library does what it says, and the library exports what its header declares.
set -eu

example=${abs_top_builddir:?}/src/lib/example
library=$abs_top_builddir/src/lib/.libs/libvthunder.so
header=${abs_top_srcdir:?}/src/lib/vthunder.h

out=$(TZ=UTC "$example" test:///default test '0 3 * * *')
case $out in
    "test "*" running "*" next dump 20"*" 03:00") ;;
    *) echo "unexpected: $out" >&2; exit 1 ;;
esac

if out=$("$example" test:///default test '0 3 31 2 *' 2>&1); then
    echo "an impossible date was taken" >&2; exit 1
fi
case $out in
    *"never comes"*) ;;
    *) echo "unexpected: $out" >&2; exit 1 ;;
esac

if [ -f "$library" ] && command -v nm >/dev/null; then
    nm -D --defined-only "$library" | sed -n 's/.* T \(vth_[a-z0-9_]*\).*/\1/p' | sort -u >exported.$$
    sed -n 's/^[a-zA-Z].*[ *]\(vth_[a-z0-9_]*\) (.*/\1/p' "$header" | sort -u >declared.$$
    diff exported.$$ declared.$$ || { rm -f exported.$$ declared.$$; echo "exported (<) and declared (>) differ" >&2; exit 1; }
    rm -f exported.$$ declared.$$
    nm -D --defined-only --with-symbol-versions "$library" | grep -q '@@VTHUNDER_1.0' ||
        { echo "symbols have no version" >&2; exit 1; }
fi
