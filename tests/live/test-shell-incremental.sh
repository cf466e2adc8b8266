#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Incremental dumps as overlays: what they say, lists, export, diff, chains that pruning does not break.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
incremental_domain
# A place whose files cannot share blocks.
dumps=$tmp/dumps
mkdir -m 700 "$dumps"
if echo x >"$tmp/a" && cp --reflink=always "$tmp/a" "$tmp/b" 2>/dev/null; then skip "files in $tmp share blocks"; fi
vthunder -q path-set "$domain" "$dumps"

# take [OPTION…]: a dump; sets name and leaves what is known of it in $tmp/json.
take ()
{
    vthunder dump "$domain" --incremental --json "$@" >"$tmp/json" || fail "no dump"
    name=$(jq -r '.[0].name' "$tmp/json")
}
is () { jq -e ".[0] | $1" "$tmp/json" >/dev/null || fail "not '$1': $(cat "$tmp/json")"; }

take
is '.base == null and .chain_position == 0 and .generation != null and (.full_reason | test("no earlier dump"))'
one=$name
check_image "$dumps/$one" --note --nonce "$nonce"
sleep 1
take
is ".base == \"$one\" and .chain_position == 1 and .storage == \"overlay\" and .mode == \"incremental\" and .full_reason == null"
is '.pages_dirty > 0 and .pages_dirty < .pages_total and .unique_bytes == .allocated_bytes'
two=$name
take
is ".base == \"$two\" and .chain_position == 2"
three=$name

# What was said is in the files, for those who come later.
vthunder dump-list "$domain" --json >"$tmp/list"
jq -e "map(.base) == [null, \"$one\", \"$two\"] and map(.chain_position) == [0, 1, 2] and all(.[]; .own)" "$tmp/list" >/dev/null ||
    fail "dump-list: $(cat "$tmp/list")"
vthunder dump-list "$domain" | grep -q "$three *$two" || fail "no column of bases"
vthunder dump-info "$dumps/$three" | grep -q "^Base: *$two" || fail "dump-info says no base"
vthunder dump-info "$dumps/$one" --json | jq -e '.note.caller.file == .name and .note.mirror.generation != null' >/dev/null ||
    fail "the note of the full dump"
vthunder dump-verify "$dumps/$three" || fail "dump-verify"
grep -q "needed by" <(vthunder dump-prune "$domain" --dry-run) && fail "needed by something, but nothing is to go"

# As one file.
vthunder -q dump-export "$dumps/$three" "$tmp/whole"
check_image "$tmp/whole" --note --nonce "$nonce"
[ "$(stat -c %a "$tmp/whole")" = 600 ] || fail "mode $(stat -c %a "$tmp/whole")"
[ "$(($(stat -c '%b * 512' "$tmp/whole")))" -lt "$(stat -c %s "$tmp/whole")" ] || fail "the file has no holes"
"$live/same-memory" "$tmp/whole" "$(whole_image "$dumps/$three")" || fail "not what the overlay shows"
rm "$dumps/$three.whole"
if vthunder -q dump-export "$dumps/$two" "$tmp/whole" 2>"$tmp/message"; then fail "a file was replaced"; fi
grep -q 'exists already; use --force' "$tmp/message" || fail "$(cat "$tmp/message")"
check_image "$tmp/whole" --note --nonce "$nonce"
vthunder -q dump-export --force "$dumps/$two" "$tmp/whole"
vthunder -q dump-export "$dumps/$one" "$tmp/first"
cmp "$tmp/first" "$dumps/$one" || fail "a full dump is not copied as it is"
no_leftovers "$tmp" whole

# The same range of differences, however they are stored.
vthunder dump-diff "$dumps/$one" "$dumps/$two" --json >"$tmp/diff"
jq -e '.pages_different > 0 and .pages_different < .pages_total and (.ranges | map(.pages) | add) == .pages_different' \
    "$tmp/diff" >/dev/null || fail "dump-diff: $(head -c 500 "$tmp/diff")"
vthunder dump-diff "$dumps/$one" "$tmp/whole" --json >"$tmp/diff2"
[ "$(jq -c .ranges "$tmp/diff")" = "$(jq -c .ranges "$tmp/diff2")" ] || fail "the overlay differs from its export"
vthunder dump-diff "$dumps/$two" "$tmp/whole" | tail -n 1 | grep -q '^0 of ' || fail "an export differs"

# Moved together they are whole, alone they are refused.
mkdir "$tmp/alone"
cp "$dumps/$three" "$dumps/$two" "$tmp/alone"
if vthunder -q dump-export "$tmp/alone/$three" "$tmp/none" 2>"$tmp/message"; then fail "exported without its base"; fi
grep -q "$one" "$tmp/message" || fail "$(cat "$tmp/message")"
[ ! -e "$tmp/none" ] || fail "a failed export leaves a file"
ln -s "$dumps/$one" "$tmp/alone/$one"
if vthunder -q dump-export "$tmp/alone/$three" "$tmp/none" 2>"$tmp/message"; then fail "a link was followed"; fi
grep -q "symbolic link" "$tmp/message" || fail "$(cat "$tmp/message")"
no_leftovers "$tmp" none

# What an overlay lost, or a base that is another one, is no memory of the guest.
# damaged TEXT: neither a dump nor a comparison comes of the third dump, and it is not whole.
damaged ()
{
    if vthunder -q dump-export "$dumps/$three" "$tmp/none" 2>"$tmp/message"; then fail "exported: $1"; fi
    grep -q -- "$1" "$tmp/message" || fail "$(cat "$tmp/message")"
    if vthunder -q dump-diff "$dumps/$one" "$dumps/$three" >"$tmp/message" 2>&1; then fail "compared: $1"; fi
    if vthunder dump-verify "$dumps/$three" >"$tmp/message" 2>&1; then fail "whole: $1"; fi
    grep -q -- "base *failed.*$1" "$tmp/message" || fail "$(cat "$tmp/message")"
    no_leftovers "$tmp" none
}
size=$(stat -c %s "$dumps/$two")
cp -p "$dumps/$two" "$tmp/two"
for left in $((size - 512)) $((size / 2)) $((size / 4)) 20480; do
    truncate -s "$left" "$dumps/$two"
    damaged "$two' is damaged"
    cp -p "$tmp/two" "$dumps/$two"
done
mv "$dumps/$one" "$tmp/one"
vthunder -q dump "$domain" --file "$dumps/$one"
damaged "$two' was not written over this '$one', which is no tracked dump"
cp "$tmp/one" "$dumps/$one"
truncate -s -1M "$dumps/$one"
damaged "$one' is damaged: segment [0-9]* is not whole"
mv "$tmp/one" "$dumps/$one"
vthunder -q dump-verify "$dumps/$three" || fail "not whole again"

# Nor is it replaced, by a dump or an export; what nobody builds on is.
cp "$dumps/$one" "$tmp/one"
for mode in mirror stop incremental; do
    code=0
    vthunder -q dump "$domain" --mode "$mode" --file "$dumps/$one" 2>"$tmp/message" || code=$?
    [ "$code" = 3 ] || fail "a dump in mode $mode replaces what others build on: $code"
    grep -q "'$one' is not replaced: '$two' builds on it" "$tmp/message" || fail "$(cat "$tmp/message")"
done
cmp "$tmp/one" "$dumps/$one" || fail "it was replaced"
if vthunder -q dump-export --force "$tmp/one" "$dumps/$two" 2>"$tmp/message"; then fail "an export replaces what others build on"; fi
grep -q "'$two' is not replaced: '$three' builds on it" "$tmp/message" || fail "$(cat "$tmp/message")"
mv "$tmp/one" "$dumps/one"
vthunder -q dump "$domain" --file "$dumps/one"
rm "$dumps/one"

# Gone, asked for, lost: a full dump and the reason.
mv "$dumps/$three" "$tmp/three"
take
is '.base == null and (.full_reason | test("is gone"))'
take --full
is '.base == null and (.full_reason | test("asked for"))'
touch "$dumps/$name"
take
is '.base == null and (.full_reason | test("modified"))'
check_image "$dumps/$name" --note --nonce "$nonce"
last=$name
virsh -q reset "$domain"
guest_ready 2
find_domain_counters
take
is '.base == null and (.full_reason | test("reset"))'
[ "$name" != "$last" ] || fail "the same name"
assert_domain_dumps
