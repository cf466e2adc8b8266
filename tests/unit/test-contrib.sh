#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The units are valid, and of timer and cron only one acts.
set -eu
builddir=${abs_top_builddir:?} srcdir=${abs_top_srcdir:?}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

if command -v systemd-analyze >/dev/null; then
    cp "$builddir/contrib/vthunder-batch.service" "$srcdir/contrib/vthunder-batch.timer" "$tmp"
    sed -i 's|^ExecStart=.*|ExecStart=/bin/true|' "$tmp/vthunder-batch.service"
    out=$(systemd-analyze verify --man=no "$tmp/vthunder-batch.timer" 2>&1 | grep vthunder || :)
    [ -z "$out" ] || { echo "$out" >&2; exit 1; }
    systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' "$tmp/vthunder-batch.timer")" >/dev/null
fi

# The command of the cron line, in worlds with and without systemd and program.
line=$(sed -n 's/^\* \* \* \* \* root //p' "$builddir/contrib/cron.d/vthunder")
[ -n "$line" ]
program=$(echo "$line" | sed 's/.*|| \([^ ]*\) .*/\1/')
mkdir -p "$tmp/bin" "$tmp/systemd"
printf '#!/bin/sh\necho ran "$@"\n' >"$tmp/bin/vthunder"
chmod +x "$tmp/bin/vthunder"
try ()
{
    sh -c "$(echo "$line" | sed "s|/run/systemd/system|$1|; s|$program|$2|g")"
}
[ "$(try "$tmp/systemd" "$tmp/bin/vthunder")" = "" ]
[ "$(try "$tmp/none" "$tmp/bin/vthunder")" = "ran batch" ]
[ "$(try "$tmp/none" "$tmp/bin/none")" = "" ]
