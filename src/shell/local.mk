# SPDX-License-Identifier: GPL-2.0-or-later

# All but main(), so that the fuzzer can have it too.
noinst_LTLIBRARIES += src/shell/libshell.la
src_shell_libshell_la_SOURCES = \
	src/shell/batch.c \
	src/shell/batch.h \
	src/shell/cmd-domain.c \
	src/shell/cmd-dump.c \
	src/shell/cmd-file.c \
	src/shell/cmd-host.c \
	src/shell/cmd-job.c \
	src/shell/cmd-path.c \
	src/shell/cmd-schedule.c \
	src/shell/cmd-shell.c \
	src/shell/cmd-watch.c \
	src/shell/commands.c \
	src/shell/commands.h \
	src/shell/complete.c \
	src/shell/complete.h \
	src/shell/detach.c \
	src/shell/detach.h \
	src/shell/dump-view.c \
	src/shell/dump-view.h \
	src/shell/exec.c \
	src/shell/exec.h \
	src/shell/globals.c \
	src/shell/globals.h \
	src/shell/interactive.c \
	src/shell/interactive.h \
	src/shell/output.c \
	src/shell/output.h \
	src/shell/parse.c \
	src/shell/parse.h \
	src/shell/select.c \
	src/shell/select.h \
	src/shell/shell.c \
	src/shell/shell.h \
	src/shell/signals.c \
	src/shell/signals.h \
	src/shell/tuning.c \
	src/shell/tuning.h \
	$(NULL)
src_shell_libshell_la_CFLAGS = $(AM_CFLAGS) $(SHELL_CFLAGS)
src_shell_libshell_la_LIBADD = src/lib/libvthunder.la $(SHELL_LIBS)

bin_PROGRAMS += src/shell/vthunder
src_shell_vthunder_SOURCES = src/shell/main.c
src_shell_vthunder_CFLAGS = $(AM_CFLAGS) $(SHELL_CFLAGS)
src_shell_vthunder_LDADD = src/shell/libshell.la src/lib/libvthunder.la $(SHELL_LIBS)
