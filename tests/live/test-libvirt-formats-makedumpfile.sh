#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# makedumpfile reads raw kdump images, and finds in them what it finds in ELF.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
need makedumpfile
create_domain "$(unique_domain)" 384 1 ""
have_dump_format kdump-raw-zlib || skip "this QEMU has no kdump-raw-zlib"
for how in --memory-only --thunder; do
    rm -f "$image" "$tmp/dmesg"
    virsh -q dump "$how" --format kdump-raw-zlib "$domain" "$image"
    makedumpfile --dump-dmesg "$image" "$tmp/dmesg" >"$tmp/makedumpfile.log" 2>&1 ||
        fail "$how: $(tail -n 1 "$tmp/makedumpfile.log")"
    grep -q "Linux version" "$tmp/dmesg" || fail "$how: no kernel messages"
done
