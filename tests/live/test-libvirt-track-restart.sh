#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The next daemon knows what the next dump can build on.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
need qemu-img
daemon=$(cat "${VTHUNDER_DAEMON_PIDFILE:-/nowhere}" 2>/dev/null) || skip "the daemon is not ours"
create_domain "$(unique_domain)" 384 1 ""
need_dump_argument track base
# Its name is not text, and goes into what the next daemon reads.
one=$tmp/$'one & <caf\xe9>\n%41'
virsh -q dump --thunder --track "$domain" "$one"
mv "$one" "$tmp/one"
first=$(dump_stat generation)
kill -KILL "$daemon"
back () { "$builddir/run" virsh -q domstate "$domain" >/dev/null 2>&1; }
wait_for 60 back || fail "the daemon does not come back"
virsh -q dump --thunder --base "$tmp/one" "$domain" "$image"
[ -z "$(dump_stat full_reason)" ] || fail "a full dump: $(dump_stat full_reason)"
[ "$(dump_stat base_generation)" = "$first" ] || fail "the base is '$(dump_stat base_generation)'"
check_image "$(whole_image "$image")" --note --nonce "$nonce"
assert_domain_dumps
