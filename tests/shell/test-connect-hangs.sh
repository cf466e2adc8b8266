#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A connection that is accepted and never answered is no trap at the prompt: Ctrl-C, TAB, SIGTERM, SIGHUP.
. "$(dirname "$0")/lib.sh"
need python3

python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(64); time.sleep(600)' "$tmp/silent" &
silent=$!
trap 'kill $silent; cleanup' EXIT
uri="qemu+unix:///session?socket=$tmp/silent"
for _ in $(seq 100); do [ -S "$tmp/silent" ] && break; sleep 0.1; done

# start: a session, which connects before its prompt until it is told not to.
start ()
{
    term_start 160 24 "sh -c 'echo \$\$ >\"$tmp/pid\"; exec vthunder -q -c \"$uri\"'"
    for _ in $(seq 100); do [ -s "$tmp/pid" ] && break; sleep 0.1; done
    pid=$(cat "$tmp/pid"); rm "$tmp/pid"
    sleep 1
}
ends ()
{
    for _ in $(seq 50); do
        ! kill -0 "$pid" 2>/dev/null || { sleep 0.1; continue; }
        term_wait '^END'
        return 0
    done
    fail "$1 did not end it: $(term_screen)"
}

start
term_key C-c
term_wait 'error: connecting to .* was cancelled'
term_wait '^vthunder #$'
# A command that needs it; and one that does not works.
term_type 'list'; term_key Enter; sleep 1; term_key C-c
term_wait '^vthunder #$'
[ "$(term_screen | grep -c 'error: connecting to')" = 2 ] || fail "$(term_screen)"
term_type 'pwd'; term_key Enter
term_wait "^/"
# Completion gives up by itself, and offers nothing.
term_type 'dump n'; term_key Tab; term_type x
term_wait '^vthunder # dump nx'
term_key C-u; term_type 'echo on'; term_key Enter
term_wait '^on$'
term_type quit; term_key Enter
ends quit
term_stop

for signal in TERM HUP; do
    start
    kill -$signal "$pid"
    ends "SIG$signal before the prompt"
    term_stop
    start
    term_key C-c
    term_wait '^vthunder #$'
    term_type 'list'; term_key Enter; sleep 1
    kill -$signal "$pid"
    ends "SIG$signal"
    term_stop
done
exit 0
