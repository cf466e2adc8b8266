/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For LD_PRELOAD: makes the connection of a program look like one to a stock
 * libvirt.  The domain capabilities lose the element that tells of mirror dumps,
 * and what only our libvirt has is not found.  A flag that libvirt does not know
 * is refused by the daemon itself, in its own words: were that of mirror dumps
 * sent nevertheless, it is exchanged for one that nobody knows.
 */
#include <config.h>

#include <dlfcn.h>
#include <glib.h>
#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#ifndef VIR_DUMP_THUNDER
#define VIR_DUMP_THUNDER (1 << 30)
#endif
#define UNKNOWN_FLAG (1u << 29)

int
virDomainCoreDumpWithFormat (virDomainPtr domain, const char *to, unsigned int format, unsigned int flags)
{
  int (*next) (virDomainPtr, const char *, unsigned int, unsigned int);

  *(void **) &next = dlsym (RTLD_NEXT, "virDomainCoreDumpWithFormat");
  return next (domain, to, format, flags & VIR_DUMP_THUNDER ? (flags & ~(unsigned int) VIR_DUMP_THUNDER) | UNKNOWN_FLAG : flags);
}

void *
dlvsym (void *handle G_GNUC_UNUSED, const char *name G_GNUC_UNUSED, const char *version G_GNUC_UNUSED)
{
  return NULL;
}

char *
virConnectGetDomainCapabilities (virConnectPtr conn, const char *emulator, const char *arch, const char *machine,
                                 const char *type, unsigned int flags)
{
  char *(*next) (virConnectPtr, const char *, const char *, const char *, const char *, unsigned int);

  *(void **) &next = dlsym (RTLD_NEXT, "virConnectGetDomainCapabilities");
  char *xml = next (conn, emulator, arch, machine, type, flags);
  char *element = xml != NULL ? strstr (xml, "<thunder ") : NULL;
  char *end = element != NULL ? strstr (element, "/>") : NULL;
  if (end != NULL)
    memmove (element, end + 2, strlen (end + 2) + 1);
  return xml;
}
