#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The distribution's own libvirt and QEMU, unpacked beside the machine's: its daemon, its client library, its emulator.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/pool.sh
. "$live/pool.sh"
# shellcheck source=tests/live/stock.sh
. "$live/stock.sh"
# shellcheck source=tests/live/debian.sh
. "$live/debian.sh"
need jq
need_debian_exec
need_guest
debian_qemu libvirt-daemon libvirt-daemon-driver-qemu libvirt0
own_state

debian_user libvirt-qemu 64055
mkdir "$tmp/root/etc/libvirt"
cat >"$tmp/root/etc/libvirt/qemu.conf" <<'CONF'
user = "root"
group = "root"
security_driver = "none"
stdio_handler = "file"
cgroup_controllers = [ ]
namespaces = [ ]
remember_owner = 0
CONF
cat >"$tmp/root/etc/libvirt/libvirtd.conf" <<'CONF'
auth_unix_rw = "none"
auth_unix_ro = "none"
CONF
debian_exec 'run var/lib var/cache var/log' /usr/sbin/libvirtd --config /etc/libvirt/libvirtd.conf \
    --pid-file /run/libvirtd.pid >"$tmp/libvirtd.log" 2>&1 &
daemon=$!
pids+=("$daemon")
socket=$tmp/root/run/libvirt/libvirt-sock
export LIBVIRT_DEFAULT_URI="qemu+unix:///system?socket=$socket"
daemon_answers ()
{
    alive "$daemon" || fail "the daemon ended: $(tail -n 3 "$tmp/libvirtd.log")"
    virsh -q uri >/dev/null 2>"$tmp/virsh.log"
}
wait_for 120 daemon_answers || fail "the daemon does not answer: $(tail -n 3 "$tmp/libvirtd.log" "$tmp/virsh.log")"
say "$("$tmp/qemu-system-x86_64" --version | head -n 1); $(virsh version --daemon | grep daemon)"

qemu=$tmp/qemu-system-x86_64
create_domain "$(unique_domain)" 256 1 ""
# First vthunder with its own client library, then with theirs.
stock_environment=()
check_stock 'know mirror dumps'
rm -rf "$tmp/dumps" "$tmp/state"
virsh -q metadata "$domain" urn:vthunder:domain:1.0 --remove >/dev/null
stock_environment=(env "LD_LIBRARY_PATH=${LD_LIBRARY_PATH%%:*}:$debian_lib")
library=$("${stock_environment[@]}" vthunder -V | sed -n 's/^libvirt //p')
[ "$library" = "$(LD_LIBRARY_PATH=$debian_lib "$debian/usr/sbin/libvirtd" --version | sed 's/.* //')" ] ||
    fail "not their client library but $library"
check_stock 'know mirror dumps'
