#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 200 domains with long names fit 80 columns of a terminal; a pipe gets all.
. "$(dirname "$0")/lib.sh"

make_domains 200
ok list --all
equal 202 "$(wc -l <"$tmp/out")"
like '*domain-with-a-rather-long-name-200*' "$out"
schedules=$(for i in 001 002 200; do
    echo "schedule-add domain-with-a-rather-long-name-$i a-rather-long-schedule-name @daily;"
done)

for width in 80 60 132; do
    printf '#!/bin/bash\nexec vthunder -q -c %q %q\n' "$test_uri" "$schedules list --all" >"$tmp/run"
    chmod +x "$tmp/run"
    term_start "$width" 230 "$tmp/run"
    term_wait '^END 0'
    term_screen >"$tmp/screen"
    # A line that was too long went on in the next one, and there are more.
    equal 200 "$(grep -c '^ *[0-9]* *domain.*-[0-9]* *running' "$tmp/screen")"
    while read -r line; do
        [ ${#line} -le "$width" ] || fail "wider than $width: $line"
    done <"$tmp/screen"
    grep -q 'in [0-9]' "$tmp/screen" || fail "no next dump at $width columns"
    term_stop
done
