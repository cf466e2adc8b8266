#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The series apply without fuzz to the sources in BASE and re-export unchanged.
exec "${abs_top_srcdir:?run me by make check-patches}/tools/patches-check" --offline \
    --cache "${VTHUNDER_CACHE:-$abs_top_builddir/cache}"
