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
[ "$(wc -l <"$tmp/lines")" = 8 ] || fail "$(wc -l <"$tmp/lines") lines"
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
wait_for 30 grep -q "full: every 1 dumps" "$tmp/text" || wait_for 1 grep -q "incremental on" "$tmp/text" ||
    fail "no dump on another: $(cat "$tmp/text" "$tmp/text.err")"
sleep 1
kill -INT "$watch"
wait "$watch" || fail "watch ends with $?: $(cat "$tmp/text.err")"
tail -n 1 "$tmp/text" | grep -Eq '^[0-9]+ dumps taken, [0-9]+ intervals missed, [0-9]+ dumps kept$' || fail "$(cat "$tmp/text")"
no_leftovers "$dumps" ""
for name in $(jq -rs '.[-3:][].name' "$tmp/lines"); do [ -e "$dumps/$name" ] || fail "$name was removed"; done
# An interval that is too short is said to be missed.
vthunder watch "$domain" --interval 10ms --keep 1 --count 4 --output "$dumps" --json >"$tmp/lines"
jq -es 'map(.missed) | add > 0' "$tmp/lines" >/dev/null || fail "no interval was missed: $(cat "$tmp/lines")"
assert_domain_dumps
