#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# History is kept across starts, in a private file, and is bounded.
. "$(dirname "$0")/lib.sh"

file=$XDG_CACHE_HOME/vthunder/history
run="env XDG_CACHE_HOME='$XDG_CACHE_HOME' vthunder -q -c test:///default"
term_start "$run"
term_wait '^vthunder #$'
term_type 'echo first'; term_key Enter; term_wait '^first$'
term_type 'echo second'; term_key Enter; term_wait '^second$'
term_type 'echo second'; term_key Enter
# Killed, not left: it is kept all the same.
term_stop
equal $'echo first\necho second' "$(cat "$file")"
equal 600 "$(stat -c %a "$file")"

term_start "$run"
term_wait '^vthunder #$'
term_key Up
term_wait '^vthunder # echo second$'
term_key Up
term_wait '^vthunder # echo first$'
term_key Enter
term_wait '^first$'
term_type 'history'; term_key Enter
term_wait '^echo second$'
term_type quit; term_key Enter
term_wait '^END 0'
term_stop

equal 'echo first' "$(sed -n 3p "$file")"
ok history --count 2; equal $'history\nquit' "$out"

run="env VTHUNDER_HISTSIZE=2 $run"
term_start "$run"
term_wait '^vthunder #$'
term_type 'echo third'; term_key Enter; term_wait '^third$'
term_type quit; term_key Enter
term_wait '^END 0'
term_stop
equal $'echo third\nquit' "$(cat "$file")"

ok history --clear; ok history; equal '' "$out"
