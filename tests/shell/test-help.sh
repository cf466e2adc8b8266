#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# help: everything, one group, one command; and --help of every command.
. "$(dirname "$0")/lib.sh"

ok help
like '*schedule-add *' "$out"
[[ $out != *self-test* ]] || fail "help shows an internal command"
ok help schedule
like "*help keyword 'schedule'*schedule-add*" "$out"
ok help uri
like '*NAME*uri - print*SYNOPSIS*uri' "$out"
ok help dump # both a command and a group
like "*SYNOPSIS*help keyword 'dump'*" "$out"
ok help exit
like '*quit - quit*' "$out"
refused 2 "command or command group 'nonsense' doesn't exist" help nonsense

vthunder self-test --dump-table | awk -F'\t' '$1 == "command" { print $2 }' >"$tmp/commands"
[ -s "$tmp/commands" ] || fail "no table"
while read -r command; do
    # Not even a connection is needed, nor the arguments that are required.
    test_uri=nonsense:///x ok "$command" --help
    like "*NAME*$command - *SYNOPSIS*$command*" "$out"
    while read -r line; do
        [ ${#line} -le 100 ] || fail "help $command: a line is too long: $line"
    done <<<"$out"
done <"$tmp/commands"
