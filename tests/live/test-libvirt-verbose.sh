#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# virsh dump --thunder --verbose shows progress.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 384 1 ""
virsh dump --thunder --verbose "$domain" "$image" >"$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
tr "\r" "\n" <"$tmp/out"
grep -q "100[.0]* *%" "$tmp/out" || fail "no progress"
check_image "$image" --note
