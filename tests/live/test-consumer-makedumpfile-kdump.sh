#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# makedumpfile rearranges flattened kdump files, and reads the kernel log of plain ones.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need makedumpfile
boot_guest -c 2
for method in zlib lzo snappy zstd; do
    if ! grep -q "^$method.*disabled" <(makedumpfile -v 2>&1); then
        for format in "kdump-$method" "kdump-raw-$method"; do
            rm -f "$image" "$tmp/plain" "$tmp/dmesg"
            qmp_mirror "$image" "format=$format"
            case $format in
                *raw*) mv "$image" "$tmp/plain" ;;
                *) makedumpfile -R "$tmp/plain" <"$image" >"$tmp/makedumpfile.log" 2>&1 || fail "$format: -R" ;;
            esac
            check_image "$tmp/plain" --note
            makedumpfile --dump-dmesg "$tmp/plain" "$tmp/dmesg" >"$tmp/makedumpfile.log" 2>&1 ||
                fail "$format: --dump-dmesg"
            grep -q 'Run /init as init process' "$tmp/dmesg" || fail "$format: not the whole kernel log"
        done
    else
        say "this makedumpfile knows no $method"
    fi
done
