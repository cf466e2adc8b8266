# SPDX-License-Identifier: GPL-2.0-or-later
# A real terminal for tests, by tmux.  Sourced by tests/shell/lib.sh and by live
# tests; needs tmp, need, skip and fail of either.

# term_start [WIDTH [HEIGHT]] COMMAND: runs it in a terminal.
term_start ()
{
    local _ width=80 height=24
    need tmux
    while [[ $1 =~ ^[0-9]+$ ]]; do
        width=$1 height=${2:-24}
        shift
        ! [[ $1 =~ ^[0-9]+$ ]] || { height=$1; shift; }
    done
    # A server that starts while another ends may not make it.
    for _ in 1 2 3; do
        tmux_socket=$tmp/tmux$RANDOM
        if tmux -S "$tmux_socket" -f /dev/null -u new-session -d -x "$width" -y "$height" \
            -e PATH="$PATH" -e LC_ALL="$LC_ALL" -e HISTFILE= "$*; echo END \$?; sleep 600"; then
            return 0
        fi
        sleep 0.5
    done
    skip "tmux does not start"
}
term () { tmux -S "$tmux_socket" "$@"; }
term_screen () { term capture-pane -p; }
term_type () { term send-keys -l -- "$1"; }
term_key () { term send-keys "$@"; }
term_resize () { term resize-window -x "$1" -y "$2"; }
term_stop () { term kill-server 2>/dev/null; tmux_socket=; }

# term_wait PATTERN: until the screen has a line that fits the regular expression.
term_wait ()
{
    local _
    for _ in $(seq 600); do
        if term_screen | grep -Eq -- "$1"; then
            return 0
        fi
        sleep 0.1
    done
    term_screen >&2
    fail "never seen on the terminal: $1"
}
