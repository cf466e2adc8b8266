#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The options of the program, with virsh's letters.
. "$(dirname "$0")/lib.sh"

v () { vthunder "$@" >"$tmp/out" 2>"$tmp/err" </dev/null; code=$?; out=$(cat "$tmp/out") err=$(cat "$tmp/err"); }

version=$(vthunder -v)
like '[0-9]*.[0-9]*.[0-9]*' "$version"
v --version; equal "$version" "$out"
v --version=short; equal "$version" "$out"
v -V; like "vthunder $version*libvirt *" "$out"; long=$out
v --version=long; equal "$long" "$out"
v --version=middling; equal 2 "$code"; like 'error: *middling*' "$err"

v --help; equal 0 "$code"; like '*--connect=URI*dump the memory*' "$out"; help=$out
v -h; equal "$help" "$out"

v -c test:///default uri; equal test:///default "$out"
v -ctest:///default uri; equal test:///default "$out"
v --connect test:///default uri; equal test:///default "$out"
v --connect=test:///default uri; equal test:///default "$out"
VTHUNDER_DEFAULT_CONNECT_URI=test:///default v uri; equal test:///default "$out"
LIBVIRT_DEFAULT_URI=test:///default v uri; equal test:///default "$out"
v -c nonsense:///x uri; equal 1 "$code"; equal 1 "$(grep -c error: <<<"$err")"

v -c; equal 2 "$code"; like 'error: *' "$err"
v -x; equal 2 "$code"; like 'error: unknown option -x*' "$err"
v --nonsense; equal 2 "$code"
v -d 5 pwd; equal 2 "$code"; like '*from 0 to 4*' "$err"
v -d x pwd; equal 2 "$code"
v -k -1 pwd; equal 2 "$code"
# Who set the environment long ago is told that it is that, and an empty one is none.
VTHUNDER_DEBUG=x v pwd; equal 2 "$code"; like "error: VTHUNDER_DEBUG takes a number from 0 to 4, not 'x'" "$err"
VTHUNDER_DEBUG='' v pwd; equal 0 "$code"

# Options end at the command and at "--".
v -c test:///default -- echo -q; equal -q "$out"
v echo -q -c; equal '-q -c' "$out"

v -d 0 -c test:///default uri; like '*debug: connecting to test:///default*' "$err"
v -q -d 4 -c test:///default uri; equal '' "$err"
(umask 022; v -l "$tmp/log" -c nonsense:///x uri); like '* ERROR *' "$(cat "$tmp/log")"
equal 600 "$(stat -c %a "$tmp/log")"
v -l "$tmp/no/such/log" pwd; equal 1 "$code"; like 'error: cannot open the log file*' "$err"
v -t echo x; like $'x\n\n(Time: * ms)*' "$out"

# A full disk behind standard output is an error.
if [ -e /dev/full ]; then
    vthunder help >/dev/full 2>"$tmp/err"; equal 1 $?
fi
