#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Memory that a virtio-mem device has not plugged is in no file, and what it has plugged is.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -m 384,maxmem=2G -c 2 -a 'memhp_default_state=online' -- -object memory-backend-ram,id=vm,size=512M \
    -device virtio-mem-pci,id=vm0,memdev=vm,requested-size=128M
plugged () { [ "$(qmp qom-get path=/machine/peripheral/vm0 property=size)" = 134217728 ]; }
wait_for 30 plugged || skip "the guest's kernel plugs nothing"
for format in elf kdump-raw-lzo; do
    rm -f "$image"
    qmp_mirror "$image" "format=$format"
    check_image "$image" --note --nonce "$nonce"
    total=$(field total "$tmp/dump.json")
    [ "$total" -ge $(((384 + 128) << 20)) ] || fail "$format: $total bytes, the plugged memory is missing"
    [ "$total" -lt $(((384 + 256) << 20)) ] || fail "$format: $total bytes, with memory that is not plugged"
done
qmp stop >/dev/null
rm -f "$image"
qmp_mirror "$image"
qmp_stop "$tmp/stop"
"$oracle_check" --same-memory "$tmp/stop" "$image" || fail "the images differ"
