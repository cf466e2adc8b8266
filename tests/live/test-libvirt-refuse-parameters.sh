#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Options that only --thunder takes are refused without it, each by its name.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 384 1 ""
for option in "--mirror-limit 1G" "--threads 2" "--bandwidth 10" "--note {}" "--strategy auto" --track "--base x"; do
    # shellcheck disable=SC2086  # an option and its value
    refused_dump "required by option ${option%% *}" "$image" --memory-only $option
done
refused_dump "required by option --storage" "$image" --thunder --storage file
refused_dump "pray" "$image" --thunder --strategy pray
# A QEMU without one of them is named by what it lacks.
for option in "threads 2" "bandwidth 10" "strategy protect" "track"; do
    # shellcheck disable=SC2086
    if ! (need_dump_argument "${option%% *}") >/dev/null; then
        refused_dump "does not support parameter '${option%% *}'" "$image" --thunder --$option
    fi
done
[ ! -e "$image" ] || fail "a refused dump leaves a file"
assert_domain_dumps
