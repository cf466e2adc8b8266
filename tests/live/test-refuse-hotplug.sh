#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Refused in mirror mode, by name and without a trace: a memory device that is plugged in during a dump.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
boot_guest -m 512,slots=2,maxmem=1G -a "vth.fill=300"
# At a pace at which the dump is not over before that.
qmp object-add qom-type=memory-backend-ram id=more size=134217728 -- \
    dump-guest-memory paging=false "protocol=file:$image" mode=mirror bandwidth=100000000 -- \
    @fails device_add driver=pc-dimm id=d memdev=more -- @wait-dump
check_image "$image" --note
qmp device_add driver=pc-dimm id=d memdev=more >/dev/null
rm -f "$image"
qmp_mirror "$image"
"$oracle_check" --note "$image" || fail "not consistent after memory was added"
assert_dumps
