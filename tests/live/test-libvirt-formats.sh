#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Raw kdump formats are written as such without and with --thunder.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 384 1 ""
is_kdump () { [ "$(head -c 5 "$1")" = KDUMP ]; }
tried=
for format in kdump-raw-zlib kdump-raw-lzo kdump-raw-snappy kdump-raw-zstd kdump-zstd; do
    if ! have_dump_format "$format"; then
        say "this QEMU was built without $format"
        refused_dump "unsupported dumpformat" "$image" --thunder --format "$format"
        continue
    fi
    tried=yes
    for how in --memory-only --thunder; do
        rm -f "$image"
        virsh -q dump "$how" --format "$format" "$domain" "$image" || fail "$how --format $format"
        if [ "$format" = "${format/raw/}" ]; then
            [ "$(head -c 12 "$image")" = makedumpfile ] || fail "$how --format $format: not flattened"
        else
            is_kdump "$image" || fail "$how --format $format: no kdump header"
        fi
        [ "$(stat -c %a "$image")" = 600 ] || fail "others may read it"
        assert_progress
    done
done
[ -n "$tried" ] || skip "this QEMU has no raw kdump format"
# The raw formats write out of order, which bypassing the cache is not made for.
rm -f "$image"
refused_dump "bypass" "$image" --memory-only --bypass-cache --format kdump-raw-zlib
[ ! -e "$image" ] || fail "a refused dump leaves a file"
assert_domain_dumps
