#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# virsh dump --memory-only works as ever: consistent, no vthunder note.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 384 1 ""
virsh -q dump --memory-only "$domain" "$image"
check_image "$image"
if head_has VTHUNDER "$image"; then fail "it has the vthunder note"; fi
assert_domain_dumps
