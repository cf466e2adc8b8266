#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The prompt in a real terminal: completion, errors, Ctrl-C, Ctrl-D, exit code.
. "$(dirname "$0")/lib.sh"

mkdir -p "$tmp/dir one"; cd "$tmp" || exit 99
term_start "cd '$tmp'; vthunder -c test:///default"
term_wait "^Type:  'help' for help with commands"
# prompt: what is typed before it is back is echoed before it, not behind.
prompt () { term_wait '^vthunder #$'; }
prompt

# An error is not the end.
term_type nonsense; term_key Enter
term_wait "^error: unknown command: 'nonsense'"
prompt
term_type uri; term_key Enter
term_wait '^test:///default'
prompt

# Completion of commands, options, domains, files; quoted and not.
term_type sch; term_key Tab; sleep 0.3; term_type 'l'; term_key Tab; sleep 0.3; term_type x
term_wait '^vthunder # schedule-list x'
term_key C-u; term_type 'list --ina'; term_key Tab; sleep 0.3; term_type x
term_wait '^vthunder # list --inactive x'
term_key C-u; term_type 'dump te'; term_key Tab; sleep 0.3; term_type x
term_wait '^vthunder # dump test x'
term_key C-u; term_type 'dump --format=w'; term_key Tab; sleep 0.3; term_type x
term_wait '^vthunder # dump --format=win-dmp x'
term_key C-u; term_type 'cd d'; term_key Tab; sleep 0.3; term_type x
term_wait '^vthunder # cd dir\\ one/x'
term_key C-u; term_type 'cd "d'; term_key Tab; sleep 0.3; term_type x
term_wait '^vthunder # cd "dir one/x'
term_key C-u; term_type 'path-set test --pool def'; term_key Tab; sleep 0.3; term_type x
term_wait '^vthunder # path-set test --pool default-pool x'
term_key C-u; term_type 'schedule-add test "nightly" @da'; term_key Tab; term_key Enter
term_wait "^Schedule 'nightly' added"
prompt
term_type 'schedule-edit test ni'; term_key Tab; sleep 0.3; term_type x
term_wait '^vthunder # schedule-edit test nightly x'
term_key C-u; term_type 'help schedule-'; term_key Tab; term_key Tab
term_wait '^schedule-add +schedule-'

# Ctrl-C forgets the line and nothing else.
term_key C-c
term_wait '\^C$'
prompt
term_type 'echo still here'; term_key Enter
term_wait '^still here'
prompt
# Several commands, comments, help.
term_type 'echo one; echo two # echo three'; term_key Enter
term_wait '^two$'
prompt
term_type 'cd "dir one"; pwd'; term_key Enter
term_wait '/dir one$'
prompt

# The prompt says that the connection is read-only.
term_type 'connect --readonly'; term_key Enter
term_wait '^vthunder >$'
# Not the prompt that is there already: a Ctrl-D while the command runs would be lost.
term_type 'no-sense'; term_key Enter
term_wait "^error: unknown command: 'no-sense'"
term_wait '^vthunder >$'
term_key C-d
term_wait '^END 2'
term_stop

term_start "vthunder -q -c test:///default"
term_wait '^vthunder #$'
term_type quit; term_key Enter
term_wait '^END 0'
term_stop

# A TAB before anything else, and one while there is no connection yet, leave none that cannot write.
term_start "vthunder -c test:///default"
prompt
term_type 'schedule-add te'; term_key Tab; sleep 0.3; term_type 'first @daily'; term_key Enter
term_wait "^Schedule 'first' added|^error"
term_screen | grep -q "^Schedule 'first' added" || fail "$(term_screen)"
term_stop
make_domains 1
mv "$tmp/node.xml" "$tmp/later.xml"
term_start "vthunder -c '$test_uri'"
term_wait '^error: failed to connect to test:'
prompt
term_type 'schedule-add doma'; term_key Tab; sleep 0.3; term_type x
term_wait '^vthunder # schedule-add domax'
term_key C-u
mv "$tmp/later.xml" "$tmp/node.xml"
term_type 'schedule-add doma'; term_key Tab; sleep 0.3; term_type 'later @daily'; term_key Enter
term_wait "^Schedule 'later' added|^error: [^f]"
term_screen | grep -q "^Schedule 'later' added" || fail "$(term_screen)"
