# SPDX-License-Identifier: GPL-2.0-or-later
# What runs the batch: a systemd timer, or cron where there is no systemd.

contrib_templates = contrib/vthunder-batch.service.in contrib/vthunder.cron.d.in
EXTRA_DIST += $(contrib_templates)
dist_systemdunit_DATA += contrib/vthunder-batch.timer
nodist_systemdunit_DATA = contrib/vthunder-batch.service
# cron reads no file with a dot in its name.
crondir = $(sysconfdir)/cron.d
nodist_cron_DATA = contrib/cron.d/vthunder
dist_examples_DATA += contrib/vthunder.conf contrib/hook-restic

contrib_generated = contrib/vthunder-batch.service contrib/cron.d/vthunder
CLEANFILES += $(contrib_generated)
contrib_sed = $(MKDIR_P) $(@D) && $(SED) 's|@bindir[@]|$(bindir)|g'
contrib/vthunder-batch.service: $(top_srcdir)/contrib/vthunder-batch.service.in Makefile
	$(AM_V_GEN)$(contrib_sed) $(top_srcdir)/contrib/vthunder-batch.service.in >$@.tmp && mv $@.tmp $@
contrib/cron.d/vthunder: $(top_srcdir)/contrib/vthunder.cron.d.in Makefile
	$(AM_V_GEN)$(contrib_sed) $(top_srcdir)/contrib/vthunder.cron.d.in >$@.tmp && mv $@.tmp $@
