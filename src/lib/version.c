/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <config.h>

#include "vthunder.h"

const char *
vth_version (void)
{
  return PACKAGE_VERSION;
}
