#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# watch: dumps at an interval, the newest are kept, chains are not broken, a hook for each, Ctrl-C ends it cleanly, and the
# tracking with it.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
incremental_domain
dumps=$tmp/dumps
mkdir -m 700 "$dumps"
cat >"$tmp/hook" <<'HOOK'
#!/bin/sh
echo "$VTHUNDER_EVENT $VTHUNDER_MODE $VTHUNDER_PATH" >>"${0%/*}/hooked"
HOOK
chmod 755 "$tmp/hook"
vthunder watch "$domain" --interval 500ms --keep 3 --count 8 --output "$dumps" --hook "$tmp/hook" --json >"$tmp/lines" ||
    fail "watch fails"
# Its end is that of the tracking.
! vthunder dump-untrack "$domain" 2>"$tmp/refusal" || fail "the domain is still tracked"
grep -q "not tracked" "$tmp/refusal" || fail "$(cat "$tmp/refusal")"
[ "$(wc -l <"$tmp/lines")" = 9 ] || fail "$(wc -l <"$tmp/lines") lines"
# totals: takes the last line away, which has to be like this.
totals ()
{
    tail -n 1 "$tmp/lines" | jq -e "$1" >/dev/null || fail "totals: $(tail -n 1 "$tmp/lines")"
    sed -i '$d' "$tmp/lines"
}
totals '.taken == 8 and .failed == 0 and .missed >= 0 and .kept >= 3'
jq -es '.[0].base == null and .[1].base == .[0].name and all(.[]; .missed >= 0)' "$tmp/lines" >/dev/null || fail "$(cat "$tmp/lines")"
[ "$(wc -l <"$tmp/hooked")" = 8 ] || fail "$(wc -l <"$tmp/hooked") runs of the hook"
grep -q "^post incremental $dumps/" "$tmp/hooked" || fail "$(cat "$tmp/hooked")"
# All that are left can be read, the newest three are among them, and there are no more than two chains.
left=$(find "$dumps" -name '*.core' | wc -l)
if [ "$left" -lt 3 ] || [ "$left" -gt 6 ]; then fail "$left dumps are left"; fi
for name in $(jq -rs '.[-3:][].name' "$tmp/lines"); do
    check_image "$(whole_image "$dumps/$name")" --note --nonce "$nonce"
    rm -f "$dumps/$name.whole"
done
# Nothing beside what is left.
for i in "$dumps"/*.vthunder; do [ -e "${i%.vthunder}" ] || fail "left over: $i"; done

# What was there before is not watch's to remove.  Ctrl-C, which a shell has its background jobs ignore.
env --default-signal=INT vthunder watch "$domain" --interval 300ms --keep 1 --output "$dumps" >"$tmp/text" 2>"$tmp/text.err" &
watch=$!
pids+=("$watch")
wait_for 60 grep -q "full: every 1 dumps" "$tmp/text" || wait_for 1 grep -q "incremental on" "$tmp/text" ||
    fail "no dump on another: $(cat "$tmp/text" "$tmp/text.err")"
sleep 1
kill -INT "$watch"
wait "$watch" || fail "watch ends with $?: $(cat "$tmp/text.err")"
tail -n 1 "$tmp/text" | grep -Eq '^[0-9]+ dumps taken, 0 failed, [0-9]+ intervals missed, [0-9]+ dumps kept$' || fail "$(cat "$tmp/text")"
no_leftovers "$dumps" ""
for name in $(jq -rs '.[-3:][].name' "$tmp/lines"); do [ -e "$dumps/$name" ] || fail "$name was removed"; done
# An interval that is too short is said to be missed.
vthunder watch "$domain" --interval 10ms --keep 1 --count 4 --output "$dumps" --json >"$tmp/lines"
totals '.taken == 4 and .missed > 0'
jq -es 'map(.missed) | add > 0' "$tmp/lines" >/dev/null || fail "no interval was missed: $(cat "$tmp/lines")"
# start_watch OPTION...: until the first dump is there.  The lines of the watch before must not be taken for its.
start_watch ()
{
    rm -f "$tmp/lines"
    vthunder watch "$domain" --interval 300ms --output "$dumps" --json "$@" >"$tmp/lines" 2>"$tmp/text.err" &
    watch=$!
    pids+=("$watch")
    wait_for 60 grep -qs '"own":true' "$tmp/lines" || fail "no dump: $(cat "$tmp/lines" "$tmp/text.err")"
}
# A dump that fails is not the end: the output is gone for a moment.  So many that there are some before, then and after
# also where this script is slow.
start_watch --count 50
mv "$dumps" "$tmp/away"
wait_for 60 grep -q '"error":' "$tmp/lines" || fail "no dump fails: $(cat "$tmp/lines" "$tmp/text.err")"
mv "$tmp/away" "$dumps"
code=0
wait "$watch" || code=$?
[ "$code" = 10 ] || fail "watch ends with $code: $(cat "$tmp/text.err")"
grep -q "^error: .*$dumps" "$tmp/text.err" || fail "no error: $(cat "$tmp/text.err")"
[ -e "$(jq -rs 'map(select(.own)) | last.path' "$tmp/lines")" ] || fail "the last dump is gone"
totals '.taken + .failed == 50 and .taken >= 2 and .failed >= 1'
jq -es 'last.own' "$tmp/lines" >/dev/null || fail "no dump after the one that failed: $(cat "$tmp/lines")"
# The end of the guest is.
start_watch --keep 1
assert_domain_dumps
virsh -q destroy "$domain"
code=0
wait "$watch" || code=$?
[ "$code" = 1 ] || fail "watch ends with $code: $(cat "$tmp/text.err")"
totals '.taken >= 1'
