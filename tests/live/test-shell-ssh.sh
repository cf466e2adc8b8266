#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A storage pool over a remote URI: libvirt's ssh transport, with a program in the place of ssh that stays on this
# host.  vthunder must not touch a file of the "other" one: it cannot tell that it is this.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/pool.sh
. "$live/pool.sh"
need jq
need_libvirt
export XDG_CONFIG_HOME=$tmp/config XDG_DATA_HOME=$tmp/data XDG_STATE_HOME=$tmp/state
cat >"$tmp/ssh" <<'SH'
#!/bin/sh
# The last argument is the command for the other host.
for command; do :; done
exec sh -c "$command"
SH
chmod +x "$tmp/ssh"
remote="qemu+ssh://elsewhere${LIBVIRT_DEFAULT_URI#qemu://}?command=$tmp/ssh&proxy=native"
vthunder -q -c "$remote" uri >"$tmp/said" 2>&1 || skip "no ssh transport: $(cat "$tmp/said")"

create_domain "$(unique_domain)" 256 1 ""
make_pool
check_pool "$remote"

# A directory of the other host: a dump goes there, and that is all that can be done with it.
mkdir -m 700 "$tmp/dumps"
v () { vthunder -c "$remote" "$@"; }
refused () { if v "${@:2}" >"$tmp/said" 2>&1; then fail "$*: not refused"; fi; grep -q "^error: .*$1" "$tmp/said" || fail "$(cat "$tmp/said")"; }
v -q path-set "$domain" "$tmp/dumps"
v -q dump "$domain" || fail "dump into a directory of the other host"
check_image "$tmp/dumps/"*.core
refused 'directory .* of a remote host: use a storage pool' dump-list "$domain"
refused 'directory .* of a remote host: use a storage pool' dump "$domain" --manifest
v -q path-unset "$domain"
refused 'a remote host has no default: set a storage pool' dump "$domain"
assert_progress
