#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same through bash itself, in a terminal; and the completion file knows no
# command and no option.
. "$(dirname "$0")/lib.sh"

file=$srcdir/bash-completion/vthunder
words=$(vthunder self-test --dump-table | awk -F'\t' '$1 != "option" { print $2 } $1 == "option" { print $3 }')
[ -n "$words" ] || fail "no table"
for word in $words; do
    case $word in
        dump | list | help | history | version | quit | exit | batch | cd | connect | uri | pwd | jobs | echo | doctor) continue ;;
    esac
    ! grep -qwF -- "$word" "$file" || fail "the completion file contains '$word'"
done

mkdir -p "$tmp/files/dir one"; touch "$tmp/files/th ree.core"
term_start 100 30 "bash --norc --noprofile -i"
term_type "PS1='\$ '; . '$file'; cd '$tmp/files'; clear"; term_key Enter
term_wait '^\$$'

# becomes LINE EXPECTED: the line after a Tab.
becomes ()
{
    local _ line=
    term_type "$1"; term_key Tab
    for _ in $(seq 600); do
        line=$(term_screen | grep '^\$ ' | tail -n 1)
        [ "$line" != "\$ $2" ] || break
        sleep 0.1
    done
    [ "$line" = "\$ $2" ] || fail "'$1' and Tab: '$line', not '\$ $2'"
    term_key C-u; term_key C-l
    sleep 0.1
}

# (tmux drops blanks at the end of a line; the x shows them)
becomes_finished () { term_type "$1"; term_key Tab; sleep 0.5; becomes x "$2 x"; }
becomes_finished 'vthunder schedule-ad' 'vthunder schedule-add'
becomes_finished 'vthunder dump --mod' 'vthunder dump --mode'
becomes_finished 'vthunder dump --format=w' 'vthunder dump --format=win-dmp'
becomes_finished 'vthunder -c test:///d' 'vthunder -c test:///default'
becomes_finished 'vthunder -c test:///default dump te' 'vthunder -c test:///default dump test'
becomes_finished 'vthunder dump-info ./th' 'vthunder dump-info ./th\ ree.core'
becomes 'vthunder dump-info ./d' 'vthunder dump-info ./dir\ one/'
becomes 'vthunder sche' 'vthunder schedule-'
