# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of the shell share.  Each is run inside ./run, which puts
# vthunder and virsh first on PATH.

set -u

# Settings, history and state of the user who runs the tests stay out of it.
tmp=$(mktemp -d) || exit 99
cleanup () { [ -z "${tmux_socket-}" ] || tmux -S "$tmux_socket" kill-server 2>/dev/null; rm -rf "$tmp"; }
trap cleanup EXIT
export HOME=$tmp XDG_CACHE_HOME=$tmp/cache XDG_CONFIG_HOME=$tmp/config XDG_DATA_HOME=$tmp/data
export XDG_STATE_HOME=$tmp/state
unset VTHUNDER_DEFAULT_CONNECT_URI VTHUNDER_HISTSIZE VTHUNDER_DEBUG VTHUNDER_LOG_FILE
export LC_ALL=C.UTF-8 TZ=UTC
srcdir=${abs_top_srcdir:-${VTHUNDER_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}}
export srcdir

skip () { echo "SKIP: $*"; exit 77; }
fail () { echo "FAIL: $*" >&2; exit 1; }
need () { for program; do command -v "$program" >/dev/null || skip "$program is not installed"; done; }

# vt ARGUMENT…: vthunder on the test driver; sets out, err and code.
test_uri=test:///default
vt ()
{
    vthunder -c "$test_uri" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    code=$?
    out=$(cat "$tmp/out") err=$(cat "$tmp/err")
}

# ok ARGUMENT…: must succeed and say nothing on standard error.
ok ()
{
    vt "$@"
    [ "$code" = 0 ] || fail "vthunder $*: exit code $code: $err"
    [ -z "$err" ] || fail "vthunder $*: on standard error: $err"
}

# refused CODE PATTERN ARGUMENT…: must fail like this, with the error told once.
refused ()
{
    local want=$1 pattern=$2
    shift 2
    vt "$@"
    [ "$code" = "$want" ] || fail "vthunder $*: exit code $code, not $want: $err"
    [ "$(grep -c '^error: ' <<<"$err")" = 1 ] || fail "vthunder $*: not one error but: $err"
    # shellcheck disable=SC2053 # a pattern on purpose
    [[ $err == *$pattern* ]] || fail "vthunder $*: '$err' does not have '$pattern'"
}

# like PATTERN TEXT: the whole TEXT fits the glob pattern.
like ()
{
    # shellcheck disable=SC2053
    [[ $2 == $1 ]] || fail "not like '$1': $2"
}
equal () { [ "$2" = "$1" ] || fail "expected '$1', got '$2'"; }

# json FILTER: what jq makes of the last output.
json () { jq -er "$1" "$tmp/out" || fail "jq '$1' on: $out"; }

# make_domains N: a configuration for the test driver, in $test_uri.
make_domains ()
{
    local n=$1 i
    {
        echo '<node>'
        for i in $(seq "$n"); do
            printf '<domain type="test"><name>domain-with-a-rather-long-name-%03d</name>' "$i"
            printf '<uuid>00000000-0000-0000-0000-%012d</uuid>' "$i"
            echo '<memory>1048576</memory><os><type>hvm</type></os></domain>'
        done
        echo '</node>'
    } >"$tmp/node.xml"
    test_uri=test://$tmp/node.xml
}

. "$srcdir/tests/shell/term.sh"
