#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# QEMU may have little memory more than it has: the dump fails and says what it could not get, or works; the guest goes on.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need prlimit
payload_mem=2048 payload_append='fill=24 pages=512 kick=0' boot_payload tcg,thread=multi
size () { echo $(($(sed -n 's/^VmSize:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$qemu_pid/status") << 10)); }
refused=0
for spare in 1 3 6 10 14 18 24 30 40 50 60 80 120 300; do
    rm -f "$image"
    prlimit --pid "$qemu_pid" --as=$(($(size) + (spare << 20))):
    if qmp_mirror "$image" mirror-limit=8388608 2>"$tmp/message"; then
        check_image "$image" --note --nonce "$nonce"
    else
        message=$(tail -n 1 "$tmp/message") refused=$((refused + 1))
        say "$spare MiB: $message"
        alive "$qemu_pid" || fail "QEMU died: $(tail -n 1 "$tmp/qemu.log")"
        grep -q 'cannot allocate [0-9]* bytes for\|cannot reserve [0-9]* bytes\|cannot start thread\|cannot start a thread' \
            <<<"$message" || fail "not for lack of memory or threads"
        wait_for 10 no_dump || fail "the dump does not end"
        [ ! -e "$image" ] || fail "a failed dump leaves a file"
    fi
    prlimit --pid "$qemu_pid" --as=unlimited:
    assert_progress
done
[ "$refused" -gt 2 ] || fail "memory was not scarce"
[ "$refused" -lt 14 ] || fail "300 MiB were not enough"
rm -f "$image"
assert_dumps
