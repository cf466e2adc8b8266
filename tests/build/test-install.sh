#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make install puts everything below the prefix, and a program can be built with
# what it put there.
set -u
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail () { echo "FAIL: $*"; exit 1; }

make -C "${abs_top_builddir:?run me by make check}" --no-print-directory install DESTDIR="$tmp" >"$tmp/log" 2>&1 || {
    tail -n 20 "$tmp/log"
    fail "make install"
}
prefix=$(sed -n 's/^prefix = //p' "$abs_top_builddir/Makefile")
root=$tmp$prefix
[ -x "$root/bin/vthunder" ] || fail "no bin/vthunder"
[ -e "$root/include/vthunder.h" ] || fail "no vthunder.h"
[ -e "$root/share/man/man1/vthunder.1" ] || fail "no vthunder(1)"
[ -e "$root/share/bash-completion/completions/vthunder" ] || fail "no completion"
lib=$(find "$root" -name 'libvthunder.so' | head -n 1)
[ -n "$lib" ] || fail "no libvthunder.so"

outside=$(cd "$tmp" && find . -type f ! -path "./log" ! -path ".$prefix/*")
[ -z "$outside" ] || fail "outside of the prefix: $outside"

# Only the library's own names are in its ABI.
others=$(nm -D --defined-only "$lib" | awk '$3 !~ /^vth_/ && $2 != "A" { print $3 }')
[ -z "$others" ] || fail "exported as well: $others"

pc=$(find "$root" -name '*.pc' | head -n 1)
[ -n "$pc" ] || fail "no pkg-config file"
echo '#include <vthunder.h>
int main (void) { return vth_version () == NULL; }' >"$tmp/user.c"
# As if the prefix were where it is now.
sed "s|^prefix=.*|prefix=$root|" "$pc" >"$tmp/vthunder-here.pc"
flags=$(PKG_CONFIG_PATH=$tmp:${PKG_CONFIG_PATH-} pkg-config --cflags --libs vthunder-here 2>"$tmp/pc.log") || {
    # A requirement of its own that only the build tree's libvirt has.
    cat "$tmp/pc.log"
    echo "SKIP: pkg-config cannot resolve the requirements"
    exit 77
}
# shellcheck disable=SC2086 # words on purpose
${CC:-cc} "$tmp/user.c" -o "$tmp/user" $flags -Wl,-rpath-link,"$(dirname "$lib")" || fail "cannot link"
LD_LIBRARY_PATH=$(dirname "$lib"):${LD_LIBRARY_PATH-} "$tmp/user" || fail "the program fails"
exit 0
