#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# patches-apply, patches-refresh and patches-check agree: a series goes through
# a work tree and back without a changed byte, and what is wrong is found.
# shellcheck source=tests/build/fixture.sh
. "$(dirname "$0")/fixture.sh"
command -v git >/dev/null || { echo "SKIP: git is missing"; exit 77; }

unset VTHUNDER_CACHE
patches=$mini/qemu-patches/1.0
cache=$mini/build/cache
mkdir -p "$cache" && cp "$mirror"/pool/qemu/*.xz "$cache/"
check () { run "$mini/tools/patches-check" --offline --cache "$cache" qemu; }

# An empty series is a series.
check
expect_status 0

# A user's own git settings leave no trace.
export HOME=$tmp/home
mkdir "$HOME"
git config --global diff.noprefix true
git config --global format.signature 'me'
git config --global core.abbrev 5
make_series qemu >"$tmp/out" 2>&1 || fail "cannot make a series"
check
expect_status 0
expect "2 patches apply without fuzz"
expect "the export is the same"
head -n 1 "$patches/0001-src-spell-20.patch" | grep -q '^From 0\{40\} ' || fail "a commit's hash shows"
tail -n 2 "$patches/0001-src-spell-20.patch" | grep -q '^-- ' && fail "a signature shows"

# Through a work tree and back.
cp -r "$patches" "$tmp/before"
run "$mini/tools/patches-apply" qemu "$tmp/tree"
expect_status 0
run "$mini/tools/patches-refresh" qemu "$tmp/tree"
expect_status 0
diff -r "$tmp/before" "$patches" || fail "a round trip changes the series"

# An edit changes its patch only; a dropped commit drops its patch.
(cd "$tmp/tree" && echo newer >>src/new.c &&
    git -c user.name=t -c user.email=t@t commit -q -a --amend --no-edit) || fail "cannot edit"
run "$mini/tools/patches-refresh" qemu "$tmp/tree"
expect_status 0
cmp "$tmp/before/0001-src-spell-20.patch" "$patches/0001-src-spell-20.patch" || fail "another patch changed"
git -C "$tmp/tree" reset -q --hard HEAD~1
run "$mini/tools/patches-refresh" qemu "$tmp/tree"
[ "$(cat "$patches/series")" = 0001-src-spell-20.patch ] || fail "the series has a dropped patch"
[ ! -e "$patches/0002-src-add-new.patch" ] || fail "a dropped patch stays"

# Uncommitted work is not silently left out.
echo change >>"$tmp/tree/README"
run "$mini/tools/patches-refresh" qemu "$tmp/tree"
expect_status 1
expect "not committed"

# What is wrong is found: bytes, a patch outside of series, fuzz, the wrong source.
sed -i 's/^Subject: .*/Subject: [PATCH] src:  spell 20/' "$patches/0001-src-spell-20.patch"
check
expect_status 1
expect "the export DIFFERS"
rm -rf "$patches" && cp -r "$tmp/before" "$patches"
touch "$patches/0009-stray.patch"
check
expect_status 1
expect "0009-stray.patch"
rm "$patches/0009-stray.patch"
make_upstream qemu 1.0.0 other
cp "$mirror"/pool/qemu/*.xz "$cache/"
check
expect_status 1
expect "qemu 1.0.0: FAILED to apply"
run "$mini/tools/patches-apply" --base 2 qemu "$tmp/tree2"
expect_status 1
expect "patch does not apply: 0001-src-spell-20.patch to qemu 1.0.0"

# No source at hand: skipped, not passed.
rm -rf "$cache"
check
expect_status 77
exit 0
