#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest whose disk, in the pool of its dumps, says that it is one of them: it is never removed, nor makes real dumps too old.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/pool.sh
. "$live/pool.sh"
need jq python3
need_libvirt
own_state
make_pool
truncate -s 64M "$tmp/pool/disk.raw" "$tmp/pool/loose.raw"
disk="<disk type='file'><driver name='qemu' type='raw'/><source file='$tmp/pool/disk.raw'/><target dev='vda' bus='virtio'/></disk>"
create_domain "$(unique_domain)" 256 1 "" "$disk"
vthunder -q "path-set $domain --pool $pool; schedule-add $domain s '* * * * *' --keep-last 1"
vthunder -q batch 2>"$tmp/batch.log" || fail "batch"
make_due s
vthunder batch 2>"$tmp/batch.log" || fail "batch"
# Once more, so that each of them has its own second.
real=$(vthunder dump-list "$domain" --json | jq -r '.[-1].name')
[ -s "$tmp/pool/$real" ] || fail "no dump: $(cat "$tmp/batch.log")"

# forge FILE T0-S: FILE begins as a dump of schedule s, taken then, would: what root in the guest can write to its disk.
forge ()
{
    python3 - "$tmp/pool/$real" "$tmp/pool/$1" "$2" <<'PY'
import os, re, sys
real, disk, t0 = sys.argv[1], sys.argv[2], int(sys.argv[3]) * 10**9
head = open(real, "rb").read(1 << 20)
at = head.index(b'{"version"') if b'{"version"' in head else head.index(b'{', head.index(b"VTHUNDER"))
end = head.index(b"\0", at)
text = head[at:end].decode()
text = text.replace(os.path.basename(real), os.path.basename(disk))
text = re.sub(r'("t0-ns" ?: ?)\d+', lambda m: m.group(1) + str(t0), text)
raw = text.encode()
assert len(raw) <= 8191 and str(t0) in text and os.path.basename(disk) in text
room = 8192
with open(disk, "r+b") as f:
    f.write(head[:at] + raw.ljust(room, b"\0") + head[at + room:])
PY
}
disk_is_there ()
{
    [ -s "$tmp/pool/disk.raw" ] || fail "$1: the running guest's disk was removed: $(cat "$tmp/batch.log")"
    virsh -q domblklist "$domain" | grep -q "$tmp/pool/disk.raw" || fail "the disk is no longer the domain's"
}

# The guest's disk, and one that no domain has now.
for t0 in "$(date +%s)" 1577836800; do
    forge disk.raw "$t0"
    forge loose.raw "$t0"
    vthunder dump-prune "$domain" --dry-run --json >"$tmp/plan"
    jq -e --arg real "$real" 'map(select(.name == $real)) | length == 1 and .[0].keep' "$tmp/plan" >/dev/null ||
        fail "T0 $t0: the real dump became too old: $(cat "$tmp/plan")"
    jq -e 'all(.[]; .keep)' "$tmp/plan" >/dev/null || fail "T0 $t0: would be removed: $(cat "$tmp/plan")"
    # What is no domain's disk may be named, as somebody else's.
    vthunder dump-list "$domain" --json >"$tmp/list"
    jq -e 'map(select(.name == "disk.raw")) | length == 0' "$tmp/list" >/dev/null || fail "the disk is listed: $(cat "$tmp/list")"
    jq -e 'map(select(.name == "loose.raw")) | length == 1 and (.[0].own | not)' "$tmp/list" >/dev/null ||
        fail "not listed as foreign: $(cat "$tmp/list")"
    jq -e --arg real "$real" 'map(select(.own)) | map(.name) == [$real]' "$tmp/list" >/dev/null || fail "$(cat "$tmp/list")"
    vthunder dump-prune "$domain" >"$tmp/said" || fail "dump-prune: $(cat "$tmp/said")"
    disk_is_there "dump-prune, T0 $t0"
    sleep 1
    make_due s
    vthunder batch 2>"$tmp/batch.log" || fail "batch"
    disk_is_there "batch, T0 $t0"
    [ -s "$tmp/pool/loose.raw" ] || fail "batch, T0 $t0: removed what is not ours"
    # The dump that was just taken stays, the one before it goes.
    [ ! -e "$tmp/pool/$real" ] || fail "batch, T0 $t0: retention does nothing: $(cat "$tmp/batch.log")"
    real=$(vthunder dump-list "$domain" --json | jq -r 'map(select(.own))[-1].name')
    [ -s "$tmp/pool/$real" ] || fail "batch, T0 $t0: the dump just taken is gone"
done

# An administrator can take in what no domain has, and never a disk; then retention applies to it.
if vthunder dump-adopt "$tmp/pool/disk.raw" 2>"$tmp/said"; then fail "a running guest's disk was adopted"; fi
grep -q "file of domain '$domain'" "$tmp/said" || fail "$(cat "$tmp/said")"
if vthunder dump "$domain" --mode stop --file "$tmp/pool/disk.raw" 2>"$tmp/said"; then fail "a dump replaced the running guest's disk"; fi
grep -q "file of domain '$domain'" "$tmp/said" || fail "$(cat "$tmp/said")"
vthunder -q dump-adopt --domain "$domain" loose.raw || fail "dump-adopt"
vthunder -q dump-prune "$domain"
[ ! -e "$tmp/pool/loose.raw" ] || fail "an adopted dump is not pruned"
disk_is_there "dump-adopt"
assert_domain_dumps
