#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The inputs that the fuzzer found worth keeping, and some random ones.
. "$(dirname "$0")/lib.sh"

fuzzer=${abs_top_builddir:?}/tests/fuzz/fuzz-command-line
[ -x "$fuzzer" ] || skip "the fuzzer was not built"
"$fuzzer" "$srcdir"/tests/fuzz/corpus/command-line/* || fail "replay"
"$fuzzer" --random "${VTHUNDER_FUZZ_RUNS:-20000}" || fail "random input"
