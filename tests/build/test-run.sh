#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# build/run: what it puts into the environment, and what it says when it cannot.
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
exit 0
