# SPDX-License-Identifier: GPL-2.0-or-later
# One program per object of the library.

VTH_UNIT_LIBS = src/lib/libvthunder.la $(LIB_LIBS)
vth_unit_tests = \
	tests/unit/test-batch \
	tests/unit/test-config \
	tests/unit/test-cron \
	tests/unit/test-diff \
	tests/unit/test-domain \
	tests/unit/test-dump \
	tests/unit/test-dump-call \
	tests/unit/test-output \
	tests/unit/test-register \
	tests/unit/test-retention \
	tests/unit/test-template \
	$(NULL)
check_PROGRAMS += $(vth_unit_tests)
UNIT_TESTS += $(vth_unit_tests)

VTH_UNIT_COMMON = tests/unit/common.c tests/unit/common.h
tests_unit_test_batch_SOURCES = tests/unit/test-batch.c $(VTH_UNIT_COMMON)
tests_unit_test_dump_SOURCES = tests/unit/test-dump.c $(VTH_UNIT_COMMON)
tests_unit_test_register_SOURCES = tests/unit/test-register.c $(VTH_UNIT_COMMON)
tests_unit_test_batch_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)
tests_unit_test_batch_LDADD = $(VTH_UNIT_LIBS)
tests_unit_test_config_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)
tests_unit_test_config_LDADD = $(VTH_UNIT_LIBS)
tests_unit_test_cron_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)
tests_unit_test_cron_LDADD = $(VTH_UNIT_LIBS)
tests_unit_test_retention_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)
tests_unit_test_retention_LDADD = $(VTH_UNIT_LIBS)
tests_unit_test_template_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)
tests_unit_test_template_LDADD = $(VTH_UNIT_LIBS)
tests_unit_test_dump_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)
tests_unit_test_dump_LDADD = $(VTH_UNIT_LIBS)
# One of its stand-ins is looked up at run time.
tests_unit_test_dump_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
# Hidden in the library, so it has objects of its own.
tests_unit_test_dump_call_SOURCES = tests/unit/test-dump-call.c src/lib/dump-call.c src/lib/error.c src/lib/figures.c \
	src/lib/job.c src/lib/mirror-support.c src/lib/tuning.c src/lib/value.c src/lib/xml.c
tests_unit_test_dump_call_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)
tests_unit_test_dump_call_LDADD = $(LIB_LIBS)
tests_unit_test_diff_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)
tests_unit_test_diff_LDADD = $(VTH_UNIT_LIBS)
UNIT_TESTS += tests/unit/test-contrib.sh tests/unit/test-example.sh
EXTRA_DIST += tests/unit/test-contrib.sh tests/unit/test-example.sh
tests_unit_test_domain_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)
tests_unit_test_domain_LDADD = $(VTH_UNIT_LIBS)
tests_unit_test_output_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)
tests_unit_test_output_LDADD = $(VTH_UNIT_LIBS)
tests_unit_test_register_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)
tests_unit_test_register_LDADD = $(VTH_UNIT_LIBS)
