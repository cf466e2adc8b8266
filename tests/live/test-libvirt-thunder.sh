#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# virsh dump --thunder: consistent, mode 0600, and no event says that the guest stopped.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 384 2 ""
virsh -q event "$domain" lifecycle --loop --timeout 120 >"$tmp/events" 2>&1 &
events=$!
pids+=("$events")
sleep 1
virsh dump --thunder "$domain" "$image" | tee "$tmp/out"
[ "$(stat -c %a "$image")" = 600 ] || fail "mode $(stat -c %a "$image")"
check_image "$image" --note --nonce "$nonce"
sleep 0.5
kill "$events"
wait "$events" 2>/dev/null || true
if grep -i "suspend\|resum" "$tmp/events"; then fail "the domain changed its state"; fi
no_leftovers "$tmp" image
assert_domain_dumps
