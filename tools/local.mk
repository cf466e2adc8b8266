# SPDX-License-Identifier: GPL-2.0-or-later

EXTRA_DIST += \
	tools/apt-private \
	tools/lib.sh \
	tools/make-help.txt \
	tools/packages \
	tools/patches-apply \
	tools/patches-check \
	tools/patches-refresh \
	tools/stack-build \
	tools/test-summary \
	$(NULL)
