#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The release tarball has every file of the repository but those that only
# serve the repository, and nothing that is in neither the repository nor made
# by the autotools.
set -u
cd "${abs_top_srcdir:?run me by make check}" || exit 99
[ -e .git ] || { echo "SKIP: no git checkout"; exit 77; }
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT

make -C "${abs_top_builddir:?}" --no-print-directory distdir distdir="$tmp/dist" >"$tmp/log" 2>&1 || {
    tail -n 20 "$tmp/log"
    exit 1
}
git ls-files | grep -v -x -e '\.gitignore' -e '.*/\.gitignore' | LC_ALL=C sort >"$tmp/git"
(cd "$tmp/dist" && find . -type f -o -type l) | sed 's,^\./,,' | LC_ALL=C sort >"$tmp/tar"

missing=$(LC_ALL=C comm -23 "$tmp/git" "$tmp/tar")
extra=$(LC_ALL=C comm -13 "$tmp/git" "$tmp/tar" | grep -v -x \
    -e 'configure' -e 'config\.h\.in' -e 'aclocal\.m4' -e 'Makefile\.in' -e 'build-aux/.*' \
    -e 'man/.*\.[1-8]' -e 'm4/libtool\.m4' -e 'm4/lt.*\.m4')
[ -z "$missing" ] || printf 'not in the tarball (EXTRA_DIST):\n%s\n' "$missing"
[ -z "$extra" ] || printf 'in the tarball but not in git:\n%s\n' "$extra"
[ -z "$missing$extra" ]
