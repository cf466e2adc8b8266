#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# quickstart's own decisions: arguments, and packages that are missing, too old
# or only in backports.  dpkg and apt are stand-ins.
# shellcheck disable=SC2016 # expanded by the stand-ins
# shellcheck source=tests/build/fixture.sh
. "$(dirname "$0")/fixture.sh"
cp "$srcdir/quickstart" "$mini/"
bin=$tmp/bin
mkdir "$bin"
stub () { printf '#!/bin/sh\n%s\n' "$2" >"$bin/$1"; chmod +x "$bin/$1"; }
quickstart () { run env PATH="$bin:$PATH" "$mini/quickstart" "$@"; }
cat >"$mini/tools/packages" <<'LIST'
# a comment
gcc
meson 1.5
?crash
LIST

quickstart
expect_status 0
expect "^Usage: ./quickstart COMMAND"
# And no build, nor hours of measuring, for who asks how.
quickstart bench --help
expect_status 0
expect "^Usage: ./quickstart COMMAND"
quickstart frobnicate
expect_status 2
quickstart build with-no-dashes
expect_status 1
expect "not a configure option: 'with-no-dashes'"

# Not root, or not to be installed: the list, and how.
stub dpkg-query 'case "$*" in *gcc*) echo "ii 12.2" ;; *meson*) echo "ii 1.0.1-5" ;; *) exit 1 ;; esac'
stub dpkg '[ "$2 $3 $4" != "1.0.1-5 lt 1.5" ] || exit 0; exit 1'
VTHUNDER_NO_INSTALL=1 quickstart build
expect_status 1
expect "missing packages: meson$"
expect_not "gcc\|crash"
stub id 'echo 1000'
quickstart build
expect_status 1
expect "missing packages: meson$"
expect "as root once"

# All there, but the optional one: on to the build.
stub dpkg-query 'case "$*" in *crash*) exit 1 ;; esac; echo "ii 99"'
stub dpkg 'exit 1'
printf '#!/bin/sh\necho "stack-build $*"; exit 1\n' >"$mini/tools/stack-build"
quickstart build
expect_status 1
expect "stack-build --builddir .* qemu libvirt$"
# One's own is not built.
quickstart build --with-libvirt=/x
expect "stack-build --builddir .* qemu$"
exit 0
