# SPDX-License-Identifier: GPL-2.0-or-later
# Patch names come from the series file, which is their only list.

EXTRA_DIST += \
	qemu-patches/README.md \
	qemu-patches/10.0 \
	qemu-patches/files \
	$(NULL)
