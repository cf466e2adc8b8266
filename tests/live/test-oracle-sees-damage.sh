#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A single damaged byte in a page that never changes is seen.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
boot_guest -m 256
qmp_stop "$image"
check_image "$image"
# Pages of the guest that never change begin with this word.
offset=$({ LC_ALL=C grep -obUa 'LLIFROTV' "$image" || true; } | sed -n '100{s/:.*//p;q}')
[ -n "$offset" ] || fail "no such page"
printf 'X' | dd of="$image" bs=1 seek=$((offset + 2000)) conv=notrunc status=none
if "$oracle_check" "$image"; then fail "a damaged page passes"; fi
