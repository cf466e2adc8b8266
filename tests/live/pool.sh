# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# A storage pool for dumps, and everything that vthunder does with one over a connection.  Sourced after lib.sh, which
# has what it needs; $domain is a running guest of create_domain.

# make_pool: a directory pool, $pool, in $tmp/pool.
make_pool ()
{
    pool=vth-$$
    mkdir -m 700 "$tmp/pool"
    virsh -q pool-create-as "$pool" dir --target "$tmp/pool" >"$tmp/virsh.log" 2>&1 ||
        skip "no storage pools: $(tail -n 1 "$tmp/virsh.log")"
    at_exit virsh -q pool-destroy "$pool"
}

# make_due SCHEDULE [SECONDS]: as if a minute, or so much, had passed; what the batch remembers is moved back, and what the
# XML says goes.
make_due ()
{
    local state xml
    state=$XDG_STATE_HOME/vthunder/$(virsh -q domuuid "$domain" | head -n 1).json
    xml=$(virsh -q metadata "$domain" urn:vthunder:domain:1.0 | sed "s/ since=[\"'][^\"']*[\"']//")
    virsh -q metadata "$domain" urn:vthunder:domain:1.0 --key vthunder --set "$xml" >/dev/null
    jq --arg s "$1" --argjson n "${2:-61}" '.schedules[$s].seen -= $n' "$state" >"$tmp/state.json"
    cp "$tmp/state.json" "$state"
}

# check_pool URI: path-set, dump, dump-list, -info, -verify, -download, batch with retention, prune.
check_pool ()
{
    local uri=$1 name n
    v () { vthunder -c "$uri" "$@"; }
    json () { jq -e "$1" "$tmp/json" >/dev/null || fail "$uri: not $1: $(cat "$tmp/json")"; }

    v -q path-set "$domain" --pool "$pool" --manifest yes
    v path-show "$domain" --json >"$tmp/json"
    json ".kind == \"pool\" and .target == \"$pool\" and .path == \"$tmp/pool\" and .available_bytes > 0 and .problem == null"
    v dump "$domain" >"$tmp/said" || fail "$uri: dump"
    cat "$tmp/said"
    grep -q "pause .*, stall .*, total " "$tmp/said" || fail "no figures"

    v dump-list "$domain" --json >"$tmp/json"
    json "length == 1 and (.[0] | .own and .manifest and .pool == \"$pool\" and (.paused | not) and .schedule == \"manual\")"
    name=$(jq -r '.[0].name' "$tmp/json")
    [ -s "$tmp/pool/$name" ] || fail "no file '$name' in the pool"
    v dump-list --json >"$tmp/json"
    json "map(select(.name == \"$name\")) | length == 1"

    v dump-info "$domain" --json >"$tmp/json"
    json '.note.mirror["pause-ns"] > 0 and .cpus == 1 and .manifest'
    v dump-info "$name" --domain "$domain" --json >"$tmp/json"
    json ".name == \"$name\" and .note.mirror[\"pause-ns\"] > 0"
    v dump-verify "$domain" --json >"$tmp/json" || fail "$uri: dump-verify: $(cat "$tmp/json")"
    json '.[0] | .whole and (.checks | map(select(.check == "manifest" and .status == "ok")) | length == 1)'
    (cd "$tmp/pool" && sha256sum -c --quiet "$name.sha256") || fail "the manifest is not sha256sum's"

    v -q dump-download "$domain" "$name" "$tmp/copy" || fail "$uri: dump-download"
    cmp "$tmp/copy" "$tmp/pool/$name" || fail "the copy differs"
    [ "$(stat -c %b "$tmp/copy")" -le "$(($(stat -c %b "$tmp/pool/$name") + 2048))" ] || fail "the copy has lost its holes"
    check_image "$tmp/copy" --note --nonce "$nonce"
    rm -f "$tmp/copy"

    # A byte of memory that changed: only the manifest tells.
    printf x | dd of="$tmp/pool/$name" bs=1 seek=$(($(stat -c %s "$tmp/pool/$name") - 4096)) conv=notrunc status=none
    if v dump-verify "$domain" >"$tmp/said" 2>&1; then fail "a changed dump passes: $(cat "$tmp/said")"; fi
    grep -q 'manifest *failed' "$tmp/said" || fail "$(cat "$tmp/said")"

    # The batch keeps one of its dumps, and leaves the one by hand alone.
    v -q schedule-add "$domain" often '* * * * *' --keep-last 1
    v -q batch 2>"$tmp/batch.log" || fail "$uri: batch: $(cat "$tmp/batch.log")"
    for n in 1 2; do
        make_due often
        v batch 2>"$tmp/batch.log" || fail "$uri: batch: $(cat "$tmp/batch.log")"
        grep -q "$domain/often: done $tmp/pool/" "$tmp/batch.log" || fail "$uri: batch $n: $(cat "$tmp/batch.log")"
        sleep 1 # another second, another name
    done
    grep -q "$domain/often: pruned .*not kept by: last 1" "$tmp/batch.log" || fail "not pruned: $(cat "$tmp/batch.log")"
    v dump-list "$domain" --json >"$tmp/json"
    json 'map(.schedule) | sort == ["manual", "often"]'
    n=$(find "$tmp/pool" -type f | wc -l)
    [ "$n" = 4 ] || fail "not two dumps and their manifests but: $(ls -A "$tmp/pool")"

    v -q schedule-edit "$domain" often --keep-last 0 --keep-daily 1
    v dump-prune "$domain" --dry-run --json >"$tmp/json"
    json 'length == 2 and all(.[]; .keep)'
    make_due often
    v -q batch 2>"$tmp/batch.log" || fail "$uri: batch: $(cat "$tmp/batch.log")"
    v -q dump-prune "$domain" || fail "$uri: dump-prune"
    v dump-list "$domain" --json >"$tmp/json"
    json 'map(.schedule) | sort == ["manual", "often"]'

    # Read-only: libvirt reads no volumes then, which must not look like "no dumps".
    v -r list --json >"$tmp/json"
    json "map(select(.name == \"$domain\")) | length == 1"
    if v -r dump-list "$domain" >"$tmp/said" 2>&1; then fail "$uri: -r dump-list: $(cat "$tmp/said")"; fi
    grep -q '^error: cannot list the dumps .*\(read only\|read-only\)' "$tmp/said" || fail "$(cat "$tmp/said")"

    # A dump that stops the guest has a record beside it instead of a note.
    v -q dump "$domain" --mode stop || fail "$uri: dump --mode stop"
    v dump-list "$domain" --json >"$tmp/json"
    json 'map(select(.paused)) | length == 1 and (.[0] | .own and .mode == "stop" and .manifest)'

    v -q schedule-remove "$domain" often
    v -q path-unset "$domain" --all
    rm -f "$tmp"/pool/*
    assert_progress
}
