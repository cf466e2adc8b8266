/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether libvirt is the one that VIR_DUMP_THUNDER and its parameters are for.  A flag means what the daemon says it
 * means: one that has another meaning for this bit would stop the guest, and must never be sent it. */
#include <config.h>

#include <dlfcn.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "vth-private.h"

char *
vth_mirror_support (virConnectPtr conn, const char *emulator, const char *arch, const char *machine, const char *type, char **path)
{
  char *xml = virConnectGetDomainCapabilities (conn, emulator, arch, machine, type, 0);
  char *supported = vth_xml_string (xml, "/domainCapabilities/features/thunder/@supported");

  if (path != NULL)
    *path = vth_xml_string (xml, "/domainCapabilities/path");
  if (xml != NULL && supported == NULL)
    supported = g_strdup ("");
  free (xml);
  return supported;
}

/* Asked for each dump: a daemon that is replaced while the connection is kept would make a remembered answer the wrong one. */
bool
vth_mirror_check (virDomainPtr domain, bool *unsupported, GError **error)
{
  const char *name = virDomainGetName (domain); /* later it would reset the error that is to be told */
  char *xml = virDomainGetXMLDesc (domain, 0);
  g_autofree char *supported = NULL;

  if (xml != NULL)
    {
      g_autofree char *emulator = vth_xml_string (xml, "/domain/devices/emulator");
      g_autofree char *arch = vth_xml_string (xml, "/domain/os/type/@arch");
      g_autofree char *machine = vth_xml_string (xml, "/domain/os/type/@machine");
      g_autofree char *type = vth_xml_string (xml, "/domain/@type");
      free (xml);
      supported = vth_mirror_support (virDomainGetConnect (domain), emulator, arch, machine, type, NULL);
    }
  if (g_strcmp0 (supported, "yes") == 0)
    return true;
  if (supported == NULL && virGetLastErrorCode () != VIR_ERR_NO_SUPPORT)
    {
      *unsupported = false;
      vth_error_set_libvirt (error, "cannot tell whether domain '%s' can be dumped without stopping it", name);
      return false;
    }
  *unsupported = true;
  g_set_error (error, VTH_ERROR, VTH_ERROR_UNSUPPORTED,
               "cannot dump domain '%s': its libvirt and QEMU do not tell that they know mirror dumps (see vthunder doctor)", name);
  return false;
}

/* A stock libvirt lacks what is only ours, so it is never linked to.  The version of the symbol is ours too: upstream may
 * come to have another function of the name. */
void *
vth_mirror_symbol (const char *name)
{
  return dlvsym (RTLD_DEFAULT, name, "LIBVIRT_VTHUNDER_1");
}
