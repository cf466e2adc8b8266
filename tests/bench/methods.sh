# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# The ways to take a guest's memory that the benchmark compares, and the floors.
#
# A method is a command that leaves $image, or fails and has said why.  A function
# prepare_COMMAND, where there is one, runs before the clock starts, finish_COMMAND after it
# stopped.  All of them are clients of libvirt's daemon or look at QEMU's process from outside.

declare -a methods=() sweep_methods=()
declare -A kind=() judge=() about=() call=()

# method NAME KIND JUDGE SWEEP 'WHAT IT IS' COMMAND [ARGUMENT…]
#   KIND   ours, stock, floor, or none (nothing is taken)
#   JUDGE  how the image is judged: file (oracle-check knows the format or says that it does
#          not), raw (memory without headers), core (QEMU's), none
#   SWEEP  sweep: also measured over guest sizes and write rates; once: not
method ()
{
    local name=$1
    methods+=("$name")
    kind[$name]=$2 judge[$name]=$3 about[$name]=$5
    [ "$4" = once ] || sweep_methods+=("$name")
    shift 5
    call[$name]=$(printf '%q ' "$@")
}

# In what QEMU and virsh answer when they do not know something.
not_known="not supported|unsupported|doesn't support|invalid parameter|is unexpected|has not been found|unknown command"

# --- Through libvirt -----------------------------------------------------------

virsh_dump () { virsh -q dump "$domain" "$image" "$@"; }

# Prints QEMU's answer; fails if that is an error.
qmp_command ()
{
    local answer
    answer=$(virsh -q qemu-monitor-command "$domain" "$1") || return
    case $answer in
        *'"error":'*)
            echo "$answer"
            return 1
            ;;
    esac
    echo "$answer"
}

# The end of a job comes as an event.  To ask for it again and again would take the
# processor from what is measured.
listen ()
{
    exec {event_fd}< <(exec stdbuf -oL virsh -q qemu-monitor-event "$domain" --event "$1" --loop --timeout 600 2>&1)
    listener=$!
}

# wait_event TEXT: the event that has it.
wait_event ()
{
    local line
    while read -r -u "$event_fd" line; do
        case $line in *"$1"*) echo "$line"; return 0 ;; esac
    done
    echo "the event did not come"
    return 1
}

end_listening ()
{
    kill "$listener" 2>/dev/null || true
    exec {event_fd}<&-
}

# The line that ends a dump or a migration says so, or why not.
ended_well () { case $1 in *'"completed"'*) return 0 ;; *) echo "$1"; return 1 ;; esac; }

# mirror [,"NAME":VALUE…]: with arguments of the engine that virsh does not know.
prepare_mirror () { listen DUMP_COMPLETED; }
finish_mirror () { end_listening; }
mirror ()
{
    local line
    qmp_command "{\"execute\":\"dump-guest-memory\",\"arguments\":{\"paging\":false,\"mode\":\"mirror\",
        \"protocol\":\"file:$image\"$1}}" || return
    line=$(wait_event '"status"') && ended_well "$line"
}

# --- QEMU's own, by its monitor --------------------------------------------------

# Memory above the hole below 4 GiB goes to a second file; see join_high_memory.
pmemsave ()
{
    qmp_command "{\"execute\":\"pmemsave\",\"arguments\":{\"val\":0,\"size\":$((low_memory << 20)),\"filename\":\"$image\"}}" || return
    [ "$memory" -eq "$low_memory" ] ||
        qmp_command "{\"execute\":\"pmemsave\",\"arguments\":{\"val\":$((4 << 30)),\"size\":$(((memory - low_memory) << 20)),
            \"filename\":\"$image.high\"}}"
}

# A migration to a file that write-protects memory.  Its stream is no memory image.
set_background_snapshot ()
{
    qmp_command "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[
        {\"capability\":\"background-snapshot\",\"state\":$1},{\"capability\":\"events\",\"state\":$1}]}}" >/dev/null
}
prepare_background_snapshot ()
{
    set_background_snapshot true &&
        qmp_command '{"execute":"migrate-set-parameters","arguments":{"max-bandwidth":0}}' >/dev/null &&
        listen MIGRATION
}
finish_background_snapshot ()
{
    end_listening
    set_background_snapshot false
}
background_snapshot ()
{
    local line
    qmp_command "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"file:$image\"}}" || return
    # completed, failed or cancelled
    line=$(wait_event 'ed"') && ended_well "$line"
}

# --- From outside ------------------------------------------------------------------

installed () { command -v "$1" >/dev/null || { echo "not installed"; return 1; }; }

# The domain says dumpCore='on', else QEMU keeps guest memory out of core files.
take_gcore () { installed gcore && gcore -o "$image" "$qemu_pid" && mv "$image.$qemu_pid" "$image"; }

# gdb holds all of it in memory of its own before it writes.
take_gdb ()
{
    installed gdb || return
    [ "$(available_mib)" -gt $((memory + 512)) ] || { echo "needs $memory MiB of memory more"; return 1; }
    gdb -nx -q -batch -p "$qemu_pid" \
        -ex "dump binary memory $image $ram_hva $(printf '%#x' $((ram_hva + (memory << 20))))" &&
        [ -s "$image" ]
}

# Hours, where it was measured for a paper.
take_libvmi () { installed vmi-dump-memory && timeout 600 vmi-dump-memory "$domain" "$image"; }

# --- The machine's floors, for as many bytes as an image has -------------------------

take_floor ()
{
    local what=$1 file=()
    shift
    [ "$what" = memcpy ] || file=("$image")
    "$floors" "$what" --probe "$probe_pid" "$@" "$dump_bytes" "${file[@]}"
}

method idle none none sweep 'no dump: what the host itself does to the guest in a second' sleep 1

method thunder ours file sweep 'virsh dump --thunder' virsh_dump --thunder
method thunder-hybrid ours file sweep '… --strategy hybrid' virsh_dump --thunder --strategy hybrid
for i in lzo zstd snappy zlib; do
    method "thunder-kdump-$i" ours file "$([ $i = zstd ] && echo sweep || echo once)" "… --format kdump-$i" virsh_dump --thunder --format "kdump-$i"
done
for i in lzo zstd snappy zlib; do
    method "thunder-kdump-raw-$i" ours file once "… --format kdump-raw-$i" virsh_dump --thunder --format "kdump-raw-$i"
done
method thunder-64m ours file once 'ELF, mirror-limit of 64 MiB (QMP)' mirror ',"mirror-limit":67108864'

method memory-only stock file sweep 'virsh dump --memory-only' virsh_dump --memory-only
method live stock file once 'virsh dump --memory-only --live' virsh_dump --memory-only --live
method bypass-cache stock file sweep 'virsh dump --memory-only --bypass-cache' virsh_dump --memory-only --bypass-cache
method kdump-lzo stock file sweep 'virsh dump --memory-only --format kdump-lzo' virsh_dump --memory-only --format kdump-lzo
method kdump-snappy stock file once '… --format kdump-snappy' virsh_dump --memory-only --format kdump-snappy
method kdump-zlib stock file once '… --format kdump-zlib' virsh_dump --memory-only --format kdump-zlib
method background-snapshot stock none sweep "QEMU's background-snapshot, a migration to a file" background_snapshot
method pmemsave stock raw once 'QMP pmemsave' pmemsave
method gcore stock core once "gcore of QEMU's process" take_gcore
method gdb stock raw once 'gdb, dump binary memory' take_gdb
method libvmi stock raw once "LibVMI's vmi-dump-memory" take_libvmi

method memcpy floor none sweep 'memcpy into fresh memory, one thread' take_floor memcpy
method memcpy-threads floor none once 'memcpy into fresh memory, a thread a processor' take_floor memcpy --threads "$(nproc)"
method memcpy-warm floor none once 'memcpy into memory that was touched before, one thread' take_floor memcpy --warm
method raw-write floor none sweep 'direct write to a new file, durable' take_floor write --threads 4 --block 1024
