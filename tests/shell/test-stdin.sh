#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Commands from a pipe: no prompt, an end at the first error.
. "$(dirname "$0")/lib.sh"

# piped TEXT: runs it; sets out, err and code.
piped ()
{
    # shellcheck disable=SC2059 # the script is given with its escapes
    printf "$1" | vthunder -c test:///default >"$tmp/out" 2>"$tmp/err"
    code=${PIPESTATUS[1]} out=$(cat "$tmp/out") err=$(cat "$tmp/err")
}

piped 'echo 1\n# comment\n\necho 2; echo 3\n'
equal $'1\n2\n3' "$out"; equal '' "$err"; equal 0 "$code"
piped 'echo 1\nnonsense\necho 2\n'
equal 1 "$out"; equal 2 "$code"; like "error: unknown command: 'nonsense'" "$err"
piped 'echo 1\nhelp nonsense\necho 2\n'
equal 1 "$out"; equal 2 "$code"
piped 'echo no newline'
equal 'no newline' "$out"
piped 'echo "two\nlines"\n'
equal $'two\nlines' "$out"
piped 'echo one\\\n line\n'
equal 'one line' "$out"
piped 'echo "open\necho more\n'
equal 2 "$code"; like '*missing "*' "$err"
piped 'echo 1\nquit\necho 2\n'
equal 1 "$out"; equal 0 "$code"
piped ''
equal '' "$out"; equal 0 "$code"
piped 'echo a\0b\n'
equal 2 "$code"
piped 'cd /\n'
equal 2 "$code"; like '*only in interactive mode*' "$err"
head -c 300000 /dev/zero | tr '\0' x | vthunder 2>"$tmp/err"; equal 2 "$?"
printf 'echo 1\r\necho 2\r\n' | vthunder >"$tmp/out"; equal $'1\n2' "$(cat "$tmp/out")"
