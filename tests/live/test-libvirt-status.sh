#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A libvirt without the patches can read the state of a domain that was started, dumped and tracked with them; the next
# one with them goes on dumping, and reads what its first versions wrote.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
daemon=$(cat "${VTHUNDER_DAEMON_PIDFILE:-/nowhere}" 2>/dev/null) || skip "the daemon is not ours"
create_domain "$(unique_domain)" 256 1 ""
need_dump_argument track base
status=$(domain_state_file "$domain" xml) || fail "no state of the domain"

# An unknown flag loses the domain; unknown elements are ignored.  Ours are in the patches.
sed -n 's|^+ *"\([^"]*\)", /\* QEMU_CAPS_.*|\1|p' "$srcdir"/libvirt-patches/11.3/*.patch | sort -u >"$tmp/ours"
[ "$(wc -l <"$tmp/ours")" -ge 5 ] || fail "no flags in the patches: $(cat "$tmp/ours")"
check_flags ()
{
    sed -n "s|.*<flag name='\([^']*\)'/>.*|\1|p" "$status" | sort >"$tmp/flags"
    [ "$(wc -l <"$tmp/flags")" -gt 50 ] || fail "$1: no flags in $status"
    [ -z "$(comm -12 "$tmp/ours" "$tmp/flags")" ] || fail "$1: flags of ours: $(comm -12 "$tmp/ours" "$tmp/flags" | tr '\n' ' ')"
}
restart ()
{
    kill -KILL "$daemon"
    # Nobody reads or writes it meanwhile.
    "$@"
    back () { "$builddir/run" virsh -q domstate "$domain" >/dev/null 2>&1; }
    wait_for 60 back || fail "the domain is lost"
    daemon=$(cat "$VTHUNDER_DAEMON_PIDFILE")
}
check_flags "started"
virsh -q dump --thunder --track "$domain" "$tmp/one"
check_flags "tracked"

# The daemon asks QEMU again for what is not in the state.
restart true
virsh -q dump --thunder --track --base "$tmp/one" "$domain" "$tmp/two"
[ -z "$(dump_stat full_reason)" ] || fail "a full dump: $(dump_stat full_reason)"
check_flags "after a restart"

# So did the first versions write it.
old_state () { sed "s|^\( *\)</qemuCaps>|\1  <flag name='dump-guest-memory.mirror'/>\n&|" "$status" >"$tmp/state" && cat "$tmp/state" >"$status"; }
restart old_state
virsh -q dump --thunder "$domain" "$image"
check_image "$image" --note --nonce "$nonce"
check_flags "after an update"
assert_domain_dumps
