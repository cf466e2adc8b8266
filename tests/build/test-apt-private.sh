#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The private apt configuration: derived from either format of sources, knows
# backports at the machine's mirror, makes nothing a default that was none.
# shellcheck disable=SC2016 # apt's own variables
# shellcheck source=tests/build/fixture.sh
. "$(dirname "$0")/fixture.sh"

etc=$tmp/etc
private () { rm -rf "$tmp/apt"; run "$mini/tools/apt-private" bookworm "$tmp/apt" "$etc"; }
has () { grep -qx -e "$2" "$tmp/apt/$1" || { cat "$tmp/apt/$1"; fail "no '$2' in $1"; }; }
has_not () { ! grep -q -e "$2" "$tmp/apt/$1" || fail "'$2' in $1"; }

# One line a source, with options; a third party's and another release's are out.
mkdir -p "$etc/sources.list.d"
cat >"$etc/sources.list" <<LIST
# deb http://old.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/debian bookworm-updates main
deb http://security.example/debian-security bookworm-security main
deb http://mirror.example/debian trixie main
LIST
echo 'deb http://third.example/apt nodistro main' >"$etc/sources.list.d/third.list"
private
expect_status 0
has sources/machine.list 'deb \[arch=amd64 signed-by=/k.gpg\] http://mirror.example/debian bookworm main contrib'
has sources/machine.list 'deb \[arch=amd64 signed-by=/k.gpg\] http://mirror.example/debian bookworm-backports main'
has sources/machine.list 'deb http://security.example/debian-security bookworm-security main'
has_not sources/machine.list 'security bookworm-backports'
has_not sources/machine.list 'trixie\|third\|old.example\|deb-src'
has preferences 'Pin: release n=bookworm-backports'
has preferences 'Pin-Priority: 100'

# Stanzas, with a comment inside and one that is disabled.
rm "$etc/sources.list"
cat >"$etc/sources.list.d/debian.sources" <<SOURCES
Types: deb deb-src
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main non-free
Signed-By: /k.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main
SOURCES
echo 'Package: x' >"$etc/preferences"
private
expect_status 0
has sources/machine.sources 'Suites: bookworm bookworm-updates'
has sources/machine.sources 'Suites: bookworm-backports'
[ "$(grep -c 'backports' "$tmp/apt/sources/machine.sources")" = 1 ] || fail "backports more than once"
grep -A3 -B3 'bookworm-backports' "$tmp/apt/sources/machine.sources" | grep -qx 'Signed-By: /k.gpg' ||
    fail "the key is lost"
has_not sources/machine.sources 'off.example'
has preferences 'Package: x'

# apt takes it for what it is meant.
if command -v apt-config >/dev/null; then
    run env APT_CONFIG="$tmp/apt/apt.conf" apt-get indextargets --format '$(RELEASE) $(FILENAME)'
    expect_status 0
fi

# Nothing to go by.
rm -r "${etc:?}"/*
private
expect_status 1
expect "no mirror of bookworm in"
exit 0
