# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs of the distribution's own packages, unpacked and not installed: a stock QEMU, libvirt or sshd to test with.
# Sourced after lib.sh.

# debian_fetch NAME: the package's file, from the download cache or the machine's apt; skips without it.
debian_fetch ()
{
    local cache=${VTHUNDER_CACHE:-$builddir/cache}/debs
    mkdir -p "$cache"
    package=$(find "$cache" -name "$1_*.deb" | sort -V | tail -n 1)
    [ -z "$package" ] || return 0
    (cd "$cache" && apt-get -q -o APT::Sandbox::User=root download "$1") >"$tmp/apt.log" 2>&1 ||
        skip "apt has no $1: $(tail -n 1 "$tmp/apt.log")"
    package=$(find "$cache" -name "$1_*.deb" | sort -V | tail -n 1)
    [ -n "$package" ] || skip "apt has no $1"
}

installed () { [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]; }

# debian_unpack PACKAGE…: these and the libraries they need that are not installed, below $debian.
debian_unpack ()
{
    local wanted=("$@") name package seen=' '
    need apt-get apt-cache dpkg-deb dpkg-query
    debian=$tmp/debian
    debian_lib=$debian/usr/lib/$(uname -m)-linux-gnu
    mkdir -p "$debian"
    while [ ${#wanted[@]} -gt 0 ]; do
        name=${wanted[0]}
        wanted=("${wanted[@]:1}")
        case $seen in *" $name "*) continue ;; esac
        seen+="$name "
        debian_fetch "$name"
        dpkg-deb -x "$package" "$debian" || fail "cannot unpack $package"
        # Without a resolver: what is unpacked is in nobody's way.
        while read -r name; do
            installed "$name" || wanted+=("$name")
        done < <(dpkg-deb -f "$package" Pre-Depends Depends | sed 's/^[A-Za-z-]*: //' | tr ',' '\n' |
            sed 's/^ *//; s/[ (:|].*//' | grep '^lib')
    done
    # Some packages still use the directory that has become a link.
    [ ! -d "$debian/lib" ] || cp -a "$debian/lib" "$debian/usr/"
}

# debian_qemu: its emulator, which finds its libraries and modules, as $tmp/qemu-system-x86_64.
debian_qemu ()
{
    debian_unpack qemu-system-x86 qemu-system-common "$@"
    cat >"$tmp/qemu-system-x86_64" <<SH
#!/bin/sh
export LD_LIBRARY_PATH='$debian_lib' QEMU_MODULE_DIR='$debian_lib/qemu'
exec '$debian/usr/bin/qemu-system-x86_64' "\$@"
SH
    chmod +x "$tmp/qemu-system-x86_64"
    "$tmp/qemu-system-x86_64" --version >"$tmp/qemu-version" 2>&1 || skip "its QEMU does not run: $(tail -n 1 "$tmp/qemu-version")"
    our_firmware
}

# our_firmware: for a QEMU elsewhere, which looks for it beside itself, installed or built.
our_firmware ()
{
    local ours data
    ours=$(readlink -f "$(command -v "$qemu")")
    for data in "${ours%/*}/../share/qemu" "${ours%/*}/qemu-bundle/usr/local/share/qemu"; do
        [ ! -d "$data" ] || export VTHUNDER_QEMU_DATA="${VTHUNDER_QEMU_DATA:-$data}"
    done
}

# debian_user NAME ID: known to what debian_exec runs.
debian_user ()
{
    local etc=$tmp/root/etc
    mkdir -p "$etc"
    [ -e "$etc/passwd" ] || cp /etc/passwd /etc/group "$etc/"
    grep -q "^$1:" "$etc/passwd" || echo "$1:x:$2:$2::/nonexistent:/usr/sbin/nologin" >>"$etc/passwd"
    grep -q "^$1:" "$etc/group" || echo "$1:x:$2:" >>"$etc/group"
}

# debian_exec 'DIR…' COMMAND…: becomes COMMAND, which sees what was unpacked before the machine's files, $tmp/root/etc
# before /etc, and DIRs (of /) of its own.  For programs whose paths are compiled in.  Start it in the background.
debian_exec ()
{
    local dirs=$1 dir
    shift
    mkdir -p "$tmp/root/etc" "$tmp/root/work"
    for dir in $dirs; do mkdir -p "$tmp/root/$dir"; done
    # shellcheck disable=SC2016 # its own arguments
    exec unshare -m --propagation private sh -c '
        set -e
        root=$1 debian=$2 dirs=$3 link=$4 stack=$5
        shift 5
        mount -t overlay overlay -o "lowerdir=$debian/usr:/usr" /usr
        mount -t overlay overlay -o "lowerdir=/etc,upperdir=$root/etc,workdir=$root/work" /etc
        for dir in $dirs; do mount --bind "$root/$dir" "/$dir"; done
        # What build/run made for a stack with a long path.
        [ -z "$link" ] || [ -e "$link" ] || ln -s "$stack" "$link"
        unset LD_LIBRARY_PATH LIBVIRT_DIR_OVERRIDE
        exec "$@"' \
        sh "$tmp/root" "$debian" "$dirs" "$(cat "$VTHUNDER_STACK/state-link" 2>/dev/null)" "$VTHUNDER_STACK" "$@"
}

need_debian_exec ()
{
    need unshare mount
    need_root
    mkdir -p "$tmp/overlay/lower" "$tmp/overlay/upper" "$tmp/overlay/work"
    unshare -m --propagation private mount -t overlay overlay \
        -o "lowerdir=$tmp/overlay/lower,upperdir=$tmp/overlay/upper,workdir=$tmp/overlay/work" "$tmp/overlay/lower" \
        2>"$tmp/mount.log" || skip "no overlay in a mount namespace: $(tail -n 1 "$tmp/mount.log")"
}
