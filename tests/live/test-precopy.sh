#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Without userfaultfd memory is copied while the guest runs, and once more at T0 what was written since.

# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -m 256 -c 2 -a "vth.fill=100 vth.pages=512 vth.rate=20000"

for _ in 1 2 3; do mirror_by_strategy precopy; done

# What is no userfaultfd makes "auto" choose it and "protect" fail.
rm -f "$image"
qmp @getfd none /dev/null -- dump-guest-memory paging=false "protocol=file:$image" mode=mirror uffd=none \
    -- @wait-dump >"$tmp/dump.json"
[ "$(text_field strategy "$tmp/dump.json")" = precopy ] || fail "another strategy"
check_image "$image" --note --nonce "$nonce"
rm -f "$image"
qmp @getfd none /dev/null -- @fails dump-guest-memory paging=false "protocol=file:$image" mode=mirror uffd=none \
    strategy=protect >"$tmp/refused"
grep -q userfaultfd "$tmp/refused" || fail "refused without a reason: $(cat "$tmp/refused")"
assert_progress
