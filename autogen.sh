#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Generates configure in a git checkout; a release tarball has it already.
set -e
cd "$(dirname "$0")"
for tool in autoreconf automake libtoolize pkg-config; do
	command -v "$tool" >/dev/null || {
		echo "autogen.sh: $tool is missing: install autoconf automake libtool pkg-config" >&2
		exit 1
	}
done
exec autoreconf --install --warnings=all,no-portability "$@"
