# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# One measurement of one method on the running guest, and its row of the CSV file.
# The clock runs only while the method's command does; the guest is watched from half a
# second before, which is the idle it is compared with, to a moment after.

csv_header=mib,cpus,rate,pages,method,run,total_ms,durable_ms,pause_ms,stall_ms,stall_max_ms,p99_ms,probe_gap_ms
csv_header+=,work_percent,capture_ms,disk_mib,qemu_cpu_s,client_cpu_s,extra_mib,thp_mib,strategy,image,protect_calls,note

available_mib () { awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo; }

# Processor time of processes and of their children that ended, and of QEMU without its
# vCPUs, in clock ticks.
ticks () { awk '{ sub(/.*\) /, ""); sum += $12 + $13 + $14 + $15 } END { print sum + 0 }' "$@"; }
qemu_ticks ()
{
    local vcpus
    # A thread may end meanwhile.
    vcpus=$({ cat "/proc/$qemu_pid/task"/*/stat 2>/dev/null || true; } |
        awk '/\(CPU [0-9]+\// { sub(/.*\) /, ""); sum += $12 + $13 } END { print sum + 0 }')
    echo $(($(ticks "/proc/$qemu_pid/stat") - vcpus))
}
daemon_ticks ()
{
    local pid
    pid=$(cat "${VTHUNDER_DAEMON_PIDFILE:-/nowhere}" 2>/dev/null) && ticks "/proc/$pid/stat" || echo 0
}

# memory_kib FIELD FILE: of /proc/PID/status or smaps_rollup.
memory_kib () { awk -v field="$1:" '$1 == field { print $2; exit }' "/proc/$qemu_pid/$2"; }

# What the engine wrote into the file about itself.
note_field ()
{
    { head -c 262144 "$image" 2>/dev/null | LC_ALL=C grep -ao "\"$1\": *\"\\?[a-z0-9]*" || true; } | sed -n 's/.*[: "]//p;q'
}

# quotient NUMBER DIVISOR: empty stays empty.
quotient () { awk -v n="${1:-}" -v d="$2" 'BEGIN { if (n != "") printf "%.3f", n / d }'; }

# For awk: v has what the probe's report gives as NAME=VALUE, the last line of each NAME.
# shellcheck disable=SC2016  # awk's own variables
probe_values='{ for (i = 1; i <= NF; i++) { at = index($i, "="); v[substr($i, 1, at - 1)] = substr($i, at + 1) } }'

# The probe's report: work in per cent of idle, and from the start on: longest stall as
# watched, that may have been, by time the 99th percentile, the probe's own gap (all µs).
read_probe ()
{
    awk "$probe_values"'
        /^samples=/ { gap = v["gap_max_us"] }
        /^phase=/ {
            p = v["phase"]; seconds[p] = v["seconds"]; progress[p] += v["progress"]
            if (p >= 1 && v["stall_watched_us"] + 0 > watched) watched = v["stall_watched_us"] + 0
            if (p >= 1 && v["stall_max_us"] + 0 > most) most = v["stall_max_us"] + 0
            if (p == 1 && v["p99_us"] + 0 > p99) p99 = v["p99_us"] + 0
        }
        END {
            work = seconds[1] > 0 && progress[0] > 0 ? 100 * progress[1] / seconds[1] / (progress[0] / seconds[0]) : 0
            printf "%.1f %d %d %d %d\n", work, watched, most, p99, gap
        }' "$tmp/probe.out"
}

# Memory above the hole below 4 GiB lies behind the rest in QEMU, and so in the file.
join_high_memory ()
{
    [ ! -e "$image.high" ] || { cat "$image.high" >>"$image" && rm "$image.high"; }
}

# Where a core file of QEMU has the address that guest memory begins at.
core_offset ()
{
    local type offset address _ length
    while read -r type offset address _ length _; do
        if [ "$type" = LOAD ] && ((address <= ram_hva && ram_hva < address + length)); then
            echo $((offset + ram_hva - address))
            return
        fi
    done < <(readelf -lW "$image" 2>/dev/null)
    echo -1
}

# Of one instant, torn, or not judged: prints yes, torn or -.
verdict ()
{
    local status=0 options=(--low-memory "$((low_memory << 20))")
    case ${judge[$1]} in
        none) echo -; return ;;
        raw)
            join_high_memory
            options+=(--raw)
            ;;
        core)
            options+=(--raw --offset "$(core_offset)")
            ;;
    esac
    "$oracle_check" -q "${options[@]}" "$image" >"$tmp/oracle.log" 2>&1 || status=$?
    case $status in 0) echo yes ;; 1) echo torn ;; *) echo - ;; esac
}

# row METHOD RUN NOTE FIELD…: the fields from total_ms to image.
row ()
{
    local name=$1 run=$2 note=$3
    shift 3
    (IFS=, && echo "$memory,$cpus,$rate,$pages,$name,$run,$*,${note//[,$'\n']/;}") >>"$csv"
}

# measure METHOD RUN
measure ()
{
    local name=$1 run=$2 command line status=0 note='' judged=-
    local start end_us synced_us total_us durable_ms='' before_kib extra_kib thp_kib disk
    local qemu_cpu daemon_cpu client_cpu work watched most p99 gap
    eval "command=(${call[$name]})"

    rm -rf "$image" "$image".*
    sync -f "$tmp"
    thp_kib=$(memory_kib AnonHugePages smaps_rollup)
    if declare -F "prepare_${command[0]}" >/dev/null; then "prepare_${command[0]}" >"$tmp/method.log" 2>&1 || status=$?; fi
    line=$timelines/$memory-$cpus-$rate-$name-$run
    "$stall_probe" --pid "$qemu_pid" --address "$hva" --count "$guest_cpus" --timeline "$line" >"$tmp/probe.out" &
    probe_pid=$!
    sleep 0.5

    before_kib=$(memory_kib VmRSS status)
    # From now on VmHWM is the most that QEMU holds.
    echo 5 2>/dev/null >"/proc/$qemu_pid/clear_refs" || before_kib=''
    qemu_cpu=$(qemu_ticks) daemon_cpu=$(daemon_ticks)
    # A floor gives these signals itself, when it has made its source.
    [ "${kind[$name]}" = floor ] || kill -USR1 "$probe_pid"
    start=${EPOCHREALTIME/./}
    [ "$status" != 0 ] || { time "${command[@]}" >"$tmp/method.log" 2>&1 || status=$?; } 2>"$tmp/time.log"
    end_us=${EPOCHREALTIME/./}
    [ "${kind[$name]}" = floor ] || kill -USR1 "$probe_pid"
    qemu_cpu=$(($(qemu_ticks) - qemu_cpu))
    # The vCPUs' time is read a moment before the whole.
    [ "$qemu_cpu" -ge 0 ] || qemu_cpu=0
    daemon_cpu=$(($(daemon_ticks) - daemon_cpu))
    extra_kib=$(($(memory_kib VmHWM status) - ${before_kib:-0}))
    total_us=$((end_us - start))
    if [ -e "$image" ]; then
        sync -d "$image"*
        synced_us=${EPOCHREALTIME/./}
        durable_ms=$(quotient $((total_us + synced_us - end_us)) 1000)
    fi
    sleep 0.2
    kill "$probe_pid"
    wait "$probe_pid" || true
    if declare -F "finish_${command[0]}" >/dev/null; then "finish_${command[0]}" || true; fi

    if [ "$status" != 0 ]; then
        note=$(grep -v '^ *$' "$tmp/method.log" | tail -n 1)
        if grep -qE '^(not installed|needs )' <<<"$note"; then
            unavailable["$name"]=$note
        elif grep -qiE "$not_known" "$tmp/method.log"; then
            unavailable["$name"]='not in this stack'
            echo "$name: not in this stack: $note" >>"$out/machine.txt"
        else
            unavailable["$name"]="failed: $note"
            failed+=("$name: $note")
        fi
        rm -f "$line"
        row "$name" "$run" "${unavailable[$name]}" '' '' '' '' '' '' '' '' '' '' '' '' '' '' '' '' ''
        return 0
    fi

    read -r work watched most p99 gap <<<"$(read_probe)"
    client_cpu=$(awk -v t="$daemon_cpu" -v hz="$clock_ticks" 'END { printf "%.3f", $1 + $2 + t / hz }' "$tmp/time.log")
    # A floor makes its bytes first, which is no matter.
    if [ "${kind[$name]}" = floor ]; then
        client_cpu='' before_kib=''
        total_us=$(($(sed -n 's/^ns=\([0-9]*\).*/\1/p' "$tmp/method.log") / 1000)) durable_ms=''
        ! grep -q 'direct=no' "$tmp/method.log" || note='through the page cache'
    fi
    disk=$({ stat -c %b "$image" "$image".* 2>/dev/null || true; } | awk '{ s += $1 } END { if (NR) printf "%.1f", s / 2048 }')
    [ "$name" != thunder ] || dump_bytes=$(awk -v m="$disk" 'BEGIN { printf "%.0f", m * 1048576 }')
    judged=$(verdict "$name")
    row "$name" "$run" "$note" "$(quotient "$total_us" 1000)" "$durable_ms" "$(quotient "$(note_field pause-ns)" 1000000)" \
        "$(quotient "$watched" 1000)" "$(quotient "$most" 1000)" "$(quotient "$p99" 1000)" "$(quotient "$gap" 1000)" \
        "$work" "$(quotient "$(note_field capture-ns)" 1000000)" "$disk" "$(quotient "$qemu_cpu" "$clock_ticks")" \
        "$client_cpu" "$([ -z "$before_kib" ] || quotient "$extra_kib" 1024)" "$(quotient "$thp_kib" 1024)" \
        "$(note_field strategy)" "$judged" "$(note_field protect-calls)"
    rm -rf "$image" "$image".*
}
