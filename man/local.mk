# SPDX-License-Identifier: GPL-2.0-or-later
# The pages are written in reStructuredText.  The tarball has them built, so
# only a git checkout needs docutils; without it there it goes without pages.

man_sources = \
	man/libvthunder.rst \
	man/vthunder-batch.rst \
	man/vthunder.rst \
	man/vthunder.xml.rst \
	$(NULL)
man_pages = \
	man/libvthunder.3 \
	man/vthunder-batch.8 \
	man/vthunder.1 \
	man/vthunder.xml.5 \
	$(NULL)

EXTRA_DIST += $(man_sources) man/add-functions
if HAVE_MAN_PAGES
dist_man_MANS += $(man_pages)
endif
MAINTAINERCLEANFILES = $(man_pages)


man/vthunder.1: man/vthunder.rst
	$(AM_V_GEN)$(MKDIR_P) man && $(RST2MAN) --strict $(srcdir)/man/vthunder.rst >$@.tmp && mv $@.tmp $@
man/vthunder-batch.8: man/vthunder-batch.rst
	$(AM_V_GEN)$(MKDIR_P) man && $(RST2MAN) --strict $(srcdir)/man/vthunder-batch.rst >$@.tmp && mv $@.tmp $@
man/vthunder.xml.5: man/vthunder.xml.rst
	$(AM_V_GEN)$(MKDIR_P) man && $(RST2MAN) --strict $(srcdir)/man/vthunder.xml.rst >$@.tmp && mv $@.tmp $@
man/libvthunder.3: man/libvthunder.rst man/add-functions src/lib/vthunder.h
	$(AM_V_GEN)$(MKDIR_P) man && /usr/bin/env python3 $(srcdir)/man/add-functions \
	    $(srcdir)/man/libvthunder.rst $(srcdir)/src/lib/vthunder.h >$@.rst && \
	$(RST2MAN) --strict $@.rst >$@.tmp && mv $@.tmp $@ && rm -f $@.rst
