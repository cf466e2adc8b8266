#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# QEMU without any right to userfaultfd: no write protection; with a passed /dev/userfaultfd: it works.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_mirror
need_root
need setpriv
[ -e /dev/userfaultfd ] || skip "no /dev/userfaultfd"
[ "$(cat /proc/sys/vm/unprivileged_userfaultfd)" = 0 ] || skip "everybody may use userfaultfd here"
# An own user for it, and a directory to write to.
setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$(command -v "$qemu")" || skip "nobody cannot run $qemu"
setpriv --reuid 65534 --regid 65534 --clear-groups test -r "$vm/vmlinuz" || skip "nobody cannot read $vm"
chmod 777 "$tmp"
qemu_wrapper="setpriv --reuid 65534 --regid 65534 --clear-groups" boot_guest
assert_refused userfaultfd paging=false "protocol=file:$image" mode=mirror strategy=protect
qmp @getfd uffd /dev/userfaultfd -- dump-guest-memory paging=false "protocol=file:$image" mode=mirror uffd=uffd -- \
    @wait-dump >"$tmp/dump.json"
[ "$(text_field strategy "$tmp/dump.json")" = protect ] || fail "the passed descriptor was not used"
check_image "$image" --note
assert_progress
