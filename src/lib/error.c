/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors: the one place where libvirt's errors and errno become GErrors. */
#include <config.h>

#include <errno.h>
#include <libvirt/virterror.h>

#include "vth-private.h"

G_DEFINE_QUARK (vth-error-quark, vth_error)

static VthError
code_of_libvirt (const virError *err)
{
  switch (err->code)
    {
    case VIR_ERR_NO_DOMAIN:
    case VIR_ERR_NO_STORAGE_POOL:
    case VIR_ERR_NO_STORAGE_VOL:
    case VIR_ERR_NO_DOMAIN_METADATA:
      return VTH_ERROR_NOT_FOUND;
    case VIR_ERR_OPERATION_DENIED:
      return VTH_ERROR_READ_ONLY;
    case VIR_ERR_NO_SUPPORT:
    case VIR_ERR_ARGUMENT_UNSUPPORTED:
    case VIR_ERR_OPERATION_UNSUPPORTED:
    case VIR_ERR_CONFIG_UNSUPPORTED:
      return VTH_ERROR_UNSUPPORTED;
    case VIR_ERR_OPERATION_ABORTED:
      return VTH_ERROR_CANCELLED;
    case VIR_ERR_OPERATION_TIMEOUT:
      /* "cannot acquire state change lock": another job has the domain. */
      return VTH_ERROR_LOCKED;
    default:
      return VTH_ERROR_LIBVIRT;
    }
}

void
vth_error_set_libvirt (GError **error, const char *format, ...)
{
  const virError *err = virGetLastError ();
  va_list args;
  va_start (args, format);
  g_autofree char *what = g_strdup_vprintf (format, args);
  va_end (args);

  if (err == NULL)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_LIBVIRT, "%s: libvirt gave no reason", what);
      return;
    }
  g_set_error (error, VTH_ERROR, code_of_libvirt (err), "%s: %s", what,
               err->message != NULL ? err->message : "libvirt gave no reason");
}

void
vth_set_error_errno (GError **error, int errsv, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *what = g_strdup_vprintf (format, args);
  va_end (args);
  VthError code = errsv == ENOENT ? VTH_ERROR_NOT_FOUND : errsv == ENOSPC ? VTH_ERROR_NO_SPACE : VTH_ERROR_IO;
  g_set_error (error, VTH_ERROR, code, "%s: %s", what, g_strerror (errsv));
}
