#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Ctrl-C during a dump that stops the guest, which nobody can cut short: the user is told at once, and the dump is
# whole.  A vthunder that is killed then leaves a hidden directory, which the next dump removes.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/shell/term.sh
. "$srcdir/tests/shell/term.sh"
need tmux
need_libvirt
own_state
export XDG_CACHE_HOME=$tmp/cache
export LC_ALL=C.UTF-8
create_domain "$(unique_domain)" 512 1 ""
mkdir -m 700 "$tmp/dumps"
vthunder -q path-set "$domain" "$tmp/dumps"

# begun: QEMU is writing.  (Stopped itself, it takes as long as we like.)
begun ()
{
    local file
    for file in "$tmp/dumps/.$domain"*.part/dump; do
        [ ! -s "$file" ] || return 0
    done
    return 1
}
# Without a pause or a process between two looks: the dump may take less than a second.
hold ()
{
    local end=$((SECONDS + 60))
    until begun; do [ "$SECONDS" -lt "$end" ] || return 1; done
    kill -STOP "$qemu_pid"
}
dumps () { find "$tmp/dumps" -name "$domain*.core" | wc -l; }

term_start 150 30 vthunder
at_exit term_stop
term_wait '^vthunder #$'
term_type "dump $domain $domain --mode stop"; term_key Enter
hold || fail "no dump begins: $(term_screen)"
term_key C-c
term_wait 'cannot be cut short; waiting for its end'
kill -CONT "$qemu_pid"
term_wait "^Domain '$domain' dumped to"
# The second was not begun.
term_wait '^error: .*cancelled before it began'
[ "$(dumps)" = 1 ] || fail "not one dump: $(ls -A "$tmp/dumps")"
no_leftovers "$tmp/dumps" "$domain"
vthunder -q dump-verify "$domain" || fail "the dump is damaged"
term_type quit; term_key Enter
term_wait '^END 0'

vthunder -q dump "$domain" --mode stop &
client=$!
hold || fail "no dump begins"
kill -KILL "$client"
wait "$client" || :
kill -CONT "$qemu_pid"
idle () { [ "$(virsh -q domjobinfo "$domain" | awk '/^Job type/ { print $3 }')" = None ]; }
wait_for 60 idle || fail "libvirt does not complete the dump"
[ "$(find "$tmp/dumps" -name ".$domain*.part" | wc -l)" = 1 ] || fail "no hidden directory: $(ls -A "$tmp/dumps")"
vthunder -q dump "$domain" || fail "the next dump fails"
no_leftovers "$tmp/dumps" "$domain"
[ "$(dumps)" = 2 ] || fail "not two dumps: $(ls -A "$tmp/dumps")"
assert_domain_dumps
