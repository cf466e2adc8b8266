/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running and completed jobs of domains. */
#include <config.h>

#include <libvirt/virterror.h>
#include <string.h>

#include "vth-private.h"

void
vth_job_free (VthJob *job)
{
  if (job == NULL)
    return;
  g_free (job->domain);
  g_free (job->operation);
  vth_tracking_clear (&job->tracking);
  g_free (job);
}

static const char *
operation_name (int operation)
{
  static const char *const names[]
      = { "unknown",   "start",           "save",  "restore", "incoming migration", "outgoing migration", "snapshot",
          "snapshot revert", "dump", "backup", "snapshot delete" };
  return operation >= 0 && operation < (int) G_N_ELEMENTS (names) ? names[operation] : "unknown";
}

static uint64_t
get_ullong (virTypedParameterPtr params, int n, const char *name)
{
  unsigned long long value = 0;
  virTypedParamsGetULLong (params, n, name, &value);
  return value;
}

static void
job_fill (VthJob *job, virTypedParameterPtr params, int n)
{
  int operation = 0;
  virTypedParamsGetInt (params, n, VIR_DOMAIN_JOB_OPERATION, &operation);
  job->operation = g_strdup (operation_name (operation));
  job->is_dump = operation == VIR_DOMAIN_JOB_OPERATION_DUMP;
  job->elapsed_ms = get_ullong (params, n, VIR_DOMAIN_JOB_TIME_ELAPSED);
  job->total_bytes = get_ullong (params, n, VIR_DOMAIN_JOB_DATA_TOTAL);
  job->done_bytes = get_ullong (params, n, VIR_DOMAIN_JOB_DATA_PROCESSED);
  if (job->total_bytes == 0)
    {
      job->total_bytes = get_ullong (params, n, VIR_DOMAIN_JOB_MEMORY_TOTAL);
      job->done_bytes = get_ullong (params, n, VIR_DOMAIN_JOB_MEMORY_PROCESSED);
    }
  for (size_t i = 0; i < vth_n_figure_fields; i++)
    {
      unsigned long long value;
      if (virTypedParamsGetULLong (params, n, vth_figure_fields[i].job_name, &value) != 1)
        continue;
      job->has_figures = true;
      *(uint64_t *) ((char *) &job->figures + vth_figure_fields[i].offset) = value;
    }
  for (size_t i = 0; i < vth_n_tracking_fields; i++)
    {
      const char *text = NULL;
      if (virTypedParamsGetString (params, n, vth_tracking_fields[i].job_name, &text) == 1)
        *vth_tracking_field (&job->tracking, i) = g_strdup (text);
    }
  job->tracking.pages_dirty = get_ullong (params, n, VTH_PAGES_DIRTY_JOB);
}

bool
vth_job_get (virDomainPtr domain, bool completed, VthJob **job, GError **error)
{
  const char *name = virDomainGetName (domain); /* later it would reset the error that is to be told */
  virTypedParameterPtr params = NULL;
  int n = 0, type = VIR_DOMAIN_JOB_NONE;

  if (virDomainGetJobStats (domain, &type, &params, &n, completed ? VIR_DOMAIN_JOB_STATS_COMPLETED : 0) < 0)
    {
      /* Not running: no job.  Drivers without jobs (test) have none either. */
      int code = virGetLastErrorCode ();
      if (code == VIR_ERR_OPERATION_INVALID || code == VIR_ERR_NO_SUPPORT)
        {
          *job = NULL;
          return true;
        }
      vth_error_set_libvirt (error, "cannot read the job of domain '%s'", name);
      return false;
    }
  *job = NULL;
  if (type != VIR_DOMAIN_JOB_NONE)
    {
      *job = g_new0 (VthJob, 1);
      (*job)->domain = g_strdup (virDomainGetName (domain));
      job_fill (*job, params, n);
    }
  virTypedParamsFree (params, n);
  return true;
}

GPtrArray *
vth_job_list (virConnectPtr conn, GError **error)
{
  virDomainPtr *domains = NULL;
  int n = virConnectListAllDomains (conn, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_job_free);

  if (n < 0)
    {
      vth_error_set_libvirt (error, "cannot list domains");
      return NULL;
    }
  for (int i = 0; i < n; i++)
    {
      /* A domain that stops meanwhile has no job; that is no error of the list. */
      VthJob *job = NULL;
      if (vth_job_get (domains[i], false, &job, NULL) && job != NULL)
        g_ptr_array_add (list, job);
      virDomainFree (domains[i]);
    }
  free (domains);
  return g_steal_pointer (&list);
}

char *
vth_job_describe (const VthJob *job)
{
  if (strcmp (job->operation, "unknown") == 0)
    return g_strdup ("another job");
  return g_strdup_printf ("%s %s", strchr ("aeiou", job->operation[0]) != NULL ? "an" : "a", job->operation);
}

/* libvirt aborts whatever job there is, so it is asked first; one that begins within that moment it does not tell apart. */
bool
vth_job_abort (virDomainPtr domain, GError **error)
{
  const char *name = virDomainGetName (domain); /* later it would reset the error that is to be told */
  VthJob *job = NULL;

  if (!vth_job_get (domain, false, &job, error))
    return false;
  g_autofree char *other = job != NULL && !job->is_dump ? vth_job_describe (job) : NULL;
  const bool any = job != NULL;
  vth_job_free (job);
  if (other != NULL)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_NOT_FOUND,
                   "no dump of domain '%s' is running: %s is, which 'virsh domjobabort' ends", name, other);
      return false;
    }
  if (any && virDomainAbortJob (domain) == 0)
    return true;
  if (any)
    vth_error_set_libvirt (error, "cannot abort the dump of domain '%s'", name);
  else
    g_set_error (error, VTH_ERROR, VTH_ERROR_NOT_FOUND, "no dump of domain '%s' is running", name);
  return false;
}
