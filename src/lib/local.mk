# SPDX-License-Identifier: LGPL-2.1-or-later

lib_LTLIBRARIES += src/lib/libvthunder.la
include_HEADERS += src/lib/vthunder.h

src_lib_libvthunder_la_SOURCES = \
	src/lib/stubs.c \
	src/lib/version.c \
	$(NULL)
src_lib_libvthunder_la_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)
src_lib_libvthunder_la_LIBADD = $(LIB_LIBS)
src_lib_libvthunder_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined
EXTRA_DIST += src/lib/libvthunder.map
if HAVE_VERSION_SCRIPT
src_lib_libvthunder_la_LDFLAGS += -Wl,--version-script=$(top_srcdir)/src/lib/libvthunder.map
EXTRA_src_lib_libvthunder_la_DEPENDENCIES = $(top_srcdir)/src/lib/libvthunder.map
endif
