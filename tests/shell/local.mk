# SPDX-License-Identifier: GPL-2.0-or-later

EXTRA_DIST += tests/shell/lib.sh tests/shell/term.sh tests/bench/shell-speed
SHELL_TESTS += \
	tests/shell/test-batch.sh \
	tests/shell/test-complete-bash.sh \
	tests/shell/test-complete.sh \
	tests/shell/test-connection.sh \
	tests/shell/test-dump.sh \
	tests/shell/test-fuzz-parse.sh \
	tests/shell/test-help.sh \
	tests/shell/test-history.sh \
	tests/shell/test-interactive.sh \
	tests/shell/test-json.sh \
	tests/shell/test-list-200.sh \
	tests/shell/test-list.sh \
	tests/shell/test-locale.sh \
	tests/shell/test-options.sh \
	tests/shell/test-parse.sh \
	tests/shell/test-path.sh \
	tests/shell/test-readonly.sh \
	tests/shell/test-resize.sh \
	tests/shell/test-schedule.sh \
	tests/shell/test-self-test.sh \
	tests/shell/test-stdin.sh \
	$(NULL)
LIVE_TESTS += \
	tests/live/test-shell-batch.sh \
	tests/live/test-shell-cancel.sh \
	tests/live/test-shell-dump.sh \
	$(NULL)
