#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Overlays that are damaged, or lie over another file than they were written over: exported, compared and called whole they are not.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/overlays.sh"

d=$tmp/dumps
mkdir "$d"
make_elf "$d/full" g1
make_overlay "$d/one" full raw g2 g1 3=1 4=1 200=1 201=2
make_overlay "$d/two" one qcow2 g3 g2 3=1 4=2 5=2 200=1 201=2

# good FILE: it is what it was.
good ()
{
    ok dump-export --force "$d/$1" "$tmp/out.core"
    cmp "$tmp/out.core" "$d/$1.shown" || fail "'$1' is not what was written"
    ok dump-verify "$d/$1"; like '*base *ok *whole, and fit each other*' "$out"
    ok dump-diff "$d/$1" "$d/$1.shown"; like '*0 of 256 pages differ*' "$out"
}

# bad PATTERN FILE…: each is refused by all that reads it, and the file to blame named.
bad ()
{
    local pattern=$1
    shift
    for file; do
        rm -f "$tmp/none"
        refused 1 "$pattern" dump-export "$d/$file" "$tmp/none"
        [ ! -e "$tmp/none" ] || fail "a failed export leaves a file"
        refused 1 "$pattern" dump-diff "$d/$file" "$d/full"
        vt dump-verify "$d/$file"
        equal 1 "$code"; like "*base *failed *$pattern*" "$out"
    done
}

# keep, restore: what the test damages.
keep () { rm -rf "$tmp/kept"; cp -r "$d" "$tmp/kept"; }
restore () { rm -rf "$d"; cp -r "$tmp/kept" "$d"; }

good one
good two
keep

# An overlay that was cut off, also where only the part of a page is missing, or so much that nothing seems to be in it.
size=$(stat -c %s "$d/one")
for left in $((size - 1000)) $((size - 4096)) $((size - 9000)) $((size / 2)) $((size / 4)) 16388 12290 4100 200; do
    truncate -s "$left" "$d/one"
    bad '/one* is damaged: *restore it' one two
    restore
done
# A table that became zeroes: what it led to is lost, and nothing reaches past the end.
python3 - "$d/one" <<'PYTHON'
import struct, sys
with open(sys.argv[1], "r+b") as file:
    l1 = struct.unpack(">Q", file.read(48)[40:])[0]
    file.seek(l1)
    file.seek(struct.unpack(">Q", file.read(8))[0] & ~(1 << 63))
    file.write(bytes(4096))
PYTHON
bad '/one* is damaged: *nothing leads to' one two
restore

# Another dump in the place of what an overlay builds on, or none.
make_elf "$d/full" g9 '' 7=7
bad "/one' was not written over this 'full'* dump g9 and not g1" one two
make_overlay "$d/one" full raw g10 g9 3=3
good one
bad "/two' was not written over this 'one'* dump g10 and not g2" two
restore
cp "$srcdir/tests/fuzz/corpus/note/elf64" "$d/full"
bad "was not written over this 'full'" one
restore
echo "something else" >"$d/full"
bad "'one' builds on a file that cannot be used" one two
restore

# A base that was cut off.
truncate -s 600K "$d/full"
bad "/full' is damaged: segment 1 is not whole" one two
restore

# The head of an overlay is gone and the one below shows; the record tells.
make_overlay "$d/three" two qcow2 g4 g3 9=9
jq -n '{version: 1, domain: "d", uuid: "u", caller: {file: "bare", schedule: "s"}, mirror: {generation: "g5", "base-generation": "g3"}}' \
    >"$d/bare.vthunder"
(cd "$d" && qemu-img create -q -f qcow2 -b two -F qcow2 bare)
bad "/bare' is damaged: its head is missing" bare
# Without one it is somebody's own overlay, of which nothing is known.
rm "$d/bare.vthunder"
ok dump-export --force "$d/bare" "$tmp/out.core"
cmp "$tmp/out.core" "$d/two.shown" || fail "'bare' is not what was written"
ok dump-verify "$d/bare"

# What others build on is not replaced, by whatever name they call it; what none builds on is.
restore
make_elf "$tmp/other" g9
ln -s "$d" "$tmp/link"
for target in "$d/full" "$d/one" "$tmp/link/full"; do
    refused 3 "is not replaced: '" dump-export --force "$tmp/other" "$target"
done
like "*'full' is not replaced: 'one' builds on it*" "$err"
make_elf "$tmp/link/whole" g9
(cd "$d" && qemu-img create -q -f qcow2 -b "$(realpath "$d")/whole" -F raw .hidden)
refused 3 "'whole' is not replaced: '.hidden' builds on it" dump-export --force "$tmp/other" "$tmp/link/whole"
rm "$d/.hidden"
ok dump-export --force "$tmp/other" "$d/whole"
ok dump-export --force "$tmp/other" "$d/two"
good one

# Without qemu-img nobody can tell.
mkdir "$tmp/path"
IFS=: read -ra dirs <<<"$PATH"
for dir in "${dirs[@]}"; do ln -s "$dir"/* "$tmp/path" 2>/dev/null; done
rm "$tmp/path/qemu-img"
PATH=$tmp/path vt dump-verify "$d/one"
equal 1 "$code"; like '*base *failed *cannot run qemu-img*' "$out"
