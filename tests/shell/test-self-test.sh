#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The command table keeps its own rules.
. "$(dirname "$0")/lib.sh"

ok self-test
equal '' "$out"
