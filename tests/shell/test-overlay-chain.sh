#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An overlay over more others than any dump has below it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/overlays.sh"

n=110
d=$tmp/dumps
mkdir "$d"
cd "$d" || exit 99
make_elf 0 g0
pages=()
# Each made over the full one, which has what none of them has, and only then put over the one before: that is quicker.
for ((i = 1; i <= n; i++)); do
    make_overlay "$d/$i" 0 raw "g$i" "g$((i - 1))" "$i=$i"
    [ "$i" = 1 ] || qemu-img rebase -u -F qcow2 -b "$((i - 1))" "$i"
    pages+=("$i=$i")
done
make_elf expected "g$n" "g$((n - 1))" "${pages[@]}"
ok dump-export "$d/$n" "$tmp/out.core"
cmp "$tmp/out.core" expected || fail "the export is not what was written"
# One of the many that was not written over what is there.
qemu-img rebase -u -F qcow2 -b 49 51
refused 1 "/51' was not written over this '49'" dump-export --force "$d/$n" "$tmp/out.core"
# A chain that has no end.
qemu-img rebase -u -F qcow2 -b 3 2
refused 1 "have no end" dump-export --force "$d/$n" "$tmp/out.core"
