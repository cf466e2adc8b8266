#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever of memory, threads or descriptors is missing, and when: a compressed dump fails or is right, and the guest goes on.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/live/scarce.sh
. "$live/scarce.sh"
need_mirror
need_scarce
scarce_guest
need_format kdump-zstd
survives_all scarce_dump format=kdump-zstd
