#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# libvirt's own tests of what the patches add and touch pass; a distribution's package build runs them too.
#
# The stack is built without tests.  This turns them on in its build, whose objects they need and do not change.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need meson
need ninja
source=${VTHUNDER_LIBVIRT_SOURCE:-$(dirname "${VTHUNDER_STACK:-/nowhere}")/upstream/libvirt-$(sed -n 's/^Version: //p' "$srcdir/libvirt-patches/11.3/BASE" | head -n 1)}
[ -w "$source/meson.build" ] || skip "no source of libvirt, or not ours, in '$source'"
cmp -s "$srcdir/libvirt-patches/files/tests/qemuthunderdumptest.c" "$source/tests/qemuthunderdumptest.c" ||
    skip "'$source' has other patches"
[ ! -d /usr/lib/ccache ] || PATH=/usr/lib/ccache:$PATH
# The stack's own libraries are not what is tested.
unset LD_LIBRARY_PATH

build=$source/build
programs=(qemuthundertest qemuthunderdumptest qemuxmlactivetest qemucapabilitiestest qemumonitorjsontest domaincapstest virshtest)
scripts=(virt-aa-helper-test check-aclperms check-drivername check-symfile check-symsorting)
mapfile -t options < <(sed -e 's/[[:space:]]*#.*//' -e '/^$/d' -e '/^-Dtests=/d' "$srcdir/libvirt-patches/11.3/OPTIONS")
if [ -e "$build/build.ninja" ]; then
    meson configure "$build" -Dtests=enabled >"$tmp/setup" 2>&1 || fail "$(tail -n 5 "$tmp/setup")"
else
    meson setup "$build" "$source" "${options[@]}" -Dtests=enabled >"$tmp/setup" 2>&1 || fail "$(tail -n 5 "$tmp/setup")"
fi
# What a test preloads is no part of it.  First what ninja is to do is made anew, or its list is that of a build without tests.
ninja -C "$build" build.ninja >"$tmp/build" 2>&1 || fail "$(tail -n 20 "$tmp/build")"
mapfile -t mocks < <(ninja -C "$build" -t targets all | sed -n 's|^\(tests/lib[^/:]*mock\.so\):.*|\1|p')
[ ${#mocks[@]} -gt 0 ] || fail "ninja names nothing that is preloaded"
ninja -C "$build" "${programs[@]/#/tests/}" "${mocks[@]}" tools/virsh src/virt-aa-helper >>"$tmp/build" 2>&1 || fail "$(tail -n 20 "$tmp/build")"
meson test -C "$build" --no-rebuild --timeout-multiplier 10 --print-errorlogs "${programs[@]}" "${scripts[@]}" >"$tmp/tests" 2>&1 || {
    cat "$tmp/tests"
    fail "libvirt's own tests"
}
grep -E '^[ 0-9/]+ libvirt|^Ok:' "$tmp/tests"
[ "$(sed -n 's/^Ok: *\([0-9]*\).*/\1/p' "$tmp/tests")" = $((${#programs[@]} + ${#scripts[@]})) ] || fail "not all of them ran"
