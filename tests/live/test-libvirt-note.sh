#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --note is kept in the image; what is no JSON object is refused.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 384 1 ""
virsh -q dump --thunder --note '{"who": "me & you"}' "$domain" "$image"
check_image "$image" --note --nonce "$nonce"
head_has '"caller": {"who": "me & you"}' "$image" || fail "the note is not in the image"
rm -f "$image"
refused_dump "note\|JSON" "$image" --thunder --note 'not JSON'
[ ! -e "$image" ] || fail "a refused dump leaves a file"
assert_domain_dumps
