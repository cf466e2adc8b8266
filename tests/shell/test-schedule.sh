#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# schedule-add, -list, -edit, -remove, -enable, -disable, -next.
. "$(dirname "$0")/lib.sh"
need jq

add='schedule-add test nightly "0 3 * * *" --keep-daily 7 --keep-within 2d'
ok "$add; schedule-list"
like "Schedule 'nightly' added, next dump at 20??-??-?? 03:00:00*" "$out"
like '*Domain *Name *Cron *Mode *Enabled *Next *Keep*test *nightly *0 3 \* \* \* *mirror *yes *in *7*' "$out"

# after COMMANDS FILTER EXPECTED: the first schedule, when COMMANDS have run.
after () { vt -q "$1; schedule-list test --json"; [ "$code" = 0 ] || fail "$1: $err"; equal "$3" "$(json "$2")"; }
after "$add" '.[0].retention.daily' 7
after "$add" '.[0].retention.within_s' 172800
after "$add" '.[0].mode' mirror
after "schedule-add test a @hourly --mode stop --allow-pause" '.[0] | [.mode, .allow_pause] | @csv' '"stop",true'
after "$add --disabled" '.[0] | [.enabled, .next] | tostring' '[false,null]'
after "$add; schedule-disable test nightly" '.[0].enabled | tostring' false
after "$add; schedule-disable test nightly; schedule-enable test nightly" '.[0].enabled | tostring' true
after "$add; schedule-edit test nightly --cron @weekly" '.[0].cron' @weekly
after "$add; schedule-edit test nightly --keep-last 3" '.[0].retention | [.last, .daily] | @csv' 3,7
after "$add; schedule-edit test nightly --keep-daily 0 --keep-within 0" '.[0].retention | add' 0
after "$add; schedule-edit test nightly --allow-pause yes" '.[0].allow_pause' true
after "$add; schedule-edit test nightly --mode stop" '.[0].mode' stop
after "$add; schedule-remove test nightly" 'length' 0
after "$add; schedule-add test second @daily; schedule-remove test nightly" '.[0].name' second
after "$add --live" 'length' 1
after "$add --config" 'length | tostring' 0

inc='schedule-add test often @hourly --mode incremental'
after "$inc" '.[0] | [.mode, .full_every] | @csv' '"incremental","24"'
after "$inc --full-every 12" '.[0].full_every' 12
after "$inc --full-every 36h" '.[0].full_every' 1d12h
after "$inc --full-every 1d; schedule-edit test often --full-every 7" '.[0].full_every' 7
after "$inc --full-every 7; schedule-edit test often --keep-last 3" '.[0].full_every' 7
after "$inc; schedule-edit test often --mode mirror" '.[0].full_every | tostring' null
after "$add; schedule-edit test nightly --mode incremental --full-every 2d" '.[0].full_every' 2d
ok "$inc --full-every 2d; schedule-list"
like '*Full every*often *@hourly *incremental *2d *yes *' "$out"
refused 2 'for --mode incremental' "$add --full-every 3"
refused 2 'interval of full dumps' schedule-add test x @daily --mode incremental --full-every 0
refused 2 'interval of full dumps' schedule-add test x @daily --mode incremental --full-every often

refused 2 'exists already' "$add; $add"
refused 2 nonsense schedule-add test x nonsense
refused 2 '' schedule-add test x '0 0 31 2 *'
refused 2 '' schedule-add test 'bad name' @daily
refused 2 '' schedule-add test manual @daily
refused 2 '' schedule-add test x @daily --mode nonsense
refused 2 '' schedule-add test x @daily --keep-within nonsense
refused 2 'not a number' schedule-add test x @daily --keep-last -1
refused 2 'mutually exclusive' schedule-add test x @daily --live --current
refused 1 nonsense schedule-add nonsense x @daily
refused 1 "domain 'test' has no schedule 'x'" schedule-remove test x
refused 1 "domain 'test' has no schedule 'x'" schedule-enable test x
refused 1 "domain 'test' has no schedule 'x'" schedule-edit test x --keep-last 1
refused 1 "domain 'test' has no schedule 'x'" schedule-next test x
refused 2 'requires something to change' schedule-edit test x

vt -q "schedule-next --cron '30 3 * * *' --count 3 --json"
equal 3 "$(json length)"
equal true "$(json 'all(.[]; .time | endswith("T03:30:00Z"))')"
equal true "$(json '[.[].time] == ([.[].time] | sort | unique)')"
test_uri=nonsense:///x vt -q "schedule-next --cron @daily"; equal 0 "$code"
refused 2 '' schedule-next --cron nonsense
refused 2 'mutually exclusive' schedule-next test --cron @daily
# Of two schedules the earlier time comes first.
vt -q "schedule-add test a @daily; schedule-add test b @hourly; schedule-next --count 30 --json"
equal true "$(json '[.[].time] == ([.[].time] | sort)')"
equal true "$(json '[.[].schedule] | unique == ["a", "b"]')"
# Another zone, another hour.
TZ=Asia/Seoul vt -q "schedule-next --cron '30 3 * * *' --count 1 --json"
like '*T18:30:00Z' "$(json '.[0].time')"

# The running domain and its persistent definition may differ: after a define without our metadata, or a start from a saved state.
vt 'schedule-add test s @daily --live; schedule-edit test s --keep-last 3; schedule-list test --json'
equal 0 "$code"
equal "warning: domain 'test' has no schedule 's' in its persistent definition: only the running domain was changed" "$err"
vt 'schedule-add test s @daily --config; schedule-disable test s'
equal 0 "$code"
equal "warning: domain 'test' has no schedule 's' in the running domain: only its persistent definition was changed" "$err"
ok 'schedule-add test s @daily; schedule-edit test s --keep-last 3'
ok 'schedule-add test s @daily --live; schedule-edit test s --live --keep-last 3'
# doctor_says STATUS COMMANDS: of the definitions.
doctor_says ()
{
    vt "$2; doctor --json"
    sed -n '/^\[/,$p' "$tmp/out" >"$tmp/json"
    equal "$1" "$(jq -r '.[] | select(.check == "definitions").status' "$tmp/json")"
}
doctor_says ok 'schedule-add test s @daily'
doctor_says warning 'schedule-add test s @daily --live'
like "*: test" "$(jq -r '.[] | select(.check == "definitions").detail' "$tmp/json")"
doctor_says warning 'schedule-add test s @daily; schedule-edit test s --config --keep-last 30'
doctor_says ok 'schedule-add test s @daily; schedule-edit test s --config --keep-last 30; schedule-edit test s --live --keep-last 30'
