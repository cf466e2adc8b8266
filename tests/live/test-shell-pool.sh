#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Dumps in a storage pool, with its volumes listed, read, written and deleted through libvirt.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/pool.sh
. "$live/pool.sh"
shell_domain
make_pool
check_pool "$LIBVIRT_DEFAULT_URI"

# What is no dump, or not ours, is not listed and not removed.
echo text >"$tmp/pool/notes.txt"
virsh -q dump --thunder "$domain" "$tmp/pool/by-hand.core"
vthunder -q path-set "$domain" --pool "$pool"
[ "$(vthunder dump-list "$domain" --json | jq length)" = 0 ] || fail "listed: $(vthunder dump-list "$domain")"
vthunder -q dump-prune "$domain"
for file in notes.txt by-hand.core; do
    [ -e "$tmp/pool/$file" ] || fail "removed what is not ours: $file"
done
# A pool that is gone is named.
virsh -q pool-destroy "$pool"
if vthunder dump "$domain" 2>"$tmp/said"; then fail "a dump into a pool that is gone succeeds"; fi
grep -q "^error: .*storage pool '$pool'" "$tmp/said" || fail "$(cat "$tmp/said")"
assert_domain_dumps
