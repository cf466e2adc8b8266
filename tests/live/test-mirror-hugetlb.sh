#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Consistent in mirror mode, or refused with the reason: memory of hugetlb pages.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need_root
before=$(cat /proc/sys/vm/nr_hugepages)
at_exit eval "echo $before >/proc/sys/vm/nr_hugepages"
echo $((before + 200)) >/proc/sys/vm/nr_hugepages || skip "cannot reserve huge pages"
free=$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)
[ "$free" -ge 192 ] || skip "the host gives $free huge pages of 192"
boot_guest -c 2 -- -object memory-backend-memfd,id=m,size=384M,hugetlb=on,hugetlbsize=2M,share=on \
    -machine memory-backend=m
if ! qmp_mirror "$image" 2>"$tmp/refusal"; then
    say "$(cat "$tmp/refusal")"
    grep -q 'pages of' "$tmp/refusal" || fail "no reason"
    [ ! -e "$image" ] || fail "a refused dump leaves a file"
    assert_progress
    exit 0
fi
check_image "$image" --note
assert_progress
