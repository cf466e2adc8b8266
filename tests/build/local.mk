# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of how vthunder is built: the stack build, the patch tools, the tarball.

BUILD_TESTS += \
	tests/build/test-apt-private.sh \
	tests/build/test-dist.sh \
	tests/build/test-install.sh \
	tests/build/test-patches-tools.sh \
	tests/build/test-quickstart.sh \
	tests/build/test-run.sh \
	tests/build/test-shellcheck.sh \
	tests/build/test-stack-build.sh \
	tests/build/test-stack-fetch.sh \
	tests/build/test-summary.sh \
	$(NULL)

EXTRA_DIST += tests/build/fixture.sh
