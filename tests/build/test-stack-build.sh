#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The stages after the source is there: patches, tools, space, the key of what
# is built, a failing build.  Compilers are stand-ins.
# shellcheck disable=SC2016,SC2123 # stand-ins with their own $1; few tools on PATH
# shellcheck source=tests/build/fixture.sh
. "$(dirname "$0")/fixture.sh"
command -v git >/dev/null || { echo "SKIP: git is missing"; exit 77; }

bin=$tmp/bin
mkdir "$bin"
stub () { printf '#!/bin/sh\n%s\n' "$2" >"$bin/$1"; chmod +x "$bin/$1"; }
for tool in gcc make pkg-config xmllint xsltproc rpcgen; do stub "$tool" 'exit 0'; done
stub cc 'echo cc 1'
stub meson 'case $1 in --version) echo 1.7.0 ;; setup) mkdir -p build ;; esac'

stub ninja 'case "$*" in *install*) ;; *) echo "[1/1] built" >>"$STUB_LOG" ;; esac'
STUB_LOG=$tmp/ninja.log
export STUB_LOG
: >"$STUB_LOG"
real_path=$PATH
PATH=$bin:$PATH
build () { stack_build --mirror "file://$mirror" --jobs 1 "$@" libvirt; }
builds () { wc -l <"$STUB_LOG"; }

# Built once, then left alone; a patch, an option or --force builds again.
build
expect_status 0
expect "libvirt 1.0.1: done"
[ "$(builds)" = 1 ] || fail "$(builds) builds"
build
expect_status 0
expect "built already"
[ "$(builds)" = 1 ] || fail "built again for nothing"
make_series libvirt >"$tmp/out" 2>&1 || fail "cannot make a series"
build
expect_status 0
expect "applying 2 patches"
[ "$(builds)" = 2 ] || fail "not built again for a patch"
grep -q 'line twenty' "$mini/build/upstream/libvirt-1.0.1/src/file.c" || fail "not patched"
[ -e "$mini/build/upstream/libvirt-1.0.1/src/new.c" ] || fail "no new file"
echo newer >>"$mini/libvirt-patches/files/src/new.c"
build
[ "$(builds)" = 3 ] || fail "not built again for a file"
echo '--other' >>"$mini/libvirt-patches/1.0/OPTIONS"
build
[ "$(builds)" = 4 ] || fail "not built again for an option"
build --force
[ "$(builds)" = 5 ] || fail "not built again with --force"

# A patch that does not apply: by name, with the hunk and the log.
patches=$mini/libvirt-patches/1.0
sed -i.orig 's/^-line 20$/-line 2000/' "$patches/0001-src-spell-20.patch"
build
expect_status 1
expect "patch does not apply: 0001-src-spell-20.patch to libvirt 1.0.1"
expect "Hunk #1 FAILED"
expect "libvirt-patch.log"
# Neither with fuzz: a context line that differs is a failure.
sed 's/^ line 17$/ line seventeen/' "$patches/0001-src-spell-20.patch.orig" >"$patches/0001-src-spell-20.patch"
build
expect_status 1
expect "patch does not apply"
mv "$patches/0001-src-spell-20.patch.orig" "$patches/0001-src-spell-20.patch"
echo 0003-none.patch >>"$patches/series"
build
expect_status 1
expect "names '0003-none.patch', which is not there"
sed -i '/0003/d' "$patches/series"

# A build that fails: last lines, whole log by name, and nothing counts as built.
stub ninja 'echo "file.c:1: error: oops"; exit 1'
build --force
expect_status 1
expect "oops"
expect "cannot build libvirt 1.0.1"
expect "whole log: .*libvirt-build.log"
stub ninja 'echo "fatal error: error writing to /x.s: No space left on device"; exit 1'
build --force
expect_status 1
expect "no space left on device"
expect "free some"

# A full disk before the build.
stub df 'echo Avail; echo 1024'
build --force
expect_status 1
expect "not enough disk space for libvirt .*: 1 MB free, 1000 MB needed"
rm "$bin/df"

# Tools: missing, too old.
stub meson 'echo 1.0.1'
build --force
expect_status 1
expect "meson >= 1.5.0, this is 1.0.1"
rm -f "$bin"/*
mkdir "$tmp/few"
for tool in bash sh env dirname basename date mkdir cat sed awk grep sort head tail cut nproc sha256sum \
    readlink flock python3 ls printf tr rm df mv; do
    ln -sf "$(PATH=$real_path command -v "$tool")" "$tmp/few/$tool" 2>/dev/null
done
PATH=$tmp/few
build --force
PATH=$real_path
expect_status 1
expect "missing build tools:"
expect "ninja (Debian: ninja-build)"
expect "patch (Debian: patch)"
exit 0
