# SPDX-License-Identifier: GPL-2.0-or-later
# Tests on a real guest in the built stack.  tests/README.md says what each is for.

check_PROGRAMS += tests/live/stall-probe
tests_live_stall_probe_SOURCES = tests/live/stall-probe.c
tests_live_stall_probe_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS)
tests_live_stall_probe_LDADD = $(GLIB_LIBS)

# Stands before the kernel's vhost in QEMU, where a host has none.
check_LTLIBRARIES += tests/live/vhost-stub.la
tests_live_vhost_stub_la_SOURCES = tests/live/vhost-stub.c
tests_live_vhost_stub_la_CFLAGS = $(AM_CFLAGS)
tests_live_vhost_stub_la_LDFLAGS = $(AM_LDFLAGS) -pthread -module -avoid-version -shared -rpath /nowhere

# Stands before QEMU's C library and makes its host one where protecting memory is dear.
check_LTLIBRARIES += tests/live/dear-protect.la
tests_live_dear_protect_la_SOURCES = tests/live/dear-protect.c
tests_live_dear_protect_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere

# Stands before the C library of QEMU, and lets it run out of something.
check_LTLIBRARIES += tests/live/scarce.la
tests_live_scarce_la_SOURCES = tests/live/scarce.c
tests_live_scarce_la_CFLAGS = $(AM_CFLAGS)
tests_live_scarce_la_LIBADD = -ldl
tests_live_scarce_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere

LIVE_TESTS += \
	tests/live/test-consumer-crash-kdump.sh \
	tests/live/test-consumer-crash.sh \
	tests/live/test-consumer-drgn.sh \
	tests/live/test-consumer-gdb-kernel.sh \
	tests/live/test-consumer-gdb.sh \
	tests/live/test-consumer-incremental.sh \
	tests/live/test-consumer-makedumpfile-dmesg.sh \
	tests/live/test-consumer-makedumpfile-filter.sh \
	tests/live/test-hybrid.sh \
	tests/live/test-incremental-blocker-at-t0.sh \
	tests/live/test-incremental-clone.sh \
	tests/live/test-incremental-cycles.sh \
	tests/live/test-incremental-cycles-sata.sh \
	tests/live/test-incremental-killed.sh \
	tests/live/test-incremental-lost.sh \
	tests/live/test-incremental-lost-at-t0.sh \
	tests/live/test-incremental-mappings.sh \
	tests/live/test-incremental-overlay.sh \
	tests/live/test-incremental-overlay-space.sh \
	tests/live/test-incremental-pieces.sh \
	tests/live/test-incremental-vhost-net.sh \
	tests/live/test-incremental-vsock.sh \
	tests/live/test-incremental-vsock-hotplug.sh \
	tests/live/test-libvirt-abort.sh \
	tests/live/test-libvirt-apparmor.sh \
	tests/live/test-libvirt-capabilities.sh \
	tests/live/test-libvirt-figures.sh \
	tests/live/test-libvirt-formats-makedumpfile.sh \
	tests/live/test-libvirt-formats.sh \
	tests/live/test-libvirt-keeps-old-file.sh \
	tests/live/test-libvirt-killed-client.sh \
	tests/live/test-libvirt-killed-daemon-finished.sh \
	tests/live/test-libvirt-killed-daemon.sh \
	tests/live/test-libvirt-killed-qemu.sh \
	tests/live/test-libvirt-live-flag.sh \
	tests/live/test-libvirt-memory-only.sh \
	tests/live/test-libvirt-meanwhile.sh \
	tests/live/test-libvirt-mirror-limit.sh \
	tests/live/test-libvirt-note.sh \
	tests/live/test-libvirt-own.sh \
	tests/live/test-libvirt-paused.sh \
	tests/live/test-libvirt-refuse-crash.sh \
	tests/live/test-libvirt-refuse-parameters.sh \
	tests/live/test-libvirt-second.sh \
	tests/live/test-libvirt-stale.sh \
	tests/live/test-libvirt-status.sh \
	tests/live/test-libvirt-thunder.sh \
	tests/live/test-libvirt-track-full.sh \
	tests/live/test-libvirt-track-restart.sh \
	tests/live/test-libvirt-track.sh \
	tests/live/test-libvirt-tuned.sh \
	tests/live/test-libvirt-unwritable.sh \
	tests/live/test-libvirt-verbose.sh \
	tests/live/test-mirror-balloon.sh \
	tests/live/test-mirror-cancel.sh \
	tests/live/test-mirror-client-gone.sh \
	tests/live/test-mirror-dear-protect.sh \
	tests/live/test-mirror-dirty.sh \
	tests/live/test-mirror-dma-iothread.sh \
	tests/live/test-mirror-dma.sh \
	tests/live/test-mirror-elf64.sh \
	tests/live/test-mirror-fd.sh \
	tests/live/test-mirror-figures.sh \
	tests/live/test-mirror-few-threads.sh \
	tests/live/test-mirror-firmware.sh \
	tests/live/test-mirror-full-disk.sh \
	tests/live/test-mirror-guest-reboot.sh \
	tests/live/test-mirror-hugetlb.sh \
	tests/live/test-mirror-kdump-payload.sh \
	tests/live/test-mirror-kdump-zstd.sh \
	tests/live/test-mirror-killed-qemu.sh \
	tests/live/test-mirror-ksm.sh \
	tests/live/test-mirror-kvm.sh \
	tests/live/test-mirror-leaks.sh \
	tests/live/test-mirror-memfd.sh \
	tests/live/test-mirror-numa.sh \
	tests/live/test-mirror-paused.sh \
	tests/live/test-mirror-payload.sh \
	tests/live/test-mirror-protect-calls-linux.sh \
	tests/live/test-mirror-protect-calls.sh \
	tests/live/test-mirror-q35.sh \
	tests/live/test-mirror-quit.sh \
	tests/live/test-mirror-range.sh \
	tests/live/test-mirror-reset.sh \
	tests/live/test-mirror-rlimit.sh \
	tests/live/test-mirror-shm.sh \
	tests/live/test-mirror-slow-output.sh \
	tests/live/test-mirror-small-limit.sh \
	tests/live/test-mirror-smp.sh \
	tests/live/test-mirror-sparse.sh \
	tests/live/test-mirror-stop-cont.sh \
	tests/live/test-mirror-thp-off.sh \
	tests/live/test-mirror-threads.sh \
	tests/live/test-mirror-uffd-fd.sh \
	tests/live/test-mirror-unwritable.sh \
	tests/live/test-mirror-virtio-mem.sh \
	tests/live/test-oracle-sees-damage.sh \
	tests/live/test-oracle-sees-tear.sh \
	tests/live/test-precopy-too-fast.sh \
	tests/live/test-precopy.sh \
	tests/live/test-qemu-own.sh \
	tests/live/test-refuse-file.sh \
	tests/live/test-refuse-hotplug.sh \
	tests/live/test-refuse-kdump-range.sh \
	tests/live/test-refuse-limit.sh \
	tests/live/test-refuse-migration.sh \
	tests/live/test-refuse-netdev.sh \
	tests/live/test-refuse-note.sh \
	tests/live/test-refuse-options.sh \
	tests/live/test-refuse-paging.sh \
	tests/live/test-refuse-pipe.sh \
	tests/live/test-refuse-reconnect.sh \
	tests/live/test-refuse-second.sh \
	tests/live/test-refuse-threads.sh \
	tests/live/test-refuse-vhost-user.sh \
	tests/live/test-refuse-wait.sh \
	tests/live/test-refuse-win-dmp.sh \
	tests/live/test-scarce.sh \
	tests/live/test-stall-probe.sh \
	tests/live/test-stop-consistent.sh \
	tests/live/test-stop-unchanged.sh \
	$(NULL)

# Variants of the above, and what takes minutes.
LONG_TESTS += \
	tests/live/test-consumer-makedumpfile-kdump-filter.sh \
	tests/live/test-libvirt-storage.sh \
	tests/live/test-mirror-bandwidth.sh \
	tests/live/test-mirror-kdump-cancel.sh \
	tests/live/test-libvirt-crashes.sh \
	tests/live/test-bench-incremental.sh \
	tests/live/test-bench.sh \
	tests/live/test-consumer-makedumpfile-kdump.sh \
	tests/live/test-incremental-balloon.sh \
	tests/live/test-incremental-cycles-hybrid.sh \
	tests/live/test-incremental-cycles-memfd.sh \
	tests/live/test-incremental-cycles-overlay.sh \
	tests/live/test-incremental-cycles-payload.sh \
	tests/live/test-incremental-cycles-precopy.sh \
	tests/live/test-mirror-bandwidth-yields.sh \
	tests/live/test-mirror-kdump-full-disk.sh \
	tests/live/test-mirror-kdump-lzo.sh \
	tests/live/test-mirror-kdump-memfd.sh \
	tests/live/test-mirror-kdump-small-limit.sh \
	tests/live/test-mirror-kdump-snappy.sh \
	tests/live/test-mirror-kdump-torn.sh \
	tests/live/test-mirror-kdump-zlib.sh \
	tests/live/test-scarce-clone.sh \
	tests/live/test-scarce-hybrid.sh \
	tests/live/test-scarce-kdump.sh \
	tests/live/test-scarce-overlay.sh \
	tests/live/test-scarce-precopy.sh \
	tests/live/test-scarce-protect.sh \
	tests/live/test-soak.sh \
	tests/live/test-stop-kdump-consistent.sh \
	$(NULL)

EXTRA_DIST += \
	tests/README.md \
	tests/live/backup.sh \
	tests/live/crashes \
	tests/live/cycles \
	tests/live/debian.sh \
	tests/live/demo \
	tests/live/lib.sh \
	tests/live/pool.sh \
	tests/live/qmp \
	tests/live/scarce.sh \
	tests/live/same-memory \
	tests/live/soak \
	tests/live/stock.sh \
	tests/live/thp-off \
	tests/live/vhost-user-stub \
	$(NULL)
