# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A project tree in miniature for tests of the tools: two components whose
# upstream is a handful of files, and a mirror that is a directory.

set -u -o pipefail
srcdir=${abs_top_srcdir:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mini=$tmp/top
mirror=$tmp/mirror

fail ()
{
    echo "FAIL: $*"
    [ ! -e "$tmp/out" ] || sed 's/^/  | /' "$tmp/out"
    exit 1
}

# Runs a command; its output is in $tmp/out, its status in $status.
run ()
{
    "$@" >"$tmp/out" 2>&1 </dev/null
    status=$?
}

expect_status () { [ "$status" -eq "$1" ] || fail "status $status instead of $1"; }
expect () { grep -q -e "$1" "$tmp/out" || fail "no '$1' in the output"; }
expect_not () { ! grep -q -e "$1" "$tmp/out" || fail "'$1' in the output"; }

# make_upstream COMPONENT VERSION LINE: a tarball in the mirror; BASE gets it.
make_upstream ()
{
    local dir=$tmp/$1-$2 tarball=$mirror/pool/$1/${1}_$2+ds.orig.tar.xz n
    mkdir -p "$dir/src" "$mirror/pool/$1" "$mini/$1-patches/1.0"
    for n in $(seq 40); do echo "$3 $n"; done >"$dir/src/file.c"
    echo "read me" >"$dir/README"
    tar -C "$tmp" -cJf "$tarball" "$1-$2"
    cat >>"$mini/$1-patches/1.0/BASE" <<BASE
Version: $2
Tarball: ${tarball##*/}
SHA256: $(sha256sum "$tarball" | cut -d' ' -f1)
Source: $1/test
Pool: pool/$1

BASE
}

# make_series COMPONENT: two patches, the second with a file of ours.
make_series ()
{
    local patches=$mini/$1-patches/1.0 tree=$tmp/make-series-$1
    "$mini/tools/patches-apply" --tarball "$mirror/pool/$1/${1}_1.0.1+ds.orig.tar.xz" "$1" "$tree" &&
        (
            cd "$tree" && git config user.name test && git config user.email test@localhost &&
                sed -i 's/ 20$/ twenty/' src/file.c && git commit -q -a -m 'src: spell 20' &&
                echo new >src/new.c && echo 'see new.c' >>README && git add src/new.c README && git commit -q -m 'src: add new'
        ) && "$mini/tools/patches-refresh" "$1" "$tree" && [ -s "$patches/series" ] && [ -s "$mini/$1-patches/files/src/new.c" ]
}

mkdir -p "$mini" && cp -r "$srcdir/tools" "$mini/"
for c in qemu libvirt; do
    make_upstream "$c" 1.0.1 line
    : >"$mini/$c-patches/1.0/series"
    echo '--no-option' >"$mini/$c-patches/1.0/OPTIONS"
done
stack_build ()
{
    run env -u VTHUNDER_CACHE -u VTHUNDER_QEMU_TARBALL -u VTHUNDER_LIBVIRT_TARBALL \
        "$mini/tools/stack-build" --builddir "$mini/build" --no-apt "$@"
}
