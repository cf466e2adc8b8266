/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the batch did, as a text file for the Prometheus node exporter. */
#include <config.h>

#include <string.h>

#include "vth-private.h"

static void
append_label (GString *out, const char *text)
{
  for (const char *p = text; *p != '\0'; p++)
    if (*p == '\n')
      g_string_append (out, "\\n");
    else
      {
        if (*p == '"' || *p == '\\')
          g_string_append_c (out, '\\');
        g_string_append_c (out, *p);
      }
}

typedef struct {
  const char *name, *help;
  double (*value) (const VthState *state);
} Metric;

static double
last_dump (const VthState *state)
{
  return (double) state->last_dump_s;
}

static double
last_failed (const VthState *state)
{
  return state->last_failed;
}

static double
last_paused (const VthState *state)
{
  return state->last_paused;
}

static double
last_size (const VthState *state)
{
  return (double) state->last_size_bytes;
}

static double
last_pause (const VthState *state)
{
  return (double) state->last_pause_ns / 1e9;
}

static double
last_stall (const VthState *state)
{
  return (double) state->last_stall_max_ns / 1e9;
}

static double
last_total (const VthState *state)
{
  return (double) state->last_total_ns / 1e9;
}

static const Metric metrics[] = {
  { "vthunder_last_dump_timestamp_seconds", "Time of the last dump that succeeded.", last_dump },
  { "vthunder_last_dump_failed", "Whether the last attempt failed.", last_failed },
  { "vthunder_last_dump_paused", "Whether the last dump stopped the guest.", last_paused },
  { "vthunder_last_dump_size_bytes", "Size of the last dump.", last_size },
  { "vthunder_last_dump_pause_seconds", "Pause of the guest for the last dump.", last_pause },
  { "vthunder_last_dump_stall_seconds", "Longest stall of the guest during the last dump.", last_stall },
  { "vthunder_last_dump_duration_seconds", "Time the last dump took.", last_total },
};

bool
vth_metrics_write (const char *path, const char *state_dir, GPtrArray *domains, const VthBatchSummary *summary, int64_t now_s,
                   GError **error)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (GPtrArray) states = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_state_free);
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  for (unsigned int i = 0; i < domains->len; i++)
    {
      const VthBatchDomain *domain = domains->pdata[i];
      VthState *state = vth_state_load (state_dir, domain->uuid, NULL);
      if (state == NULL)
        continue;
      g_free (state->domain);
      state->domain = g_strdup (domain->name);
      g_ptr_array_add (states, state);
    }
  for (unsigned int m = 0; m < G_N_ELEMENTS (metrics); m++)
    {
      g_string_append_printf (out, "# HELP %s %s\n# TYPE %s gauge\n", metrics[m].name, metrics[m].help, metrics[m].name);
      for (unsigned int i = 0; i < states->len; i++)
        {
          const VthState *state = states->pdata[i];
          if (state->last_dump_s == 0 && !state->last_failed)
            continue;
          g_string_append_printf (out, "%s{domain=\"", metrics[m].name);
          append_label (out, state->domain);
          g_string_append_printf (out, "\",uuid=\"%s\"} %s\n", state->uuid,
                                  g_ascii_dtostr (number, sizeof number, metrics[m].value (state)));
        }
    }
  g_string_append_printf (out,
                          "# HELP vthunder_batch_timestamp_seconds Time of the last batch run.\n"
                          "# TYPE vthunder_batch_timestamp_seconds gauge\n"
                          "vthunder_batch_timestamp_seconds %" G_GINT64_FORMAT "\n"
                          "# HELP vthunder_batch_events What the last batch run did.\n"
                          "# TYPE vthunder_batch_events gauge\n",
                          now_s);
  const struct {
    const char *kind;
    unsigned int n;
  } counts[] = { { "due", summary->due },         { "done", summary->done },
                 { "failed", summary->failed },   { "skipped", summary->skipped },
                 { "broken", summary->broken },   { "hooks_failed", summary->hooks_failed },
                 { "pruned", summary->pruned },   { "prune_failed", summary->prune_failed } };
  for (unsigned int i = 0; i < G_N_ELEMENTS (counts); i++)
    g_string_append_printf (out, "vthunder_batch_events{kind=\"%s\"} %u\n", counts[i].kind, counts[i].n);
  return vth_file_replace (path, out->str, (gssize) out->len, 0644, error);
}
