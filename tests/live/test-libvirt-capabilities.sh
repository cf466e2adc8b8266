#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The domain capabilities say that the feature is there.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
virsh domcapabilities --emulatorbin "$(command -v "$qemu")" --virttype qemu >"$tmp/caps"
grep -i thunder "$tmp/caps" || fail "nothing about thunder"
grep -qi "thunder supported=.yes" "$tmp/caps" || fail "not supported"
