# SPDX-License-Identifier: LGPL-2.1-or-later

lib_LTLIBRARIES += src/lib/libvthunder.la
include_HEADERS += src/lib/vthunder.h
pkgconfig_DATA += src/lib/libvthunder.pc

vth_lib_files = \
	src/lib/batch.c \
	src/lib/catalogue.c \
	src/lib/chain.c \
	src/lib/config.c \
	src/lib/cron.c \
	src/lib/diff.c \
	src/lib/doctor.c \
	src/lib/domain-files.c \
	src/lib/domain.c \
	src/lib/dump-call.c \
	src/lib/dump-call.h \
	src/lib/dump.c \
	src/lib/error.c \
	src/lib/export.c \
	src/lib/extents.c \
	src/lib/figures.c \
	src/lib/file.c \
	src/lib/hook.c \
	src/lib/host.c \
	src/lib/job.c \
	src/lib/metrics.c \
	src/lib/mirror-support.c \
	src/lib/note.c \
	src/lib/output.c \
	src/lib/overlay.c \
	src/lib/prune.c \
	src/lib/qemu-img.c \
	src/lib/register.c \
	src/lib/retention.c \
	src/lib/schedule.c \
	src/lib/state.c \
	src/lib/template.c \
	src/lib/tuning.c \
	src/lib/value.c \
	src/lib/verify.c \
	src/lib/version.c \
	src/lib/vth-private.h \
	src/lib/xml.c \
	$(NULL)
src_lib_libvthunder_la_SOURCES = $(vth_lib_files)
nodist_src_lib_libvthunder_la_SOURCES = src/lib/vthunder-rng.c
src_lib_libvthunder_la_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)
src_lib_libvthunder_la_LIBADD = $(LIB_LIBS)
src_lib_libvthunder_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined
EXTRA_DIST += src/lib/libvthunder.map
if HAVE_VERSION_SCRIPT
src_lib_libvthunder_la_LDFLAGS += -Wl,--version-script=$(top_srcdir)/src/lib/libvthunder.map
EXTRA_src_lib_libvthunder_la_DEPENDENCIES = $(top_srcdir)/src/lib/libvthunder.map
endif

# The schema is inside the library, so that reading a domain needs no file; it is installed for editors.
dist_pkgdata_DATA += src/lib/vthunder.rng
BUILT_SOURCES += src/lib/vthunder-rng.c
CLEANFILES += src/lib/vthunder-rng.c
src/lib/vthunder-rng.c: $(top_srcdir)/src/lib/vthunder.rng $(top_srcdir)/src/lib/local.mk
	@$(MKDIR_P) $(@D)
	$(AM_V_GEN){ echo '#include <config.h>' && \
	  echo '#include "vth-private.h"' && \
	  echo 'const char vth_rng_text[] =' && \
	  $(SED) 's/\\/\\\\/g; s/"/\\"/g; s/.*/  "&\\n"/' $(top_srcdir)/src/lib/vthunder.rng && \
	  echo '  ;'; } >$@.tmp && mv $@.tmp $@


# The example is built and run by the tests, and installed as source.
dist_examples_DATA += src/lib/example.c
check_PROGRAMS += src/lib/example
src_lib_example_SOURCES = src/lib/example.c
src_lib_example_CPPFLAGS = $(AM_CPPFLAGS)
src_lib_example_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(LIBVIRT_CFLAGS)
src_lib_example_LDADD = src/lib/libvthunder.la $(GLIB_LIBS) $(LIBVIRT_LIBS)
