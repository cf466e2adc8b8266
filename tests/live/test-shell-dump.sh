#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vthunder on a real guest: path-set, dump, dump-list, -info, -verify, --detach, list.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
shell_domain
mkdir -m 700 "$tmp/dumps"

vthunder -q path-set "$domain" "$tmp/dumps"
vthunder dump "$domain" >"$tmp/said"
cat "$tmp/said"
grep -Eq "^Domain '$domain' dumped to $tmp/dumps/$domain-manual-[0-9TZ]*\.core \(.*\): pause .*, stall .*, total " "$tmp/said" ||
    fail "not what was expected"
assert_progress

vthunder dump-list "$domain" --json >"$tmp/list"
jq -e '.[0] | .own and (.paused | not) and .mode == "mirror" and .schedule == "manual" and .pause_ns > 0' "$tmp/list" >/dev/null ||
    fail "dump-list: $(cat "$tmp/list")"
file=$(jq -r '.[0].path' "$tmp/list")
check_image "$file" --note
vthunder dump-info "$file" --json | jq -e '.note.mirror["pause-ns"] > 0 and .cpus == 1' >/dev/null || fail "dump-info"
vthunder dump-info "$domain" | grep -q '^Longest stall: ' || fail "dump-info of the domain"
vthunder dump-verify "$file" || fail "dump-verify"
dd if=/dev/zero of="$file" bs=1 seek=0 count=64 conv=notrunc status=none
if vthunder dump-verify "$file" 2>/dev/null; then fail "a damaged file passes"; fi
rm -f "$file" "$file".*

# What is stopped for it has to be allowed, and says so.
# Figures that libvirt still has are of another dump, and what somebody put there is not written to.
virsh -q dump --thunder "$domain" "$tmp/other"
rm "$tmp/other"
echo precious >"$tmp/victim"
ln -s "$tmp/victim" "$tmp/dumps/.stop.core.part"
vthunder dump "$domain" --mode stop --json --file "$tmp/dumps/stop.core" >"$tmp/json"
jq -e '.[0] | .paused and (has("pause_ns") | not) and .generation == null' "$tmp/json" >/dev/null ||
    fail "a stop dump does not say so: $(cat "$tmp/json")"
[ "$(cat "$tmp/victim")" = precious ] || fail "a stop dump follows links"
rm "$tmp/dumps/.stop.core.part"
no_leftovers "$tmp/dumps" stop
[ "$(stat -c '%F %a %h' "$tmp/dumps/stop.core")" = "regular file 600 1" ] || fail "$(stat "$tmp/dumps/stop.core")"
vthunder dump-list "$domain" | grep -q ' yes ' || fail "the list does not say so"

# The format that only the built libvirt and QEMU know is written and recognised.
if have_dump_format kdump-zstd; then
    vthunder -q dump "$domain" --format kdump-zstd --file "$tmp/dumps/zstd"
    vthunder dump-info "$tmp/dumps/zstd" --json | jq -e '.format == "kdump-zstd" and .cpus == 1' >/dev/null || fail "dump-info of kdump-zstd"
fi

# In the background.
rm -f "$tmp/dumps"/*
vthunder dump "$domain" --detach
wait_for 60 sh -c "ls '$tmp'/dumps/*.core >/dev/null 2>&1" || fail "no file of the detached dump"
wait_for 60 sh -c "! vthunder jobs --json | grep -q '\"$domain\"'" || fail "its job does not end"

vthunder list --json | jq -e --arg d "$domain" '.[] | select(.name == $d).last_dump != null' >/dev/null ||
    fail "list does not know the last dump"
assert_domain_dumps
