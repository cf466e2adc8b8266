#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A directory that is not there: the reason is told, the guest runs on.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 384 1 ""
if virsh -q dump --thunder "$domain" "$tmp/no/such/image" 2>"$tmp/message"; then fail "it was written"; fi
cat "$tmp/message"
grep -q "No such file" "$tmp/message" || fail "the message does not tell"
assert_domain_dumps
