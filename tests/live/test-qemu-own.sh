#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# QEMU's own test of the engine passes: arguments, formats, strategies, and what devices write is in dumps that build on each other.
#
# The stack is built without tests.  This one is built in its build, whose objects it needs and does not change.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need ninja
source=${VTHUNDER_QEMU_SOURCE:-$(dirname "${VTHUNDER_STACK:-/nowhere}")/upstream/qemu-$(sed -n 's/^Version: //p' "$srcdir/qemu-patches/10.0/BASE" | head -n 1)}
[ -w "$source/build/build.ninja" ] || skip "no build of QEMU, or not ours, in '$source'"
test=tests/qtest/dump-mirror-test
cmp -s "$srcdir/qemu-patches/files/$test.c" "$source/$test.c" || skip "'$source' has other patches"
[ ! -d /usr/lib/ccache ] || PATH=/usr/lib/ccache:$PATH
ninja -C "$source/build" "$test" >"$tmp/build" 2>&1 || fail "$(tail -n 20 "$tmp/build")"
cd "$tmp"
# One word: the paths of its tests have what it is called with.
printf '#!/bin/sh\nexec "%s" -L "%s" "$@"\n' "$(command -v "$qemu")" "${VTHUNDER_QEMU_DATA:-$VTHUNDER_STACK/share/qemu}" >qemu-system-x86_64
chmod +x qemu-system-x86_64
QTEST_QEMU_BINARY=./qemu-system-x86_64 QTEST_QEMU_IMG=$(command -v qemu-img) timeout 600 "$source/build/$test" >"$tmp/tests.log" 2>&1 ||
    fail "QEMU's own test: $(grep -a '^not ok\|ERROR' "$tmp/tests.log" | head -n 3)"
passed=$(grep -c '^ok ' "$tmp/tests.log")
[ "$passed" -ge 17 ] || fail "only $passed tests ran"
echo "$passed tests of QEMU's own pass"
