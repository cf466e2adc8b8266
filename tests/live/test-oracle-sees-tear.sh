#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The oracle does not pass on memory read while the guest writes: QMP pmemsave.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
payload_append='fill=160 pages=4096 kick=0' boot_payload tcg,thread=multi
for _ in 1 2 3 4 5; do
    qmp pmemsave val=0 size=$((256 << 20)) "filename=$image" >/dev/null
    if ! "$oracle_check" --raw "$image" >"$tmp/oracle.out" 2>&1; then
        grep -q '^INCONSISTENT' "$tmp/oracle.out" || fail "the image could not be judged"
        tail -n 1 "$tmp/oracle.out"
        exit 0
    fi
done
fail "five torn images passed"
