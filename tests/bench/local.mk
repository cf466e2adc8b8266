# SPDX-License-Identifier: GPL-2.0-or-later
# `make bench`: ways to take a guest's memory side by side.  Needs what the live tests need.

EXTRA_DIST += tests/bench/bench
