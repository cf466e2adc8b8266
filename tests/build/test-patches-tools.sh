#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# patches-apply, patches-refresh and patches-check agree: files and series go through
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

# What upstream does not have is a file, and in no patch.
files=$mini/qemu-patches/files
[ "$(cat "$files/src/new.c")" = new ] || fail "a new file is not among the files"
grep -q 'see new.c' "$patches/0002-src-add-new.patch" || fail "the hook is in no patch"
! grep -rq 'b/src/new.c' "$patches" || fail "a patch has a new file"

# Through a work tree and back.
chmod +x "$files/src/new.c"
cp -rp "$patches" "$tmp/before"
cp -rp "$files" "$tmp/files-before"
run "$mini/tools/patches-apply" qemu "$tmp/tree"
expect_status 0
run "$mini/tools/patches-refresh" qemu "$tmp/tree"
expect_status 0
diff -r "$tmp/before" "$patches" || fail "a round trip changes the series"
diff -r "$tmp/files-before" "$files" || fail "a round trip changes the files"
[ -x "$files/src/new.c" ] || fail "a round trip changes a file's mode"
check
expect_status 0
chmod -x "$files/src/new.c"

# An edit of a file changes that, one of upstream's its patch only; a dropped commit drops its patch.
(cd "$tmp/tree" && echo newer >>src/new.c && mkdir src/sub && echo sub >'src/sub/a b.c' && git add . &&
    git -c user.name=t -c user.email=t@t commit -q -a -m 'src: newer') || fail "cannot edit"
run "$mini/tools/patches-refresh" qemu "$tmp/tree"
expect_status 0
expect "2 patches in .*, 2 files in"
diff -r "$tmp/before" "$patches" || fail "the series changed with a file"
[ "$(tail -n 1 "$files/src/new.c")" = newer ] || fail "an edit of a file is lost"
[ "$(cat "$files/src/sub/a b.c")" = sub ] || fail "a file with a blank is lost"
(cd "$tmp/tree" && echo more >>README &&
    git -c user.name=t -c user.email=t@t commit -q -a -m 'README: more') || fail "cannot edit"
run "$mini/tools/patches-refresh" qemu "$tmp/tree"
cmp "$tmp/before/0002-src-add-new.patch" "$patches/0002-src-add-new.patch" || fail "another patch changed"
[ -s "$patches/0003-README-more.patch" ] || fail "no patch for a commit"
git -C "$tmp/tree" reset -q --hard HEAD~3
run "$mini/tools/patches-refresh" qemu "$tmp/tree"
[ "$(cat "$patches/series")" = 0001-src-spell-20.patch ] || fail "the series has a dropped patch"
[ ! -e "$patches/0002-src-add-new.patch" ] || fail "a dropped patch stays"
[ -s "$files/src/new.c" ] || fail "a file goes with a patch"
(cd "$tmp/tree" && git rm -q src/new.c && git -c user.name=t -c user.email=t@t commit -q -m 'src: drop new') || fail "cannot drop a file"
run "$mini/tools/patches-refresh" qemu "$tmp/tree"
[ ! -e "$files" ] || fail "a dropped file stays"

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
rm -rf "$patches" && cp -r "$tmp/before" "$patches" && cp -rp "$tmp/files-before" "$files"
touch "$patches/0009-stray.patch"
check
expect_status 1
expect "0009-stray.patch"
rm "$patches/0009-stray.patch"
check
expect_status 0
mv "$files/src/new.c" "$files/src/file.c"
check
expect_status 1
expect "upstream has a file of its own: src/file.c"
run "$mini/tools/stack-build" --builddir "$mini/build" --offline --patch-only qemu
expect_status 1
expect "upstream has a file of its own: src/file.c"
run "$mini/tools/patches-apply" qemu "$tmp/tree3"
expect_status 1
expect "upstream has a file of its own: src/file.c"
mv "$files/src/file.c" "$files/src/new.c"
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
