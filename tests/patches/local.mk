# SPDX-License-Identifier: GPL-2.0-or-later

PATCHES_TESTS += tests/patches/test-patches.sh
