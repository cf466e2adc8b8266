#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# build/run: what it puts into the environment, what its daemon is given, and what it says when it cannot.
# shellcheck disable=SC2016 # expanded by the command that run runs
# shellcheck source=tests/build/fixture.sh
. "$(dirname "$0")/fixture.sh"
builddir=${abs_top_builddir:?run me by make check}
inside () { run env -u LIBVIRT_DEFAULT_URI "$builddir/run" --no-daemon "$@"; }

inside sh -c 'echo "$LIBVIRT_DEFAULT_URI"'
expect_status 0
expect '^qemu:///'
inside sh -c 'echo "${PATH%%:*}"'
expect "^$builddir/src/shell$"
inside sh -c 'stat -c "%a %u" "$XDG_RUNTIME_DIR"; echo ${#XDG_RUNTIME_DIR}'
expect "^700 $(id -u)$"
[ "$(tail -n 1 "$tmp/out")" -le 40 ] || fail "sockets would not fit into 107 bytes"
run env LIBVIRT_DEFAULT_URI=test:///default "$builddir/run" --no-daemon sh -c 'echo "$LIBVIRT_DEFAULT_URI"'
expect '^test:///default$'

# The command's own status, arguments and standard input pass through.
inside sh -c 'exit 42'
expect_status 42
inside printf '<%s>' 'a b' '*' ''
expect '^<a b><\*><>$'
echo through | "$builddir/run" --no-daemon cat >"$tmp/out"
expect '^through$'

inside no-such-command-here
expect_status 125
expect "command not found: 'no-such-command-here'"
run "$builddir/run" --no-such-option true
expect_status 125
expect "^Usage: run"
run "$builddir/run"
expect_status 125

# The daemon that it starts, for root only, outlives the command: it must not keep what the caller has open, a lock for
# instance.  A stand-in, which the machine's own users never see.
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$tmp/bin" "$tmp/lib"
    sed -e "s|^builddir=.*|builddir='$tmp'|; s|^stack_dir=.*|stack_dir='$tmp'|; s|^qemu_bindir=.*|qemu_bindir='$tmp/bin'|" \
        -e "s|^libvirt_bindirs=.*|libvirt_bindirs='$tmp/bin'|; s|^libvirt_libdir=.*|libvirt_libdir='$tmp/lib'|" \
        "$builddir/run" >"$tmp/run-it"
    printf '#!/bin/sh\nsleep 60 &\necho $! >"%s/daemon"\n' "$tmp" >"$tmp/bin/libvirtd"
    printf '#!/bin/sh\n[ -e "%s/daemon" ]\n' "$tmp" >"$tmp/bin/virsh"
    chmod +x "$tmp/run-it" "$tmp/bin/libvirtd" "$tmp/bin/virsh"
    exec 7>"$tmp/lock" 42<"$tmp/run-it"
    flock 7
    run "$tmp/run-it" true
    expect_status 0
    exec 7>&- 42<&-
    daemon=$(cat "$tmp/daemon") || fail "no daemon was started"
    kept=$(cd "/proc/$daemon/fd" && printf '%s\n' * | grep -vx '[0-2]')
    taken=no
    flock -n "$tmp/lock" true || taken=yes
    kill "$daemon"
    [ -z "$kept" ] || fail "the daemon keeps descriptors of the caller: $kept"
    [ "$taken" = no ] || fail "the caller's lock is held by the daemon"
fi
exit 0
