# SPDX-License-Identifier: GPL-2.0-or-later
# `make bench`: ways to take a guest's memory side by side.  Needs what the live tests need.

check_PROGRAMS += tests/bench/floors
tests_bench_floors_SOURCES = tests/bench/floors.c
tests_bench_floors_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS)
tests_bench_floors_LDADD = $(GLIB_LIBS) -lpthread

EXTRA_DIST += \
	tests/bench/bench \
	tests/bench/incremental \
	tests/bench/measure.sh \
	tests/bench/methods.svg \
	tests/bench/methods.sh \
	tests/bench/plots \
	tests/bench/report \
	$(NULL)
