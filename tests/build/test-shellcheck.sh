#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every shell script of the tree is clean.
cd "${abs_top_srcdir:?run me by make check}" || exit 99
command -v shellcheck >/dev/null || { echo "SKIP: shellcheck is missing"; exit 77; }
[ -e .git ] || { echo "SKIP: no git checkout"; exit 77; }
mapfile -t scripts < <(git ls-files | while read -r file; do
    [ -f "$file" ] && head -n 1 "$file" | LC_ALL=C grep -aq '^#!.*[/ ]\(ba\|da\|\)sh\b\|^# shellcheck shell' && echo "$file"
done)
[ ${#scripts[@]} -gt 10 ] || { echo "only ${#scripts[@]} scripts found"; exit 1; }
echo "${#scripts[@]} scripts"
shellcheck -x -P SCRIPTDIR -P . "${scripts[@]}"
