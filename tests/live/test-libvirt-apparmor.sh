#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# AppArmor: what 1,000 dumps are allowed is taken back, and no failure takes its disks from the guest.
#
# Neither a kernel with AppArmor nor a guest is needed: virt-aa-helper runs where its directory and the parser of
# profiles are ours.  The parser counts, and refuses on demand.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need virsh
dumps=${DUMPS:-1000}
stack=$(cd "$(dirname "$(command -v virsh)")/.." && pwd)
helper=$stack/libexec/virt-aa-helper
[ -x "$helper" ] || skip "no $helper: libvirt was built without AppArmor"

# In a user's namespace, as root of it, and without any of the machine's programs for root but ours.
if [ -z "${IN_NAMESPACE-}" ]; then
    unshare -rm true 2>/dev/null || skip "no mount namespaces here"
    export IN_NAMESPACE=yes
    unshare -rm "$0" "$@"
    exit
fi
mkdir -p "$tmp/etc/apparmor.d/libvirt" "$tmp/sbin" "$tmp/dumps"
real=$(PATH=/sbin:/usr/sbin command -v apparmor_parser || true)
[ -z "$real" ] || cp "$real" "$tmp/real"
cat >"$tmp/sbin/apparmor_parser" <<PARSER
#!/bin/sh
echo "\$1" >>'$tmp/parsed'
[ ! -e '$tmp/reject' ]
PARSER
chmod +x "$tmp/sbin/apparmor_parser"
mount --bind "$tmp/etc" "$stack/etc"
mount --bind "$tmp/sbin" /usr/sbin
[ -L /sbin ] || mount --bind "$tmp/sbin" /sbin

uuid=3f2e0000-0000-4000-8000-000000000001
profile=libvirt-$uuid
files=$stack/etc/apparmor.d/libvirt/$profile.files
# A newline before, and one before the last brace, is what the helper looks for.
printf '\nprofile LIBVIRT_TEMPLATE {\n  /dev/null rw,\n}\n' >"$stack/etc/apparmor.d/libvirt/TEMPLATE.qemu"
touch "$tmp/disk" "$tmp/second"
cat >"$tmp/xml" <<XML
<domain type='qemu' id='1'>
  <name>web1</name><uuid>$uuid</uuid><memory>65536</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file'><driver name='qemu' type='raw'/><source file='$tmp/disk'/><target dev='vda' bus='virtio'/></disk>
  </devices>
</domain>
XML
helper () { "$helper" "$@" -u "$profile" <"$tmp/xml" >"$tmp/said" 2>&1; }
must () { helper "$@" || fail "virt-aa-helper $*: $(cat "$tmp/said")"; }
must_not () { ! helper "$@" || fail "virt-aa-helper $* succeeds"; }
level () { wc -l <"$files"; }
same () { cmp -s "$tmp/at-start" "$files" || fail "$1: $(diff "$tmp/at-start" "$files" || true)"; }
has () { grep -qF -- "$1" "$files" || fail "$2: $(cat "$files")"; }
has_not () { ! grep -qF -- "$1" "$files" || fail "$2: $(cat "$files")"; }

must -c
cp "$files" "$tmp/at-start"
has "\"$tmp/disk\" rwk," "no rule for the disk"
at_start=$(level)

base=
for ((i = 1; i <= dumps; i++)); do
    dump=$tmp/dumps/.web1-$i.core.thunder-k3x9qz.part
    must -g -o "$dump" ${base:+-b "$base"}
    if [ $((i % 100)) = 1 ]; then
        has "\"$dump\" rwk," "no rule for the dump"
        [ -z "$base" ] || has "\"$base\" rk," "the base can be written"
        [ "$(level)" = $((at_start + 1 + (${#base} > 0))) ] || fail "dump $i: $(level) lines, $at_start at the start"
    fi
    must -g
    base=$tmp/dumps/web1-$i.core
done
same "after $dumps dumps"
[ "$(grep -c -- -r "$tmp/parsed")" = $((2 * dumps)) ] || fail "$(wc -l <"$tmp/parsed") runs of the parser"
# Nothing is left to take back, so nothing is compiled.
must -g
[ "$(grep -c -- -r "$tmp/parsed")" = $((2 * dumps)) ] || fail "compiled for nothing"
say "$dumps dumps: $at_start lines before and after"

# Another dump's rules go even if whoever added them was killed.
must -g -o "$tmp/dumps/killed"
must -g -o "$tmp/dumps/one" -b "$tmp/dumps/zero"
has_not killed "left behind"

# Disks come and go during a dump.
must -r -F "$tmp/second"
has "$tmp/second" "a disk was not added"
must -r
has "\"$tmp/dumps/one\" rwk," "detaching a disk took its file from the dump"
has "\"$tmp/dumps/zero\" rk," "detaching a disk took its base from the dump"
has_not "$tmp/second" "the disk is still there"
must -g
same "after the disk"

# A profile that is refused changes nothing.
touch "$tmp/reject"
must_not -g -o "$tmp/dumps/two"
same "a dump that was refused"
must_not -r -F "$tmp/second"
same "a disk that was refused"
rm "$tmp/reject"
must -g -o "$tmp/dumps/two"
touch "$tmp/reject"
must_not -g
has "$tmp/disk" "the disk is lost"
rm "$tmp/reject"
must -g
same "afterwards"

# Whatever the files are called: a name is no pattern, and no second rule.
must -g -o "$tmp/dumps/a [1]{2,3}*?^\\.core" -b "$tmp/dumps/b"$'\n'"  \\x2f** rwk,"
[ "$(level)" = $((at_start + 2)) ] || fail "$(cat "$files")"
if [ -n "$real" ]; then
    printf 'profile t {\n' | cat - "$files" >"$tmp/profile"
    echo '}' >>"$tmp/profile"

    "$tmp/real" -QKS "$tmp/profile" >"$tmp/binary" 2>"$tmp/said" || fail "not compiled: $(cat "$tmp/said")"
fi
must -g
same "odd names"
must_not -g -o /etc/shadow
must_not -g -o "$tmp/dumps/\"q"
same "a file that is nobody's"

# Without the rules of its disks the guest is not given those of a dump alone.
rm "$files"
must_not -g -o "$tmp/dumps/three"
[ ! -e "$files" ] || fail "a profile without disks"
must -g
must -r -F "$tmp/second"
has "\"$tmp/disk\" rwk," "the disk is lost"
has "$tmp/second" "a disk was not added"
must -D
[ ! -e "$files" ] || fail "the rules outlive the domain"
