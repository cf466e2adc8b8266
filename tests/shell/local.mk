# SPDX-License-Identifier: GPL-2.0-or-later

EXTRA_DIST += tests/shell/lib.sh tests/shell/overlays.sh tests/shell/term.sh tests/bench/shell-speed
SHELL_TESTS += \
	tests/shell/test-batch.sh \
	tests/shell/test-complete-bash.sh \
	tests/shell/test-complete.sh \
	tests/shell/test-connect-hangs.sh \
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
	tests/shell/test-overlay-chain.sh \
	tests/shell/test-overlay.sh \
	tests/shell/test-parse.sh \
	tests/shell/test-path.sh \
	tests/shell/test-readonly.sh \
	tests/shell/test-resize.sh \
	tests/shell/test-schedule.sh \
	tests/shell/test-self-test.sh \
	tests/shell/test-state.sh \
	tests/shell/test-stdin.sh \
	$(NULL)
LIVE_TESTS += \
	tests/live/test-shell-batch.sh \
	tests/live/test-shell-batch-busy.sh \
	tests/live/test-shell-batch-warns.sh \
	tests/live/test-shell-incremental.sh \
	tests/live/test-shell-incremental-batch.sh \
	tests/live/test-shell-incremental-clone.sh \
	tests/live/test-shell-incremental-unlogged.sh \
	tests/live/test-shell-watch.sh \
	tests/live/test-shell-other-job.sh \
	tests/live/test-shell-detach.sh \
	tests/live/test-shell-cancel.sh \
	tests/live/test-shell-cancel-stop.sh \
	tests/live/test-shell-dump.sh \
	tests/live/test-shell-foreign.sh \
	tests/live/test-shell-pool-inactive.sh \
	tests/live/test-shell-refused-device.sh \
	tests/live/test-shell-stock-libvirt.sh \
	tests/live/test-shell-tuned.sh \
	$(NULL)
LONG_TESTS += \
	tests/live/test-shell-incremental-pool.sh \
	tests/live/test-shell-pool.sh \
	tests/live/test-shell-second-daemon.sh \
	tests/live/test-shell-ssh.sh \
	tests/live/test-shell-stock-debian.sh \
	tests/live/test-shell-stock-qemu.sh \
	$(NULL)

# Stands before libvirt's client library and behaves as a stock one's daemon would.
check_LTLIBRARIES += tests/live/stock-libvirt.la
tests_live_stock_libvirt_la_SOURCES = tests/live/stock-libvirt.c
tests_live_stock_libvirt_la_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(LIBVIRT_CFLAGS)
tests_live_stock_libvirt_la_LIBADD = $(GLIB_LIBS)
tests_live_stock_libvirt_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
