#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# QEMU may have few threads more than it has: the dump fails and says so, or works with fewer; the guest goes on.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need_root
need setpriv prlimit
[ -e /dev/userfaultfd ] || skip "no /dev/userfaultfd"
# Threads are counted by user, and root's are not.
user=$((200000 + $$ % 50000))
as_user="setpriv --reuid $user --regid $user --clear-groups"
# shellcheck disable=SC2086  # words
{
    $as_user test -x "$(command -v "$qemu")" || skip "others cannot run $qemu"
    $as_user test -r "$vm/payload" || skip "others cannot read $vm"
}
chmod 777 "$tmp"
qemu_wrapper=$as_user payload_mem=64 payload_append='fill=24 pages=512 kick=0' \
    boot_payload tcg,thread=multi
dump ()
{
    qmp @getfd uffd /dev/userfaultfd -- dump-guest-memory paging=false "protocol=file:$image" mode=mirror uffd=uffd "$@" -- \
        @wait-dump 60
}
# shellcheck disable=SC2086  # words
limit_threads () { $as_user prlimit --pid "$qemu_pid" --nproc="$1:"; }
few=0
for arguments in strategy=protect "strategy=protect threads=8" format=kdump-zlib strategy=hybrid; do
    refused=0
    for more in 0 1 2 3 4 5 6 8 12 20; do
        rm -f "$image"
        limit_threads $(($(held_by_qemu task) + more))
        # shellcheck disable=SC2086  # words
        if dump $arguments >"$tmp/got" 2>&1; then
            check_image "$image" --note --nonce "$nonce"
            [ "$more" -gt 7 ] || few=$((few + 1))
        else
            say "$arguments, $more threads: $(tail -n 1 "$tmp/got")"
            alive "$qemu_pid" || fail "QEMU died: $(tail -n 1 "$tmp/qemu.log")"
            grep -q 'cannot start .*thread' "$tmp/got" || fail "not for lack of threads"
            [ ! -e "$image" ] || fail "a failed dump leaves a file"
            refused=$((refused + 1))
        fi
        wait_for 10 no_dump || fail "the dump does not end"
        assert_progress
    done
    [ "$refused" -gt 1 ] || fail "threads were not scarce"
    [ "$refused" -lt 7 ] || fail "20 threads were not enough, or fewer than all are no use"
    limit_threads "$(sed -n 's/^Max processes *[^ ]* *\([^ ]*\) .*/\1/p' "/proc/$qemu_pid/limits")"
done
[ "$few" -gt 0 ] || fail "no dump worked with fewer threads"
