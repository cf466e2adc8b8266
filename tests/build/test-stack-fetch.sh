#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sources: mirror, cache, named tarball, the alternative of BASE, and each way
# in which none is to be had.
# shellcheck source=tests/build/fixture.sh
. "$(dirname "$0")/fixture.sh"

orig=$mirror/pool/qemu/qemu_1.0.1+ds.orig.tar.xz
cached=$mini/build/cache/qemu_1.0.1+ds.orig.tar.xz

# No network: nothing listens there.
stack_build --mirror http://127.0.0.1:1/none --fetch-only qemu
expect_status 1
expect "cannot fetch a source of qemu; tried:"
expect "127.0.0.1:1/none/pool/qemu/qemu_1.0.1%2Bds.orig.tar.xz: .*[Cc]onnect"
expect "name it with"

stack_build --fetch-only qemu
expect_status 1
expect "no mirror is configured"

# A mirror.
stack_build --mirror "file://$mirror" --fetch-only qemu
expect_status 0
expect "is verified"
cmp "$orig" "$cached" || fail "the download differs"

# The cache.
stack_build --offline --fetch-only qemu
expect_status 0
expect_not "fetching"

# A bad file in the cache is kept aside and replaced.
echo rot >>"$cached"
stack_build --mirror "file://$mirror" --fetch-only qemu
expect_status 0
expect "has a bad checksum"
[ -e "$cached.bad" ] || fail "the bad file is gone"
cmp "$orig" "$cached" || fail "the bad file stayed"

# A bad file in the mirror is never used.
rm -rf "$mini/build/cache"
cp "$orig" "$tmp/orig" && echo rot >>"$orig"
stack_build --mirror "file://$mirror" --fetch-only qemu
expect_status 1
expect "bad checksum [0-9a-f]* instead of"
[ ! -e "$cached" ] || fail "a bad file was kept as good"

# Unless BASE has an alternative.
make_upstream qemu 1.0.0 line
stack_build --mirror "file://$mirror" --fetch-only qemu
expect_status 0
expect "qemu 1.0.0: .* is verified"
cp "$tmp/orig" "$orig"

# A named tarball, under any name, by its checksum.
rm -rf "$mini/build/cache"
cp "$orig" "$tmp/mine.tar.xz"
stack_build --offline --qemu-tarball "$tmp/mine.tar.xz" --fetch-only qemu
expect_status 0
expect "qemu 1.0.1: .*mine.tar.xz is verified"
echo rot >>"$tmp/mine.tar.xz"
stack_build --offline --qemu-tarball="$tmp/mine.tar.xz" --fetch-only qemu
expect_status 1
expect "bad checksum: '.*mine.tar.xz' has SHA-256"
stack_build --qemu-tarball "$tmp/none" --fetch-only qemu
expect_status 1
expect "cannot read the tarball"

# Offline without a source.
stack_build --offline --fetch-only qemu
expect_status 1
expect "and --offline given"

# A prefix that is not private.
stack_build --prefix /usr/local --fetch-only qemu
expect_status 1
expect "is not private"
exit 0
