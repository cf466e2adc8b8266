# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# Dumps of 1 MiB that build on each other as QEMU's do, of no guest.  Sourced after lib.sh.

need qemu-img python3

# make_elf FILE GENERATION [BASE_GENERATION [PAGE=BYTE]…]: an ELF dump with the engine's note; of its pages those that are named
# are full of a byte, the others of another.
make_elf ()
{
    python3 - "$@" <<'PYTHON'
import json, struct, sys
name, generation, base = sys.argv[1], sys.argv[2], (sys.argv[3:4] or [""])[0]
mirror = {"generation": generation, **({"base-generation": base} if base else {})}
note = json.dumps({"version": 1, "mode": "mirror", "mirror": mirror}).encode().ljust(8192, b"\0")
note = struct.pack("<III", 9, len(note), 0x56544844) + b"VTHUNDER".ljust(12, b"\0") + note
memory = bytearray(b"m" * (1 << 20))
for i in sys.argv[4:]:
    page, byte = i.split("=")
    memory[int(page) * 4096 : (int(page) + 1) * 4096] = bytes([int(byte)]) * 4096
head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 4, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
head += struct.pack("<IIQQQQQQ", 4, 0, 176, 0, 0, len(note), len(note), 0)
head += struct.pack("<IIQQQQQQ", 1, 0, 65536, 0, 0, len(memory), len(memory), 0)
with open(name, "wb") as file:
    file.write((head + note).ljust(65536, b"\0") + memory)
PYTHON
}

# make_overlay FILE BASE FORMAT GENERATION BASE_GENERATION [PAGE=BYTE]…: the same as an overlay over BASE, raw or qcow2, with clusters
# like those of QEMU's dumps.  What it shows is left in FILE.shown.
make_overlay ()
{
    local file=$1 base=$2 format=$3
    shift 3
    make_elf "$file.shown" "$@"
    (
        cd "$(dirname "$file")" &&
            qemu-img create -q -f qcow2 -o cluster_size=4096 -b "$file.shown" -F raw "$file" &&
            qemu-img rebase -b "$base" -F "$format" "$file"
    )
}
