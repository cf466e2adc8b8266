#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The completed job carries the figures of the engine.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 384 1 ""
virsh -q dump --thunder "$domain" "$image"
virsh domjobinfo --completed --rawstats "$domain" | tee "$tmp/stats"
for name in pause_ns stall_max_ns stall_count capture_ns total_ns t0_ns pages_total pages_zero pages_copied \
    pages_fault_copied mirror_limit mirror_peak bytes_written; do
    grep -qi "thunder_$name" "$tmp/stats" || fail "no thunder_$name"
done
# The histogram counts the same stalls.
sed -n 's/^thunder_stall_histogram: //p' "$tmp/stats" | tr ',' '\n' >"$tmp/histogram"
[ -s "$tmp/histogram" ] || fail "no histogram"
sum=$(awk '{ sum += $1 } END { print sum }' "$tmp/histogram")
count=$(sed -n 's/^thunder_stall_count: //p' "$tmp/stats")
[ "$sum" = "$count" ] || fail "the histogram has $sum stalls of $count"
