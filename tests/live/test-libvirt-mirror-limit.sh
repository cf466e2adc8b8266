#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --mirror-limit reaches the engine, with virsh's suffixes.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 384 1 "vth.dirty=64"
virsh -q dump --thunder --mirror-limit 8M "$domain" "$image"
check_image "$image" --note --nonce "$nonce"
[ "$(dump_stat mirror_limit)" = $((8 << 20)) ] || fail "the limit is $(dump_stat mirror_limit)"
[ "$(dump_stat mirror_peak)" -le $((8 << 20)) ] || fail "the mirror grew to $(dump_stat mirror_peak)"
# What is too small for the engine is refused in its words.
rm -f "$image"
refused_dump "mirror-limit" "$image" --thunder --mirror-limit 1b
[ ! -e "$image" ] || fail "a refused dump leaves a file"
assert_domain_dumps
