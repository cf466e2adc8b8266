#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A storage pool over a remote URI: libvirt's ssh transport to an sshd of our own on the loopback interface, with keys
# of its own.  vthunder must not touch a file of the "other" host: it cannot tell that it is this.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/pool.sh
. "$live/pool.sh"
# shellcheck source=tests/live/debian.sh
. "$live/debian.sh"
need jq ssh ssh-keygen virt-ssh-helper
need_debian_exec
need_libvirt
own_state

if [ -x /usr/sbin/sshd ]; then
    debian=$tmp/debian
    mkdir -p "$debian/usr"
else
    debian_unpack openssh-server
fi
debian_user sshd 64056
# No machine's own settings, and an account that is not locked.
mkdir -p "$tmp/ssh" "$tmp/root/run/sshd"
echo 'root:*:19000:0:99999:7:::' >"$tmp/root/etc/shadow"
chmod 600 "$tmp/root/etc/shadow"
for key in host user; do ssh-keygen -q -t ed25519 -N '' -C '' -f "$tmp/ssh/$key"; done
cat >"$tmp/ssh/sshd_config" <<CONF
HostKey $tmp/ssh/host
AuthorizedKeysFile $tmp/ssh/user.pub
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
SetEnv "PATH=$PATH" "LD_LIBRARY_PATH=$LD_LIBRARY_PATH" "XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR"
CONF
sshd_listens () { alive "$sshd" && bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null; }
sshd_settled () { sshd_listens || ! alive "$sshd"; }
for _ in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 12000))
    debian_exec run /usr/sbin/sshd -D -e -f "$tmp/ssh/sshd_config" -o "ListenAddress=127.0.0.1:$port" \
        >"$tmp/sshd.log" 2>&1 &
    sshd=$!
    pids+=("$sshd")
    wait_for 60 sshd_settled || fail "sshd does not start"
    ! sshd_listens || break
    grep -q 'Address already in use' "$tmp/sshd.log" || fail "sshd ended: $(tail -n 1 "$tmp/sshd.log")"
done
sshd_listens || fail "sshd finds no port"

# The user's own settings and known hosts stay out of it.
cat >"$tmp/ssh/config" <<CONF
Host elsewhere
    HostName 127.0.0.1
    Port $port
    User root
    IdentityFile $tmp/ssh/user
    IdentitiesOnly yes
    UserKnownHostsFile $tmp/ssh/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    BatchMode yes
CONF
sed "s/^/[127.0.0.1]:$port /" "$tmp/ssh/host.pub" >"$tmp/ssh/known_hosts"
printf '#!/bin/sh\nexec ssh -F %q "$@"\n' "$tmp/ssh/config" >"$tmp/ssh/ssh"
chmod +x "$tmp/ssh/ssh"
"$tmp/ssh/ssh" elsewhere true </dev/null || fail "no login: $(tail -n 3 "$tmp/sshd.log")"
remote="qemu+ssh://elsewhere${LIBVIRT_DEFAULT_URI#qemu://}?command=$tmp/ssh/ssh&proxy=native"
vthunder -q -c "$remote" uri >"$tmp/said" 2>&1 || fail "no ssh transport: $(cat "$tmp/said")"
grep -q 'Accepted publickey for root from 127.0.0.1' "$tmp/sshd.log" || fail "that was another sshd"

create_domain "$(unique_domain)" 256 1 ""
make_pool
check_pool "$remote"

# A directory of the other host: a dump goes there, and that is all that can be done with it.
mkdir -m 700 "$tmp/dumps"
v () { vthunder -c "$remote" "$@"; }
refused () { if v "${@:2}" >"$tmp/said" 2>&1; then fail "$*: not refused"; fi; grep -q "^error: .*$1" "$tmp/said" || fail "$(cat "$tmp/said")"; }
v -q path-set "$domain" "$tmp/dumps"
v -q dump "$domain" || fail "dump into a directory of the other host"
check_image "$tmp/dumps/"*.core
refused 'directory .* of a remote host: use a storage pool' dump-list "$domain"
refused 'directory .* of a remote host: use a storage pool' dump "$domain" --manifest
v -q path-unset "$domain"
refused 'a remote host has no default: set a storage pool' dump "$domain"
assert_progress

# The other end goes: the shell says so once and does not hang.
kill "$sshd"
wait "$sshd" || :
if timeout 60 vthunder -c "$remote" list 2>"$tmp/said"; then fail "a list without an sshd succeeds"; fi
grep -q '^error: failed to connect to qemu+ssh://elsewhere.*Connection refused' "$tmp/said" || fail "$(cat "$tmp/said")"
[ "$(grep -c '^error: ' "$tmp/said")" = 1 ] || fail "more than one error: $(cat "$tmp/said")"
