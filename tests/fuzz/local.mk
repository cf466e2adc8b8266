# SPDX-License-Identifier: GPL-2.0-or-later

# The parser of commands (src/shell).
command_line_corpus = \
	tests/fuzz/corpus/command-line/dump \
	tests/fuzz/corpus/command-line/list \
	tests/fuzz/corpus/command-line/open \
	tests/fuzz/corpus/command-line/path \
	tests/fuzz/corpus/command-line/quotes \
	tests/fuzz/corpus/command-line/schedule \
	$(NULL)
EXTRA_DIST += $(command_line_corpus)
check_PROGRAMS += tests/fuzz/fuzz-command-line
tests_fuzz_fuzz_command_line_SOURCES = tests/fuzz/fuzz-command-line.c
tests_fuzz_fuzz_command_line_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src
tests_fuzz_fuzz_command_line_CFLAGS = $(AM_CFLAGS) $(SHELL_CFLAGS)
if FUZZERS
# The shell again inside, so that its branches are seen.
tests_fuzz_fuzz_command_line_SOURCES += $(src_shell_libshell_la_SOURCES)
tests_fuzz_fuzz_command_line_CFLAGS += -DFUZZER -fsanitize=fuzzer
tests_fuzz_fuzz_command_line_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_command_line_LDADD = src/lib/libvthunder.la $(SHELL_LIBS)
else
tests_fuzz_fuzz_command_line_LDADD = src/shell/libshell.la src/lib/libvthunder.la $(SHELL_LIBS)
endif

# The library: cron expressions, the metadata element, dump files.  Without
# libFuzzer each is a test that replays its corpus, cut and changed.
lib_fuzz_corpus = \
	tests/fuzz/corpus/config/bare.xml \
	tests/fuzz/corpus/config/colons.xml \
	tests/fuzz/corpus/config/full.xml \
	tests/fuzz/corpus/config/spaced.xml \
	tests/fuzz/corpus/config/unknown.xml \
	tests/fuzz/corpus/cron/clocks \
	tests/fuzz/corpus/cron/daily \
	tests/fuzz/corpus/cron/leap \
	tests/fuzz/corpus/cron/never \
	tests/fuzz/corpus/cron/nick \
	tests/fuzz/corpus/cron/office \
	tests/fuzz/corpus/cron/steps \
	tests/fuzz/corpus/note/elf32 \
	tests/fuzz/corpus/note/elf64 \
	tests/fuzz/corpus/note/flattened \
	tests/fuzz/corpus/note/kdump \
	tests/fuzz/corpus/note/kdump32 \
	tests/fuzz/corpus/note/overlay \
	tests/fuzz/corpus/note/windows \
	$(NULL)
EXTRA_DIST += $(lib_fuzz_corpus)
check_PROGRAMS += tests/fuzz/fuzz-config tests/fuzz/fuzz-cron tests/fuzz/fuzz-note
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz-config.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_config_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)
tests_fuzz_fuzz_cron_SOURCES = tests/fuzz/fuzz-cron.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_cron_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)
tests_fuzz_fuzz_note_SOURCES = tests/fuzz/fuzz-note.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_note_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)
if FUZZERS
# The library again inside, so that its branches are seen.
tests_fuzz_fuzz_config_SOURCES += $(vth_lib_files)
tests_fuzz_fuzz_cron_SOURCES += $(vth_lib_files)
tests_fuzz_fuzz_note_SOURCES += $(vth_lib_files)
nodist_tests_fuzz_fuzz_config_SOURCES = src/lib/vthunder-rng.c
nodist_tests_fuzz_fuzz_cron_SOURCES = src/lib/vthunder-rng.c
nodist_tests_fuzz_fuzz_note_SOURCES = src/lib/vthunder-rng.c
tests_fuzz_fuzz_config_CFLAGS += -fsanitize=fuzzer
tests_fuzz_fuzz_cron_CFLAGS += -fsanitize=fuzzer
tests_fuzz_fuzz_note_CFLAGS += -fsanitize=fuzzer
tests_fuzz_fuzz_config_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_cron_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_note_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_config_LDADD = $(LIB_LIBS)
tests_fuzz_fuzz_cron_LDADD = $(LIB_LIBS)
tests_fuzz_fuzz_note_LDADD = $(LIB_LIBS)
else
tests_fuzz_fuzz_config_LDADD = src/lib/libvthunder.la $(LIB_LIBS)
tests_fuzz_fuzz_cron_LDADD = src/lib/libvthunder.la $(LIB_LIBS)
tests_fuzz_fuzz_note_LDADD = src/lib/libvthunder.la $(LIB_LIBS)
tests_fuzz_fuzz_config_SOURCES += tests/fuzz/replay.c
tests_fuzz_fuzz_cron_SOURCES += tests/fuzz/replay.c
tests_fuzz_fuzz_note_SOURCES += tests/fuzz/replay.c
UNIT_TESTS += tests/fuzz/fuzz-config tests/fuzz/fuzz-cron tests/fuzz/fuzz-note
endif
