#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A paused domain is dumped and stays paused.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 384 1 ""
virsh -q suspend "$domain"
virsh -q dump --thunder "$domain" "$image"
virsh -q dump --memory-only "$domain" "$tmp/stop"
"$oracle_check" --same-memory "$tmp/stop" "$image" || fail "the images differ"
[ "$(virsh domstate "$domain" | head -n 1)" = paused ] || fail "the domain is not paused any more"
virsh -q resume "$domain"
assert_domain_dumps
