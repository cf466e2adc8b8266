# SPDX-License-Identifier: GPL-2.0-or-later
# Patch names come from the series file, which is their only list.

EXTRA_DIST += \
	libvirt-patches/README.md \
	libvirt-patches/11.3 \
	libvirt-patches/files \
	$(NULL)
