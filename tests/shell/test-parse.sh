#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The grammar of commands: separators, quotes, escapes, comments, options.
. "$(dirname "$0")/lib.sh"

# echoes EXPECTED LINE: what `echo` gets to see.
echoes () { ok "$2"; equal "$1" "$out"; }

echoes 'a b' 'echo a   b'
echoes 'a  b' 'echo "a  b"'
echoes 'a  b' "echo 'a  b'"
echoes 'a  b' 'echo a\ \ b'
echoes 'ab' "echo 'a'b"
echoes 'a"b' 'echo "a\"b"'
echoes 'a\b' "echo 'a\\b'"
echoes "it's" "echo \"it's\""
echoes 'a;b' 'echo "a;b"'
echoes 'ab' $'echo a\\\nb'
echoes $'1\n2\n3' $'echo 1; echo 2\necho 3'
echoes $'1\n2' ';; echo 1 ; ; echo 2;'
echoes '1' 'echo 1 # echo 2; echo 3'
echoes 'a#b' 'echo a#b'
echoes $'1\n2' $'# nothing\necho 1 # one\necho 2'
echoes '--x' 'echo -- --x'
echoes '-x' 'echo -x'
echoes 'a' 'echo --string a'
echoes 'a=b' 'echo --string=a=b'
echoes ' ' 'echo "" ""'
echoes '' ''
echoes '' '   '
echoes 'Ä Ö' 'echo Ä Ö'

# Words of the command line are not split again when there are several.
ok echo 'a  b' 'c;d' "it's" '#e'
equal "a  b c;d it's #e" "$out"

refused 2 "missing \"" 'echo "a'
refused 2 "missing '" "echo 'a"
# shellcheck disable=SC1003 # a backslash at the end is the case
refused 2 'dangling' 'echo a\'
refused 2 "unknown command: 'nonsense'" nonsense
equal "error: unknown command: 'nonsense'" "$err"
# Nothing internal is offered, and nothing that is hardly like it.
refused 2 unknown self-tes
[[ $err != *mean* ]] || fail "$err"
refused 2 unknown x
[[ $err != *mean* ]] || fail "$err"
refused 2 "unknown command: 'lis'; did you mean 'list'?" lis
refused 2 "did you mean 'schedule-remove'?" schedul-remoev
refused 2 "did you mean --allow-pause?" dump a --alow-pause
refused 2 "doesn't support option --nonsense" list --nonsense
refused 2 "doesn't support option --js" list --js
refused 2 "unexpected data 'x'" list x
refused 2 "invalid '=' after option --all" list --all=yes
refused 2 'option --file already seen' dump a --file b --file c
refused 2 'expected syntax: --file <path>' dump a --file
refused 2 'requires <domain>' schedule-add
refused 2 'requires <cron>' schedule-add a b
refused 2 'option --domain is empty' dump ''
refused 2 'not a number' dump a --timeout x
refused 2 'not a number' dump a --timeout 0
refused 2 'not a number' dump a --timeout 99999999999999999999

# A line with a mistake in it is not run at all.
refused 2 nonsense 'echo ran; nonsense'
equal '' "$out"
# A command that fails stops the line.
refused 2 "doesn't exist" 'echo ran; help nonsense; echo not'
equal ran "$out"
