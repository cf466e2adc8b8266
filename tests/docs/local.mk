# SPDX-License-Identifier: GPL-2.0-or-later

DOCS_TESTS += \
	tests/docs/test-man-batch.sh \
	tests/docs/test-man-commands.sh \
	tests/docs/test-man-format.sh \
	tests/docs/test-man-library.sh \
	tests/docs/test-man-xml.sh \
	tests/docs/test-markdown.sh \
	$(NULL)
