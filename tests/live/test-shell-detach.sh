#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# dump --detach returns when its own dump runs, and fails as that does where another is in the way; of several, too.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/backup.sh
. "$live/backup.sh"
backup_domain
vthunder -q path-set "$domain" --bandwidth 30MiB
# detach CODE PATTERN ARGUMENT…: how it ends, and what it says.
detach ()
{
    local want=$1 pattern=$2 code=0
    shift 2
    vthunder dump --detach "$@" >"$tmp/said" 2>&1 || code=$?
    cat "$tmp/said"
    [ "$code" = "$want" ] || fail "exit code $code instead of $want"
    grep -Eq "$pattern" "$tmp/said" || fail "nothing of '$pattern'"
}
there () { [ -e "$tmp/dumps/$1" ]; }
idle () { [[ $(virsh -q domjobinfo "$1") == *None* ]]; }

detach 0 "^Dump of domain '$domain' runs in the background$" "$domain" --file "$tmp/dumps/one"
job_runs Dump || fail "it does not"
if there one; then fail "it is complete already"; fi
# While that one runs: another is not the same.
detach 3 '^error: .*another vthunder' "$domain" --file "$tmp/dumps/two"
wait_for 60 there one || fail "the dump in the background is never complete"
wait_for 60 idle "$domain" || fail "its job does not end"
if there two; then fail "the one that was refused was taken"; fi
# One by virsh, which no lock of ours tells of.
virsh -q dump "$domain" "$tmp/virsh" --thunder --bandwidth 10 >"$tmp/virsh.log" 2>&1 &
virsh=$!
wait_for 20 job_runs Dump || fail "virsh dump: $(cat "$tmp/virsh.log")"
detach 3 '^error: .* is busy: a dump runs' "$domain" --timeout 2 --file "$tmp/dumps/two"
grep -q 'is busy: a dump runs; waiting' "$tmp/said" || fail "nothing said of the wait"
wait "$virsh" || fail "the other dump was cut short: $(cat "$tmp/virsh.log")"
check_image "$tmp/virsh" --note --nonce "$nonce"
rm "$tmp/virsh"
if there two; then fail "taken all the same"; fi

# The second of two, where the first fails at once: a guest without anything in it, whose output is gone.
empty=$(unique_domain)-empty
cat >"$tmp/empty.xml" <<XML
<domain type='qemu'><name>$empty</name><memory unit='MiB'>32</memory><os><type arch='x86_64' machine='pc'>hvm</type></os>
<devices><emulator>$(command -v "$qemu")</emulator><controller type='usb' model='none'/><memballoon model='none'/></devices></domain>
XML
domains+=("$empty")
virsh -q create "$tmp/empty.xml" >"$tmp/virsh.log" 2>&1 || fail "virsh create: $(cat "$tmp/virsh.log")"
mkdir -m 700 "$tmp/gone"
vthunder -q path-set "$empty" "$tmp/gone"
rmdir "$tmp/gone"
detach 10 "^Dump of domain '$domain' runs in the background$" "$empty" "$domain"
grep -q "^error: .*$tmp/gone" "$tmp/said" || fail "the first is not told of"
grep -q '^error: 1 of 2 dumps failed' "$tmp/said" || fail "not counted"
complete () { [ -n "$(find "$tmp/dumps" -name "$domain*.core")" ]; }
wait_for 60 complete || fail "no dump of the second"
wait_for 60 idle "$domain" || fail "its job does not end"
# So short that it is never seen to run; and none at all.
vthunder -q path-set "$empty" "$tmp/dumps"
detach 0 "^Dump of domain '$empty' (is complete|runs in the background)$" "$empty"
detach 1 '^error: .*/nonexistent' "$domain" --file /nonexistent/x
assert_domain_dumps
