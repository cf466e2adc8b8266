# SPDX-License-Identifier: GPL-2.0-or-later
# The test guests and the judge of their images.  `make guest` makes all that the live
# tests, the demo and the benchmark boot; the kernel comes from a Debian package.

check_PROGRAMS += tests/guest/oracle-check
tests_guest_oracle_check_SOURCES = tests/guest/oracle-check.c tests/guest/oracle.h tests/guest/kdump.c tests/guest/kdump.h
tests_guest_oracle_check_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(JSON_CFLAGS) $(KDUMP_CFLAGS)
tests_guest_oracle_check_LDADD = $(GLIB_LIBS) $(JSON_LIBS) $(KDUMP_LIBS)

guest_sources = \
	tests/guest/init.c \
	tests/guest/mkguest \
	tests/guest/symbols \
	tests/guest/payload.S \
	tests/guest/payload.c \
	tests/guest/payload.ld \
	$(NULL)
EXTRA_DIST += $(guest_sources)

guest: tests/guest/oracle-check$(EXEEXT) tests/live/stall-probe$(EXEEXT) tests/guest/vm/initramfs tests/guest/vm/payload

# A guest that cannot be made is no failure of the build: the tests that need it skip
# and say why.  They are built for the guest's machine, so not with our CFLAGS.
tests/guest/vm/initramfs: $(srcdir)/tests/guest/init.c $(srcdir)/tests/guest/oracle.h $(srcdir)/tests/guest/mkguest
	@$(MKDIR_P) tests/guest/vm
	@echo '  GUEST    $@'; \
	{ $(CC) -std=gnu11 -O2 -Wall -Wextra -ffixed-r14 -ffixed-r15 -static -pthread -o tests/guest/vm/init \
	      $(srcdir)/tests/guest/init.c && \
	  VTHUNDER_CACHE="$${VTHUNDER_CACHE:-$(abs_top_builddir)/cache}" \
	      $(srcdir)/tests/guest/mkguest tests/guest/vm/init tests/guest/vm; } >tests/guest/vm/guest.log 2>&1 || \
	{ rm -f $@; echo "no Linux guest: `tail -n 1 tests/guest/vm/guest.log`" >&2; }

tests/guest/vm/payload: $(srcdir)/tests/guest/payload.S $(srcdir)/tests/guest/payload.c \
		$(srcdir)/tests/guest/payload.ld $(srcdir)/tests/guest/oracle.h
	@$(MKDIR_P) tests/guest/vm
	@echo '  GUEST    $@'; \
	$(CC) -m32 -std=gnu11 -O2 -Wall -Wextra -ffreestanding -fno-builtin -fno-pic -no-pie -fno-stack-protector \
	    -fcf-protection=none -fno-asynchronous-unwind-tables -mno-sse -mno-mmx -nostdlib -static -Wl,-T,$(srcdir)/tests/guest/payload.ld \
	    -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments -o $@ \
	    $(srcdir)/tests/guest/payload.S $(srcdir)/tests/guest/payload.c >tests/guest/vm/payload.log 2>&1 || \
	{ rm -f $@; echo "no payload: `tail -n 1 tests/guest/vm/payload.log`" >&2; }

.PHONY: guest

clean-local: clean-guest
clean-guest:
	-rm -rf tests/guest/vm/init tests/guest/vm/initramfs tests/guest/vm/payload tests/guest/vm/root
.PHONY: clean-guest
