# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest whose QEMU runs out of memory, threads, descriptors or userfaultfd at a chosen moment of a dump: see scarce.c.
# Sourced after lib.sh.

scarce_module=$builddir/tests/live/.libs/scarce.so
scarce_control=$tmp/scarce
# After the N-th call the next is N + 1 + N * this / 100
scarce_growth=${scarce_growth-0}

# Where the dump's code is in the program; and what makes stacks of coroutines, and the map of memory anew.
scarce_code ()
{
    readelf -sW "$(command -v "$qemu")" | python3 -c '
import re, sys
file = ""
for line in sys.stdin:
    words = line.split()
    if len(words) < 8 or words[6] == "UND":
        continue
    address, size, kind, bind, name = words[1], words[2], words[3], words[4], words[7]
    if kind == "FILE":
        file = name
    elif kind == "FUNC":
        ours = re.match(r"(mirror(-.*)?|dump|compress)\.c$", file) if bind == "LOCAL" else \
            re.match(r"(dump_|mirror_|qmp_dump_guest_memory$)", name)
        mark = {"qemu_alloc_stack": "!", "memory_region_transaction_commit": "!", "qemu_memalign": "?"}.get(
            name, "" if ours else None)
        if mark is not None:
            start = int(address, 16)
            print(f"{mark}{start:x} {start + int(size, 0):x}")
'
}

need_scarce ()
{
    need readelf python3
    [ -e "$scarce_module" ] || skip "no $scarce_module: make check-programs"
    truncate -s 4096 "$scarce_control"
    scarce_code >"$tmp/code"
    [ "$(grep -vc '[!?]' "$tmp/code")" -gt 50 ] || skip "$qemu has no symbols"
    qemu_wrapper="env LD_PRELOAD=$scarce_module SCARCE_CONTROL=$scarce_control SCARCE_CODE=$tmp/code"
}

# poke WORD NUMBER: one of the numbers of struct control.
poke ()
{
    local n=$2
    # shellcheck disable=SC2059  # octal escapes
    printf "$(printf '\\%03o' $((n & 255)) $((n >> 8 & 255)) $((n >> 16 & 255)) $((n >> 24 & 255)))" |
        dd of="$scarce_control" bs=4 seek="$1" conv=notrunc status=none
}

peek () { od -An -tu4 -j $(($1 * 4)) -N 4 "$scarce_control" | tr -d ' '; }

# arm once|from N: the N-th call fails, or all from it on.
arm ()
{
    local i
    poke 0 0
    for i in 2 3 4 5; do poke "$i" 0; done
    poke 1 "$2"
    case $1 in once) poke 0 1 ;; from) poke 0 2 ;; esac
}

disarm () { poke 0 0; }

what_failed ()
{
    local address
    address=$(peek 4)
    printf '%s %s bytes, %s' "$(tail -c +33 "$scarce_control" | head -c 32 | tr -d '\0')" "$(peek 5)" \
        "$([ "$address" = 0 ] || addr2line -fse "$(command -v "$qemu")" "$(printf '%x' "$address")" 2>/dev/null | tr '\n' ' ')"
}

# No memory of the guest is registered with userfaultfd, write-protected or not.
assert_unprotected ()
{
    if grep -q '^VmFlags:.* u[wmi] ' "/proc/$qemu_pid/smaps"; then fail "$1: memory stays protected"; fi
}

# The dump that is done is of one instant.  If it is tracked, it is what the next one builds on.
whole ()
{
    check_image "$(flat "$image")" --note --nonce "$nonce"
    if [ -n "${base-}" ]; then
        links=$((links + 1))
        base=$image.$links
        mv "$image" "$base"
        generation=$(text_field generation "$tmp/got")
        if [ -n "$(text_field base-generation "$tmp/got")" ]; then built=$((built + 1)); fi
    fi
}

# survives HOW N COMMAND…: the dump by COMMAND, which writes $image, with the N-th call failing.  It fails with a reason and
# leaves no file, or succeeds with a good image; and the guest goes on.  Sets seen, and failed: whether the dump did.
survives ()
{
    local how=$1 n=$2
    shift 2
    rm -f "$image"
    arm "$how" "$n"
    failed=''
    "$@" >"$tmp/got" 2>&1 || failed=yes
    disarm
    seen=$(peek 2)
    alive "$qemu_pid" || fail "$how $n: QEMU died of: $(what_failed) $(tail -n 2 "$tmp/qemu.log")"
    if [ -n "$failed" ]; then
        [ "$(peek 3)" != 0 ] || fail "$how $n: nothing was missing, but the dump failed: $(tail -n 1 "$tmp/got")"
        grep -q 'qmp: .' "$tmp/got" || fail "$how $n ($(what_failed)): failed without a reason"
        ! grep -q 'closed the connection\|no answer\|no DUMP_COMPLETED' "$tmp/got" || fail "$how $n ($(what_failed)): $(tail -n 1 "$tmp/got")"
        [ ! -e "$image" ] || fail "$how $n ($(what_failed)): a failed dump leaves a file"
        reasons+=("$(tail -n 1 "$tmp/got")")
    else
        whole
    fi
    wait_for 10 no_dump || fail "$how $n: the dump does not end"
    assert_unprotected "$how $n ($(what_failed))"
    assert_progress
}

# survives_all COMMAND…: the same for every call that a dump makes, and then for some of those that change protection, which
# are many.
survives_all ()
{
    local how kind n tried growth
    for kind in 0 1; do
        for how in once from; do
            reasons=() n=1 tried=0 growth=$scarce_growth
            # What one is missing for is tried one by one.
            if [ "$how" = from ] && [ "$growth" -lt 10 ]; then growth=10; fi
            if [ "$kind" = 1 ]; then growth=50; fi
            poke 6 "$kind"
            while :; do
                survives "$how" "$n" "$@"
                # A dump that needs fewer than N lacks nothing.
                if [ "$seen" -lt "$n" ]; then break; fi
                tried=$((tried + 1))
                if [ -n "$failed" ] && [ $((tried % 5)) = 0 ]; then
                    rm -f "$image"
                    "$@" >"$tmp/got" 2>&1 || fail "$how $n: the next dump fails: $(tail -n 1 "$tmp/got")"
                    whole
                fi
                n=$((n + 1 + n * growth / 100))
            done
            [ -z "$failed" ] || fail "the last dump failed"
            say "kind $kind, $how: $tried of $n calls, ${#reasons[@]} dumps failed, for" \
                "$(printf '%s\n' "${reasons[@]}" | sort -u | wc -l) reasons"
            [ -z "${VTHUNDER_SCARCE_VERBOSE-}" ] || printf '%s\n' "${reasons[@]}" | sort | uniq -c
            [ "$kind" = 1 ] || [ "${#reasons[@]}" -gt 3 ] || fail "hardly anything failed"
        done
    done
}

# scarce_guest: a small one, for a dump takes no longer than it must.
scarce_guest () { payload_mem=64 payload_append='fill=24 pages=512 kick=0' boot_payload tcg,thread=multi; }

# dump NAME=VALUE…
scarce_dump ()
{
    qmp dump-guest-memory paging=false "protocol=file:$image" mode=mirror mirror-limit=16777216 "$@" -- @wait-dump 60
}

# scarce_incremental STORAGE: a dump that builds on the one before; a full one now and then, for chains don't get shorter.
scarce_incremental ()
{
    if [ $((links % 10)) = 0 ]; then
        rm -f "$image".*
        scarce_dump track=true
    else
        storage=$1 qmp_incremental "$image" "$base" mirror-limit=16777216 -- @wait-dump 60
    fi
}

# begin_chain: before survives_all scarce_incremental.
begin_chain ()
{
    links=0 built=0 base=none
    scarce_incremental - >"$tmp/got" 2>&1 || fail "$(tail -n 1 "$tmp/got")"
    whole
}
