// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include "select.h"

#include "parse.h"

void
sh_domain_free (ShDomain *domain)
{
  if (domain)
    virDomainFree (domain);
}

virDomainPtr
sh_select_domain (Shell *shell, const ShArgs *args, GError **error)
{
  return vth_domain_lookup (shell->conn, sh_args_string (args, "domain"), error);
}

GPtrArray *
sh_select_domains (Shell *shell, const ShArgs *args, unsigned flags, GError **error)
{
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func ((GDestroyNotify) sh_domain_free);
  const char *const *names = sh_args_strings (args, "domain");
  g_autoptr(GPtrArray) all = NULL;

  /* All names are looked up first: a misspelt one stops the command before
   * anything was done. */
  for (; *names; names++) {
    virDomainPtr domain = vth_domain_lookup (shell->conn, *names, error);

    if (!domain)
      return NULL;
    g_ptr_array_add (found, domain);
  }
  if (found->len)
    return g_steal_pointer (&found);

  all = vth_domain_list (shell->conn, flags | VTH_DOMAIN_LIST_NO_CONFIG, NULL, error);
  if (!all)
    return NULL;
  for (guint i = 0; i < all->len; i++) {
    virDomainPtr domain = ((VthDomain *) all->pdata[i])->handle;

    virDomainRef (domain);
    g_ptr_array_add (found, domain);
  }
  return g_steal_pointer (&found);
}

bool
sh_select_check_writable (Shell *shell, const ShArgs *args, GError **error)
{
  if (!shell->readonly)
    return true;
  g_set_error (error, VTH_ERROR, VTH_ERROR_READ_ONLY, "command '%s' needs more than a read-only connection: leave out "
               "--readonly, or connect again", args->command->name);
  return false;
}

bool
sh_select_exclusive (const ShArgs *args, const char *const pairs[][2], size_t n_pairs, GError **error)
{
  for (size_t i = 0; i < n_pairs; i++)
    if (sh_args_given (args, pairs[i][0]) && sh_args_given (args, pairs[i][1])) {
      g_set_error (error, SH_ERROR, SH_ERROR_USAGE, "options --%s and --%s are mutually exclusive", pairs[i][0],
                   pairs[i][1]);
      return false;
    }
  return true;
}

bool
sh_select_check_impact (const ShArgs *args, GError **error)
{
  static const char *const pairs[][2] = { { "current", "live" }, { "current", "config" } };

  return sh_select_exclusive (args, pairs, G_N_ELEMENTS (pairs), error);
}

/* What becomes of one definition; NULL without an error if there is nothing to change in it. */
static VthConfig *
edit_one (virDomainPtr domain, VthImpact impact, const ShArgs *args, ShConfigEdit edit, GError **error)
{
  g_autoptr(VthConfig) config = vth_config_load (domain, impact, error);
  bool applies = true;

  if (!config || !edit (config, args, &applies, error) || !applies)
    return NULL;
  return g_steal_pointer (&config);
}

bool
sh_config_edit (Shell *shell, const ShArgs *args, ShConfigEdit edit, const char *missing, GError **error)
{
  static const VthImpact each[] = { VTH_IMPACT_CURRENT, VTH_IMPACT_LIVE, VTH_IMPACT_CONFIG };
  g_autoptr(ShDomain) domain = NULL;
  unsigned impact = (sh_args_given (args, "config") ? VTH_IMPACT_CONFIG : 0)
                    | (sh_args_given (args, "live") ? VTH_IMPACT_LIVE : 0);
  bool current = sh_args_given (args, "current"), applied = false, ok = true;
  VthImpact lacking = VTH_IMPACT_CURRENT;
  VthConfig *configs[G_N_ELEMENTS (each)] = { NULL };
  g_autoptr(GError) reason = NULL;

  if (!sh_select_check_writable (shell, args, error))
    return false;
  domain = sh_select_domain (shell, args, error);
  if (!domain)
    return false;
  if (!impact && !current)
    impact = (virDomainIsActive (domain) > 0 ? VTH_IMPACT_LIVE : 0)
             | (virDomainIsPersistent (domain) > 0 ? VTH_IMPACT_CONFIG : 0);

  /* All are made before the first is saved: a mistake in one must not leave them different. */
  for (size_t i = 0; ok && i < G_N_ELEMENTS (each); i++)
    if (each[i] == VTH_IMPACT_CURRENT ? current : (impact & each[i]) != 0) {
      configs[i] = edit_one (domain, each[i], args, edit, &reason);
      applied |= configs[i] != NULL;
      if (!configs[i])
        lacking = each[i];
      ok = !reason;
    }
  for (size_t i = 0; ok && i < G_N_ELEMENTS (each); i++)
    ok = !configs[i] || vth_config_save (configs[i], domain, each[i], &reason);
  for (size_t i = 0; i < G_N_ELEMENTS (each); i++)
    vth_config_free (configs[i]);
  if (ok && !applied)
    g_set_error_literal (&reason, SH_ERROR, SH_ERROR_FAILED, missing);
  else if (ok && lacking == VTH_IMPACT_CONFIG)
    sh_shell_warn (shell, "%s in its persistent definition: only the running domain was changed", missing);
  else if (ok && lacking == VTH_IMPACT_LIVE)
    sh_shell_warn (shell, "%s in the running domain: only its persistent definition was changed", missing);
  if (reason)
    g_propagate_error (error, g_steal_pointer (&reason));
  return ok && applied;
}
