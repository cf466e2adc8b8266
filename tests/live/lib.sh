# shellcheck shell=bash disable=SC2034,SC2120
# SPDX-License-Identifier: GPL-2.0-or-later
# What every live test needs: a guest, dumps of it, and a judgement of both.
# A test sources this file, starts a guest, does one thing and asserts; what it started
# ends with it.  It must never signal a process that the test did not start.

set -eu -o pipefail

srcdir=${VTHUNDER_SRCDIR:-${abs_top_srcdir:?run this with build/run}}
builddir=${VTHUNDER_BUILDDIR:-${abs_top_builddir:?run this with build/run}}
live=$srcdir/tests/live
vm=$builddir/tests/guest/vm
oracle_check=$builddir/tests/guest/oracle-check
stall_probe=$builddir/tests/live/stall-probe
qmp_tool=$live/qmp
qemu=${VTHUNDER_QEMU:-qemu-system-x86_64}
test_name=$(basename "$0" .sh)

# Images are large and want a file system with O_DIRECT; socket names must be short.
tmp=$(mktemp -d "${VTHUNDER_TEST_DIR:-/var/tmp}/vth.XXXXXX")
image=$tmp/image
pids=() domains=() on_exit=()

say () { echo "$test_name: $*"; }

fail ()
{
    say "FAILED: $*" >&2
    exit 1
}

skip ()
{
    say "skipped: $*"
    exit 77
}

# at_exit COMMAND…: run it at the end, last in, first out; its failure is no matter.
at_exit () { on_exit=("$(printf '%q ' "$@")" "${on_exit[@]}"); }

# Where a QEMU of ours crashed, if the host leaves core files where it was; what the kernel says it does anyway.
show_crashes ()
{
    local core
    [ -z "${qemu_pid-}" ] || dmesg 2>/dev/null | grep -F "[$qemu_pid]: segfault"
    for core in "$tmp"/core "$tmp"/core.*; do
        if [ -s "$core" ]; then
            echo "--- ${core##*/}"
            gdb -q -batch -ex 'bt 12' "$(command -v "$qemu")" "$core" 2>/dev/null | grep '^#' | sed 1d
        fi
    done
}

clean_up ()
{
    local status=$? i pid
    trap - EXIT
    set +e
    if [ "$status" != 0 ] && [ "$status" != 77 ]; then
        for i in "$tmp"/*.log; do
            [ -s "$i" ] && { echo "--- ${i##*/}"; tail -n 20 "$i"; }
        done
        show_crashes
    fi
    for i in "${domains[@]}"; do virsh -q destroy "$i" >/dev/null 2>&1; done
    for pid in "${pids[@]}"; do
        kill -CONT "$pid" 2>/dev/null
        kill "$pid" 2>/dev/null
    done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null; done
    for i in "${on_exit[@]}"; do eval "$i" >/dev/null 2>&1; done
    if [ -n "${VTHUNDER_KEEP-}" ]; then say "kept: $tmp"; else rm -rf "$tmp"; fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

need ()
{
    local command
    for command in "$@"; do
        command -v "$command" >/dev/null || skip "$command is not installed"
    done
}

need_root () { [ "$(id -u)" = 0 ] || skip "needs root"; }

# wait_for SECONDS COMMAND…: until the command succeeds.
wait_for ()
{
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

alive () { kill -0 "$1" 2>/dev/null; }

# within_minute: waits until no minute has just begun, or is about to.  A batch that has not seen a schedule before takes
# its dump if it is due in that very second.
within_minute ()
{
    local second
    second=$(date +%-S)
    if [ "$second" -lt 2 ] || [ "$second" -ge 45 ]; then sleep $(((62 - second) % 60)); fi
}

need_guest ()
{
    if ! [ -s "$vm/vmlinuz" ] || ! [ -s "$vm/initramfs" ]; then
        skip "no guest: $(tail -n 1 "$vm/guest.log" 2>/dev/null || echo "make guest")"
    fi
    command -v "$qemu" >/dev/null || skip "no $qemu; make stack"
}

# need_symbols: the guest kernel's debug symbols; sets symbols, and release, the kernel's.
need_symbols ()
{
    need_guest
    symbols=$("$srcdir/tests/guest/symbols" "$vm" 2>"$tmp/symbols.log") || skip "$(tail -n 1 "$tmp/symbols.log")"
    release=${symbols##*/vmlinux-}
}

# need_crash: the program, and the symbols, without which it reads nothing.
need_crash ()
{
    need crash
    need_symbols
}

# crash_reads FILE: what it says of processes and stacks is in $tmp/crash.log.
crash_reads ()
{
    printf 'ps\nbt -a\nquit\n' | timeout 300 crash -s "$symbols" "$1" >"$tmp/crash.log" 2>&1 || fail "crash"
}

# --- A guest of our own, by QMP ---------------------------------------------

# start_qemu ARGUMENT…: sets qemu_pid and the sockets; the guest's console is $tmp/serial.
start_qemu ()
{
    local data=()
    rm -f "$tmp/qmp" "$tmp/qmp2" "$tmp/serial"
    [ -z "${VTHUNDER_QEMU_DATA-}" ] || data=(-L "$VTHUNDER_QEMU_DATA")
    # shellcheck disable=SC2086  # a list of words
    (
        ulimit -c unlimited 2>/dev/null
        cd "$tmp" && exec ${qemu_wrapper-} "$qemu" "${data[@]}" -name "guest=$test_name" -nodefaults -no-user-config \
            -display none -serial "file:$tmp/serial" -qmp "unix:$tmp/qmp,server=on,wait=off" \
            -qmp "unix:$tmp/qmp2,server=on,wait=off" "$@"
    ) </dev/null >"$tmp/qemu.log" 2>&1 &
    qemu_pid=$!
    pids+=("$qemu_pid")
    wait_for 60 qemu_answers || fail "QEMU does not start"
}

qemu_answers ()
{
    alive "$qemu_pid" || fail "QEMU ended: $(tail -n 1 "$tmp/qemu.log")"
    [ -S "$tmp/qmp" ] && [ -S "$tmp/qmp2" ]
}

qmp () { "$qmp_tool" "$tmp/qmp" "$@"; }
qmp2 () { "$qmp_tool" "$tmp/qmp2" "$@"; }

guest_said_ready ()
{
    if [ -n "${qemu_pid-}" ] && ! alive "$qemu_pid"; then
        fail "QEMU ended: $(tail -n 1 "$tmp/qemu.log")"
    fi
    grep -a 'vth: fatal' "$tmp/serial" >&2 2>/dev/null && fail "the guest gave up"
    # All of the line: it comes one character after the other.
    [ -e "$tmp/serial" ] && [ "$(grep -ac $'vth: ready.*\r' "$tmp/serial")" -ge "${1:-1}" ]
}

# guest_ready [NTH]: waits for the guest's NTH start and finds its counters.
# shellcheck disable=SC2120  # tests pass one
guest_ready ()
{
    local line
    wait_for "${VTHUNDER_BOOT_SECONDS:-180}" guest_said_ready "${1:-1}" || fail "the guest does not come up"
    line=$(grep -a $'vth: ready.*\r' "$tmp/serial" | tail -n 1 | tr -d '\r')
    nonce=${line#*nonce=} nonce=${nonce%% *}
    guest_cpus=${line#*cpus=} guest_cpus=${guest_cpus%% *}
    beat=${line#*beat=} beat=${beat%% *}
}

find_counters ()
{
    hva=$(qmp2 human-monitor-command "command-line=gpa2hva $beat" | sed -n 's/.* is \(0x[0-9a-f]*\).*/\1/p')
    [ -n "$hva" ] || fail "QEMU does not tell where address $beat is"
}

# boot_guest [-m MIB] [-c CPUS] [-a 'VTH.PARAMETERS'] [-- QEMU-ARGUMENTS]: the Linux guest, by TCG.
boot_guest ()
{
    local mem=384 cpus=1 append='' opt OPTIND=1
    while getopts m:c:a: opt; do
        case $opt in
            m) mem=$OPTARG ;;
            c) cpus=$OPTARG ;;
            a) append=$OPTARG ;;
            *) fail "boot_guest: usage" ;;
        esac
    done
    shift $((OPTIND - 1))
    need_guest
    start_qemu -machine "${machine:-pc}" -accel tcg,thread=multi -m "$mem" -smp "$cpus" -device vmcoreinfo \
        -kernel "$vm/vmlinuz" -initrd "$vm/initramfs" -append "console=ttyS0 quiet panic=-1 $append" "$@"
    guest_ready 1
    find_counters
}

# boot_payload [ACCEL] [QEMU-ARGUMENTS]: the 32-bit payload; KVM unless told otherwise.
boot_payload ()
{
    local accel=${1:-kvm}
    [ $# -eq 0 ] || shift
    [ -s "$vm/payload" ] || skip "no payload: $(tail -n 1 "$vm/payload.log" 2>/dev/null || echo "make guest")"
    command -v "$qemu" >/dev/null || skip "no $qemu; make stack"
    if [ "$accel" = kvm ] && ! { [ -r /dev/kvm ] && [ -w /dev/kvm ]; }; then
        skip "no access to /dev/kvm"
    fi
    # KVM on some hosts emulates every instruction of a guest without paging: little fill there; and refuses
    # to set the MSR that it offers for arch-capabilities, which QEMU does not survive.
    start_qemu -machine pc -accel "$accel" -cpu max,arch-capabilities=off -m "${payload_mem:-256}" -kernel "$vm/payload" \
        -append "${payload_append:-$([ "$accel" = kvm ] && echo fill=4 pages=512 || echo fill=96 pages=4096)}" "$@"
    wait_for 60 guest_said_ready || skip "this $accel does not run the payload"
    guest_ready 1
    find_counters
}

beats () { "$stall_probe" --once --pid "$qemu_pid" --address "$hva" --count "$guest_cpus"; }

all_moved ()
{
    local now i
    read -ra now <<<"$(beats)"
    for i in "${!now[@]}"; do
        [ "${now[i]}" != "${beats_before[i]}" ] || return 1
    done
}

# assert_progress: every vCPU of the guest goes on.
assert_progress ()
{
    alive "$qemu_pid" || fail "QEMU is gone: $(tail -n 1 "$tmp/qemu.log")"
    read -ra beats_before <<<"$(beats)"
    wait_for 30 all_moved || fail "the guest stands still"
    if grep -a 'vth: kernel-warning\|vth: fatal' "$tmp/serial" >&2; then
        fail "the guest's kernel complains"
    fi
}

# held_by_qemu fd|task…: how many of them; one that ends meanwhile is no mistake.
held_by_qemu () { { find "${@/#//proc/$qemu_pid/}" -mindepth 1 -maxdepth 1 2>/dev/null || true; } | wc -l; }

assert_standstill ()
{
    read -ra beats_before <<<"$(beats)"
    sleep 0.3
    if all_moved; then fail "the guest runs"; fi
}

# --- Dumps -------------------------------------------------------------------

# qmp_mirror FILE [NAME=VALUE…]
qmp_mirror ()
{
    local file=$1
    shift
    qmp dump-guest-memory paging=false "protocol=file:$file" mode=mirror "$@" -- @wait-dump 300 >"$tmp/dump.json"
}

qmp_stop ()
{
    local file=$1
    shift
    qmp dump-guest-memory paging=false "protocol=file:$file" "$@" >/dev/null
}

# check_image FILE [ORACLE-OPTION…]
check_image ()
{
    local file=$1
    shift
    "$oracle_check" "$@" "$file" || fail "the image is not consistent"
}

# mirror_dumps N: N dumps in a row, each of them whole and of one instant.
mirror_dumps ()
{
    local _
    for _ in $(seq "$1"); do
        rm -f "$image"
        qmp_mirror "$image"
        check_image "$image" --note --nonce "$nonce"
    done
}

# start_vhost_user [KIND]: a backend that listens at $tmp/vu; sets backend, its process.
start_vhost_user ()
{
    rm -f "$tmp/vu"
    "$live/vhost-user-stub" "$tmp/vu" "$@" >"$tmp/stub.log" 2>&1 &
    backend=$!
    pids+=("$backend")
    wait_for 60 test -S "$tmp/vu" || fail "the backend does not start"
}

# head_has PATTERN FILE: where a dump has its notes.
head_has () { grep -aq -- "$1" <(head -c 65536 "$2"); }

# kdump_dumps METHOD: its two formats hold one instant of a guest that runs, and of one that is paused
# what mode=stop writes.
kdump_dumps ()
{
    local format
    for format in "kdump-$1" "kdump-raw-$1"; do
        rm -f "$image"
        qmp_mirror "$image" "format=$format"
        check_image "$image" --note --nonce "$nonce"
        head_has "\"format\": \"$format\"" "$image" || fail "the note does not say $format"
    done
    assert_progress
    qmp stop >/dev/null
    for format in "kdump-$1" "kdump-raw-$1"; do
        rm -f "$image" "$tmp/stop"
        qmp_mirror "$image" "format=$format"
        qmp_stop "$tmp/stop" "format=$format"
        check_image "$tmp/stop"
        "$oracle_check" --same-memory "$tmp/stop" "$image" || fail "$format: the images differ"
    done
    qmp cont >/dev/null
    assert_progress
}

# need_format FORMAT: this QEMU writes it.
need_format ()
{
    qmp query-dump-guest-memory-capability | grep -q "\"$1\"" || skip "this QEMU writes no $1"
}

# assert_dumps: what must hold after any failure: the guest lives and can be dumped.
assert_dumps ()
{
    assert_progress
    rm -f "$tmp/again"
    qmp_mirror "$tmp/again" || fail "the next dump fails"
    check_image "$tmp/again" --note --nonce "$nonce"
    rm -f "$tmp/again"
    assert_progress
}

no_dump () { ! qmp2 query-dump | grep -q '"status": "active"'; }

# assert_refused TEXT NAME=VALUE…: dump-guest-memory with these fails with this text, and leaves no file.
assert_refused ()
{
    local text=$1 got
    shift
    got=$(qmp @fails dump-guest-memory "$@") || fail "not refused"
    say "$got"
    grep -qi -- "$text" <<<"$got" || fail "refused, but the message does not say '$text'"
    [ ! -e "$image" ] || fail "a refused dump leaves a file"
}

# text_field NAME FILE: the same for text.
text_field () { sed -n "s/.*\"$1\": \"\([^\"]*\)\".*/\1/p" "$2" | tail -n 1; }

have_mirror ()
{
    if [ -z "${mirror_known-}" ]; then
        start_qemu -machine none
        mirror_known=no
        if qmp query-commands | grep -q '"dump-cancel"'; then mirror_known=yes; fi
        kill "$qemu_pid"
        wait "$qemu_pid" 2>/dev/null || true
    fi
    [ "$mirror_known" = yes ]
}

need_mirror () { have_mirror || skip "$qemu has no dump-guest-memory mode=mirror"; }

# field NAME FILE: a number of the mirror object of a JSON line.
field () { sed -n "s/.*\"$1\": \\([0-9]*\\).*/\\1/p" "$2" | tail -n 1; }

# mirror_by_strategy STRATEGY: a dump to $image that is judged, and was taken by it.
mirror_by_strategy ()
{
    rm -f "$image"
    qmp_mirror "$image" strategy="$1"
    check_image "$image" --note --nonce "$nonce"
    [ "$(text_field strategy "$tmp/dump.json")" = "$1" ] || fail "another strategy"
}

# --- Dumps that build on each other --------------------------------------------

# reflink_dir [xfs|btrfs [MIB]]: mounts a file system whose files can share blocks; sets shared.
reflink_dir ()
{
    local type=${1:-xfs} size=${2:-3072}
    need_root
    need "mkfs.$type" losetup
    shared=$tmp/shared
    truncate -s "${size}M" "$tmp/fs"
    "mkfs.$type" -q "$tmp/fs" >"$tmp/mkfs.log" 2>&1 || fail "mkfs.$type: $(tail -n 1 "$tmp/mkfs.log")"
    mkdir "$shared"
    mount -o loop "$tmp/fs" "$shared" 2>"$tmp/mount.log" || skip "cannot mount $type: $(tail -n 1 "$tmp/mount.log")"
    at_exit umount "$shared"
}

ksm=/sys/kernel/mm/ksm

# For what a test does to the host's KSM until it ends.
need_ksm ()
{
    local name
    need_root
    [ -w "$ksm/run" ] || skip "this host has no KSM, or does not let it be turned on"
    [ -r /proc/self/ksm_stat ] || skip "this kernel does not say what KSM does to a process"
    for name in run pages_to_scan sleep_millisecs; do
        cp "$ksm/$name" "$tmp/ksm-$name"
        at_exit cp "$tmp/ksm-$name" "$ksm/$name"
    done
    echo 5000 >"$ksm/pages_to_scan"
    echo 10 >"$ksm/sleep_millisecs"
}

# turn_ksm on|off
turn_ksm () { case $1 in on) echo 1 ;; off) echo 0 ;; esac >"$ksm/run"; }

# vhost_stub [NAME=VALUE…]: a QEMU started from now on has what stands in for the kernel's vhost, with these variables in
# its environment; its devices get it as vhostfd=9.  See vhost-stub.c.
vhost_stub ()
{
    local stub=$builddir/tests/live/.libs/vhost-stub.so
    [ -e "$stub" ] || fail "no vhost-stub.so; make check-programs"
    exec 9<>/dev/null
    qemu_wrapper="env LD_PRELOAD=$stub VHOST_STUB_AT=$tmp/at VHOST_STUB_SAYS=$tmp/vhost $*"
}

# vhost_writes: the stub's device runs, and writes to a page that Linux leaves alone, as all below 1 MiB.
vhost_writes ()
{
    wait_for 60 grep -qs '^start' "$tmp/vhost" || fail "the guest does not start the vhost device"
    echo 0x2000 >"$tmp/at"
    sleep 0.2
}

# same_as_stop FILE: the paused guest's memory is what the dump has.
same_as_stop ()
{
    rm -f "$tmp/stop"
    qmp_stop "$tmp/stop"
    "$live/same-memory" "$(flat "$1")" "$tmp/stop"
}

# tracked FILE [NAME=VALUE…]: a full dump that the next one can build on; sets generation.
tracked ()
{
    qmp_mirror "$@" track=true
    generation=$(text_field generation "$tmp/dump.json")
    [ -n "$generation" ] || fail "a tracked dump has no generation"
}

# qmp_incremental FILE BASE [NAME=VALUE…] [-- STEP…]: begins a dump that builds on BASE, of $generation, and is tracked.
qmp_incremental ()
{
    local file=$1 base=$2 storage=${storage:-clone}
    shift 2
    qmp @getfd base "$base" ro -- dump-guest-memory paging=false "protocol=file:$file" mode=mirror track=true \
        "base={\"generation\": \"$generation\", \"fd\": \"base\", \"file\": \"$base\", \"storage\": \"$storage\"}" "$@"
}

# incremental FILE BASE [NAME=VALUE…]: such a dump, to its end.
incremental ()
{
    qmp_incremental "$@" -- @wait-dump 300 >"$tmp/dump.json"
    base_generation=$(text_field base-generation "$tmp/dump.json")
    generation=$(text_field generation "$tmp/dump.json")
    [ -n "$generation" ] || fail "a tracked dump has no generation"
}

# assert_incremental: the last dump had to save only some pages.
assert_incremental ()
{
    local dirty total
    dirty=$(field pages-dirty "$tmp/dump.json") total=$(field pages-total "$tmp/dump.json")
    [ -n "$base_generation" ] || fail "the dump is a full one: $(text_field full-reason "$tmp/dump.json")"
    [ "$dirty" -lt "$total" ] || fail "the dump saved all $total pages"
}

# assert_full TEXT: the last dump named a base but is full, and says why.
assert_full ()
{
    local why
    why=$(text_field full-reason "$tmp/dump.json")
    [ -z "$base_generation" ] || fail "the dump builds on a base that it can't build on"
    grep -q -- "$1" <<<"$why" || fail "the dump is full, but its reason '$why' does not say '$1'"
}

# flat FILE: an ELF file with the content of FILE, which may be an overlay.
flat ()
{
    if [ "$(head -c 3 "$1" | tr -d '\0')" = QFI ]; then
        rm -f "$tmp/flat"
        qemu-img convert -O raw "$1" "$tmp/flat"
        echo "$tmp/flat"
    else
        echo "$1"
    fi
}

# --- A guest under libvirt -----------------------------------------------------

need_libvirt ()
{
    need virsh
    need_guest
    virsh -q uri >/dev/null 2>"$tmp/virsh.log" || skip "no libvirt daemon: $(tail -n 1 "$tmp/virsh.log")"
    virsh help dump | grep -q -- --thunder || skip "this virsh has no dump --thunder"
}

# create_domain NAME MIB CPUS 'VTH.PARAMETERS' ['DEVICES-XML' ['DOMAIN-XML']]: creates a transient domain.
# memory_attributes and domain_features go into its XML where they belong.
create_domain ()
{
    local name=$1 mem=$2 cpus=$3 append=$4 devices=${5-} more=${6-} binary
    binary=$(command -v "$qemu")
    domain=$name
    cat >"$tmp/$name.xml" <<XML
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>$name</name>
  <memory unit='MiB' ${memory_attributes-}>$mem</memory>
  <vcpu>$cpus</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>$vm/vmlinuz</kernel>
    <initrd>$vm/initramfs</initrd>
    <cmdline>console=ttyS0 quiet panic=-1 $append</cmdline>
  </os>
  <features><acpi/><apic/><vmcoreinfo state='on'/>${domain_features-}</features>
  <on_reboot>restart</on_reboot>
  <devices>
    <emulator>$binary</emulator>
    <controller type='usb' model='none'/>
    <serial type='file'><source path='$tmp/serial'/></serial>
    <memballoon model='none'/>
    $devices
  </devices>
  $more
  $([ -z "${VTHUNDER_QEMU_DATA-}" ] || echo "<qemu:commandline><qemu:arg value='-L'/><qemu:arg value='$VTHUNDER_QEMU_DATA'/></qemu:commandline>")
</domain>
XML
    : >"$tmp/serial"
    domains+=("$name")
    virsh -q create "$tmp/$name.xml" >"$tmp/virsh.log" 2>&1 || fail "virsh create: $(tail -n 1 "$tmp/virsh.log")"
    guest_ready 1
    find_domain_counters
}

# domain_state_file NAME SUFFIX: what the daemon keeps about a running domain.
domain_state_file ()
{
    local file
    for file in "${VTHUNDER_STACK:-/nowhere}"/{var/run,run}/"libvirt/qemu/$1.$2" "$XDG_RUNTIME_DIR/libvirt/qemu/run/$1.$2" \
        "/run/libvirt/qemu/$1.$2"; do
        [ -s "$file" ] && echo "$file" && return 0
    done
    return 1
}

domain_pid ()
{
    local file
    file=$(domain_state_file "$1" pid) && cat "$file" && return 0
    # The daemon's own state directory may be anywhere: QEMU's command line tells.
    for file in /proc/[0-9]*/cmdline; do
        if grep -qzs "^guest=$1\\(,\\|\$\\)" "$file"; then
            file=${file#/proc/}
            echo "${file%/cmdline}"
            return 0
        fi
    done
    return 1
}

find_domain_counters ()
{
    qemu_pid=$(domain_pid "$domain") || fail "domain $domain has no process"
    hva=$(virsh -q qemu-monitor-command --hmp "$domain" "gpa2hva $beat" | sed -n 's/.* is \(0x[0-9a-f]*\).*/\1/p')
    [ -n "$hva" ] || fail "QEMU does not tell where address $beat is"
}

# own_state: the configuration, data and state of vthunder are this test's own.
own_state () { export XDG_CONFIG_HOME=$tmp/config XDG_DATA_HOME=$tmp/data XDG_STATE_HOME=$tmp/state; }

# shell_domain: a guest, $domain, for vthunder's commands, which keep what they remember to themselves.
shell_domain ()
{
    need jq
    need_libvirt
    own_state
    create_domain "$(unique_domain)" 256 1 ""
}

# incremental_domain: a domain whose dumps vthunder can build on each other.
incremental_domain ()
{
    need qemu-img
    shell_domain
    need_dump_argument track base
}

unique_domain () { echo "vth-$test_name-$$"; }

# no_leftovers DIR NAME: no temporary file of a dump of NAME.
no_leftovers ()
{
    local left
    left=$(find "$1" -maxdepth 1 -name ".$2*" -print)
    [ -z "$left" ] || fail "left over: $left"
}

domain_qmp () { virsh -q qemu-monitor-command "$domain" "{\"execute\": \"$1\"}"; }

# need_dump_argument NAME…: the domain's dump-guest-memory has these arguments.
need_dump_argument ()
{
    local name
    [ -s "$tmp/arguments" ] || domain_qmp query-qmp-schema | python3 -c '
import json, sys
types = {entry["name"]: entry for entry in json.load(sys.stdin)["return"]}
command = types["dump-guest-memory"]
print(*(member["name"] for member in types[command["arg-type"]]["members"]), sep="\n")
' >"$tmp/arguments"
    for name; do
        grep -qx -- "$name" "$tmp/arguments" || skip "this QEMU's dump-guest-memory has no '$name'"
    done
}

# have_dump_format NAME: the domain's QEMU was built with it.
have_dump_format () { domain_qmp query-dump-guest-memory-capability | grep -q "\"$1\""; }

# dump_stat NAME: one of the statistics of the last dump, empty if there is none.
dump_stat () { virsh -q domjobinfo --completed --keep-completed --rawstats "$domain" | sed -n "s/^thunder_$1: //p"; }

# refused_dump TEXT ARGUMENT…: virsh dump with these arguments fails, and its message has the text.
refused_dump ()
{
    local text=$1
    shift
    if virsh -q dump "$domain" "$@" >"$tmp/message" 2>&1; then fail "not refused: $*"; fi
    cat "$tmp/message"
    grep -qi -- "$text" "$tmp/message" || fail "the message does not say '$text'"
    no_leftovers "$tmp" image
}

# whole_image FILE: makes the memory an overlay shows readable, and says where.
whole_image ()
{
    if [ "$(head -c 3 "$1")" != QFI ]; then
        echo "$1"
        return
    fi
    qemu-img convert -f qcow2 -O raw "$1" "$1.whole" && echo "$1.whole"
}

# assert_domain_dumps: as assert_dumps, through libvirt.
assert_domain_dumps ()
{
    assert_progress
    [ "$(virsh domstate "$domain" | head -n 1)" = running ] || fail "the domain is not running"
    rm -f "$tmp/again"
    virsh -q dump --thunder "$domain" "$tmp/again" || fail "the next dump fails"
    check_image "$tmp/again" --note --nonce "$nonce"
    rm -f "$tmp/again"
    assert_progress
}
