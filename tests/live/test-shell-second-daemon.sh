#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A second daemon beside the first, by the path of its socket: nothing of the first is seen or touched; and what
# happens when it ends.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/pool.sh
. "$live/pool.sh"
# shellcheck source=tests/shell/term.sh
. "$srcdir/tests/shell/term.sh"
need jq unshare mount tmux
need_root
need_libvirt
[ -d "${VTHUNDER_STACK:-/nowhere}/var" ] || skip "the stack's daemon is not in use"
unshare -m true 2>/dev/null || skip "no mount namespaces"
own_state
export LC_ALL=C.UTF-8 XDG_CACHE_HOME=$tmp/cache

# The same programs with another /var of their own.
mkdir -p "$tmp/var/run" "$tmp/var/lib" "$tmp/var/cache" "$tmp/var/log"
socket=$tmp/var/run/libvirt/libvirt-sock
second="qemu+unix:///system?socket=$socket"
start_second ()
{
    # shellcheck disable=SC2016 # its own arguments
    unshare -m --propagation private sh -c 'mount --bind "$1" "$2/var" && exec libvirtd --pid-file "$2/var/run/libvirtd.pid"' \
        sh "$tmp/var" "$VTHUNDER_STACK" >"$tmp/libvirtd.log" 2>&1 &
    daemon=$!
    pids+=("$daemon")
    wait_for 120 test -S "$socket" || fail "the second daemon does not start: $(tail -n 3 "$tmp/libvirtd.log")"
    wait_for 120 virsh -q -c "$second" uri >/dev/null || fail "the second daemon does not answer"
}
start_second

first=$LIBVIRT_DEFAULT_URI
export LIBVIRT_DEFAULT_URI=$second
create_domain "$(unique_domain)" 256 1 ""
vthunder list --name | grep -qx "$domain" || fail "the second daemon's list lacks its domain"
if vthunder -c "$first" list --all --name | grep -qx "$domain"; then fail "the first daemon has the second's domain"; fi
make_pool
check_pool "$second"

mkdir -m 700 "$tmp/dumps"
vthunder -q path-set "$domain" "$tmp/dumps"
vthunder -q dump "$domain" || fail "dump into a directory"
vthunder dump-verify "$domain" || fail "dump-verify"
# Its read-only socket is another file, which the URI names too.
readonly_socket="qemu+unix:///system?socket=$socket-ro"
vthunder -c "$readonly_socket" -r list --name | grep -qx "$domain" || fail "the read-only socket's list"
if vthunder -c "$readonly_socket" -r dump "$domain" 2>"$tmp/said"; then fail "a dump over a read-only connection"; fi
grep -q "^error: command 'dump' needs more than a read-only connection" "$tmp/said" || fail "$(cat "$tmp/said")"

# It is replaced by another while a user is at the prompt, whose next key is TAB: that finds the new one, and leaves nothing
# that cannot write.
term_start 120 24 "vthunder -c '$second'"
at_exit term_stop
term_wait '^vthunder #$'
kill "$daemon"
wait "$daemon" || :
rm -f "$socket"
start_second
term_type "schedule-add ${domain%?}"; term_key Tab; sleep 1; term_type 'first @daily'; term_key Enter
term_wait "^Schedule 'first' added|^error"
term_screen | grep -q "^Schedule 'first' added" || fail "$(term_screen)"
term_stop

# The daemon ends: the shell says so, and finds the next one.
virsh -q destroy "$domain"
mkfifo "$tmp/in"
vthunder <"$tmp/in" >"$tmp/out" 2>"$tmp/err" &
shell=$!
pids+=("$shell")
exec 5>"$tmp/in"
echo 'uri' >&5
wait_for 60 grep -qs '^qemu' "$tmp/out" || fail "the shell does not answer"
kill "$daemon"
wait "$daemon" || :
echo 'list' >&5
exec 5>&-
if wait "$shell"; then fail "a list without a daemon succeeds: $(cat "$tmp/out")"; fi
grep -q "^error: failed to connect to .*$socket" "$tmp/err" || fail "$(cat "$tmp/err")"
[ "$(grep -c '^error: ' "$tmp/err")" = 1 ] || fail "more than one error: $(cat "$tmp/err")"
