#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Ctrl-C in the shell during a dump: the dump ends, the shell and the guest do
# not, and no file is left.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/shell/term.sh
. "$srcdir/tests/shell/term.sh"
need tmux
need_libvirt
own_state
export XDG_CACHE_HOME=$tmp/cache
export LC_ALL=C.UTF-8
create_domain "$(unique_domain)" 512 1 "vth.fill=300"
mkdir -m 700 "$tmp/dumps"
vthunder -q path-set "$domain" "$tmp/dumps"

term_start 150 30 vthunder
at_exit term_stop
term_wait '^vthunder #$'
cancelled=
for _ in 1 2 3 4 5; do
    # Several, so that one is surely under way.
    term_type "dump $domain $domain $domain $domain $domain $domain"; term_key Enter
    term_wait '%  .* of '
    term_key C-c
    if wait_for 20 sh -c "tmux -S '$tmux_socket' capture-pane -p | grep -q '^error: .*cancelled'"; then
        cancelled=yes
        break
    fi
done
[ -n "$cancelled" ] || fail "never cancelled: $(term_screen)"
term_type 'echo still here'; term_key Enter
term_wait '^still here$'
no_leftovers "$tmp/dumps" "$domain"
# Each file that is there is whole.
for file in "$tmp"/dumps/*.core; do
    [ ! -e "$file" ] || vthunder -q dump-verify "$file" || fail "$file is damaged"
done
term_type quit; term_key Enter
term_wait '^END 0'

# The same by a signal, as systemd sends it.
begun () { [ -n "$(find "$tmp/dumps" -name ".$domain*.part")" ]; }
vthunder -q dump "$domain" "$domain" "$domain" "$domain" "$domain" "$domain" 2>"$tmp/error" &
wait_for 60 begun || fail "no dump begins: $(cat "$tmp/error")"
kill -TERM $!
if wait $!; then fail "a terminated dump succeeds"; fi
grep -q '^error: .*cancelled' "$tmp/error" || fail "$(cat "$tmp/error")"
no_leftovers "$tmp/dumps" "$domain"

# Under nohup the end of a session is none of its business.
(trap '' HUP; exec vthunder -q dump "$domain" "$domain" "$domain") 2>"$tmp/error" &
wait_for 60 begun || fail "no dump begins: $(cat "$tmp/error")"
kill -HUP $!
wait $! || fail "a hang-up that is to be ignored ends it: $(cat "$tmp/error")"
no_leftovers "$tmp/dumps" "$domain"
assert_domain_dumps
