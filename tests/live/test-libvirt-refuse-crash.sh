#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# CRASH and RESET are refused with THUNDER; nothing happens to the guest.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 384 1 ""
for option in --crash --reset; do
    if virsh -q dump --thunder "$option" "$domain" "$image" 2>"$tmp/message"; then fail "$option was accepted"; fi
    cat "$tmp/message"
    [ ! -e "$image" ] || fail "$option leaves a file"
done
no_leftovers "$tmp" image
assert_domain_dumps
