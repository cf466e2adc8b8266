#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --threads, --bandwidth and --strategy reach the engine.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
# Precopy fails on a guest that writes faster than it can be copied, so this one keeps to a rate.
create_domain "$(unique_domain)" 384 1 "vth.fill=64 vth.pages=512 vth.rate=20000"
need_dump_argument threads bandwidth strategy
for strategy in protect precopy hybrid; do
    rm -f "$image"
    virsh -q dump --thunder --strategy "$strategy" "$domain" "$image"
    check_image "$image" --note --nonce "$nonce"
    [ "$(dump_stat strategy)" = "$strategy" ] || fail "the strategy is '$(dump_stat strategy)'"
done
rm -f "$image"
virsh -q dump --thunder --threads 1 --bandwidth 512 "$domain" "$image"
check_image "$image" --note --nonce "$nonce"
# 64 MiB that do not compress, at 16 MiB/s, can't be written in less than a few seconds.
rm -f "$image"
virsh -q dump --thunder --bandwidth 16 "$domain" "$image"
check_image "$image" --note --nonce "$nonce"
[ "$(dump_stat total_ns)" -gt 2000000000 ] || fail "it took $(dump_stat total_ns) ns only"
refused_dump "threads" "$tmp/other" --thunder --threads 1000
assert_domain_dumps
