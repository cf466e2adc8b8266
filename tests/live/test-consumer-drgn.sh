#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# drgn opens the image, and walks the guest kernel's lists and stacks in it.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need drgn
need_symbols
boot_guest -c 2
cat >"$tmp/script.py" <<'PYTHON'
from drgn.helpers.linux.pid import for_each_task

print("release", prog["init_uts_ns"].name.release.string_().decode())
for task in for_each_task(prog):
    print("task", task.pid.value_(), task.comm.string_().decode())
for thread in prog.threads():
    if thread.object.pid == 1:
        print("stack", len(thread.stack_trace()))
PYTHON
for strategy in protect hybrid; do
    mirror_by_strategy "$strategy"
    timeout 300 drgn -q -c "$image" -s "$symbols" "$tmp/script.py" >"$tmp/drgn.log" 2>&1 || fail "drgn: $(tail -n 3 "$tmp/drgn.log")"
    grep -q "^release $release$" "$tmp/drgn.log" || fail "drgn sees another kernel: $(cat "$tmp/drgn.log")"
    grep -q '^task 1 init$' "$tmp/drgn.log" || fail "drgn sees no init: $(cat "$tmp/drgn.log")"
    grep -q '^stack [1-9]' "$tmp/drgn.log" || fail "drgn sees no stack of init: $(cat "$tmp/drgn.log")"
done
