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
tests_fuzz_fuzz_command_line_LDADD = src/shell/libshell.la src/lib/libvthunder.la $(SHELL_LIBS)
if FUZZERS
tests_fuzz_fuzz_command_line_CFLAGS += -DFUZZER -fsanitize=fuzzer
tests_fuzz_fuzz_command_line_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
