#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# LIVE and BYPASS_CACHE are accepted with THUNDER, and change nothing.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 384 1 ""
virsh -q dump --thunder --live --bypass-cache --memory-only "$domain" "$image"
check_image "$image" --note
assert_domain_dumps
