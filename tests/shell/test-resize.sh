#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The size of the window changes, at the prompt and between commands.
. "$(dirname "$0")/lib.sh"

make_domains 5
term_start 120 30 "vthunder -q -c $test_uri"
term_wait '^vthunder #$'
term_type 'list --all'; term_key Enter
term_wait 'rather-long-name-005'
term_wait '^vthunder #$'
term_resize 60 30
sleep 0.3 # for the signal to come
term_type 'list --all'; term_key Enter
# Only the narrow table has these: the prompt that follows is not the old one.
term_wait '^ *5 .*…'
term_wait '^vthunder #$'
term_screen >"$tmp/screen"
while read -r line; do
    [ ${#line} -le 60 ] || fail "wider than the window: $line"
done <"$tmp/screen"
equal 5 "$(grep -c '^ *[0-9].*…' "$tmp/screen")"
# A long line wraps where the window now ends, and is edited there.
term_key C-l
term_type "echo $(printf 'x%.0s' $(seq 100))"
term_key C-a
term_resize 50 30
sleep 0.3
term_type 'zz'
term_wait '^vthunder # zzecho x+$'
term_key C-c
term_type quit; term_key Enter
term_wait '^END 0'
