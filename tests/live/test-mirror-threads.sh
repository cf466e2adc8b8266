#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# threads=N bounds the threads that copy or compress.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -c 1 -- -name debug-threads=on
copiers () { cat "/proc/$qemu_pid"/task/*/comm | grep -c '^dump-copier$'; }
enough () { [ "$(copiers)" -ge "$1" ]; }
for format in elf kdump-zlib; do
    for threads in 1 3; do
        rm -f "$image"
        qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror "format=$format" "threads=$threads" \
            mirror-limit=$((64 << 20)) bandwidth=2000000 -- @wait-mirror >/dev/null
        # They are started just behind T0.
        wait_for 60 enough "$threads" || fail "$format: $(copiers) threads, not $threads"
        sleep 0.2
        found=$(copiers) || true
        qmp dump-cancel >/dev/null
        [ "$found" = "$threads" ] || fail "$format: $found threads, not $threads"
        wait_for 60 no_dump || fail "the dump does not end"
    done
done
assert_dumps
