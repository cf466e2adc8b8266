// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include "complete.h"

#include <string.h>

#include "globals.h"
#include "parse.h"
#include "vthunder.h"

static ShWords *
words_new (const char *prefix)
{
  ShWords *words = g_new0 (ShWords, 1);

  words->prefix = prefix;
  words->list = g_ptr_array_new_with_free_func (g_free);
  words->partial = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return words;
}

static void
words_free (ShWords *words)
{
  g_ptr_array_unref (words->list);
  g_hash_table_unref (words->partial);
  g_free (words);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ShWords, words_free)

void
sh_words_add (ShWords *words, const char *word)
{
  if (word && *word && g_str_has_prefix (word, words->prefix))
    g_ptr_array_add (words->list, g_strdup (word));
}

void
sh_words_add_partial (ShWords *words, const char *word)
{
  sh_words_add (words, word);
  g_hash_table_add (words->partial, g_strdup (word));
}

static void
words_add_all (ShWords *words, const char *const *list)
{
  for (; list && *list; list++)
    sh_words_add (words, *list);
}

/* --- the unfinished word ----------------------------------------------------- */

static void
candidate_free (gpointer data)
{
  ShCandidate *candidate = data;

  g_free (candidate->text);
  g_free (candidate);
}

static int
compare_candidates (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(ShCandidate *const *) a)->text, (*(ShCandidate *const *) b)->text);
}

static void
add_options (const ShArgs *args, ShWords *words)
{
  for (const ShOption *option = args->command->options; option && option->name; option++)
    if (option->flags & SH_OPTION_REPEATED || !sh_args_given (args, option->name)) {
      g_autofree char *word = g_strdup_printf ("--%s", option->name);

      sh_words_add (words, word);
    }
  sh_words_add (words, "--help");
}

/* What an argument can be given twice, it can; but hardly with the same value. */
static void
drop_given (const ShArgs *args, const ShOption *option, ShWords *words)
{
  const char *const *given = sh_args_strings (args, option->name);

  for (guint i = words->list->len; i > 0; i--)
    if (g_strv_contains (given, words->list->pdata[i - 1]))
      g_ptr_array_remove_index (words->list, i - 1);
}

static GPtrArray *
make_candidates (ShWords *words, const char *lead)
{
  GPtrArray *candidates = g_ptr_array_new_with_free_func (candidate_free);

  for (guint i = 0; i < words->list->len; i++) {
    ShCandidate *candidate = g_new0 (ShCandidate, 1);

    candidate->text = g_strconcat (lead, words->list->pdata[i], NULL);
    candidate->partial = g_hash_table_contains (words->partial, words->list->pdata[i]);
    g_ptr_array_add (candidates, candidate);
  }
  g_ptr_array_sort (candidates, compare_candidates);
  for (guint i = candidates->len; i > 1; i--)
    if (compare_candidates (&candidates->pdata[i - 1], &candidates->pdata[i - 2]) == 0)
      g_ptr_array_remove_index (candidates, i - 1);
  return candidates;
}

GPtrArray *
sh_complete (Shell *shell, const char *line, size_t *start)
{
  g_auto(ShUnfinished) unfinished = { 0 };
  g_autoptr(ShWords) words = NULL;
  g_autofree char *lead = NULL;
  bool was_completing = shell->completing;

  sh_parse_unfinished (line, &unfinished);
  *start = unfinished.start;
  lead = g_strndup (unfinished.text, unfinished.value);
  words = words_new (unfinished.text + unfinished.value);

  shell->completing = true;
  if (unfinished.comment) {
    /* nothing */
  } else if (!unfinished.args) {
    sh_complete_command (shell, NULL, unfinished.text, words);
  } else if (g_str_equal (unfinished.text, "-") && !unfinished.positional_only) {
    add_options (unfinished.args, words);
  } else if (unfinished.option) {
    if (unfinished.option->complete) {
      unfinished.option->complete (shell, unfinished.args, words->prefix, words);
      drop_given (unfinished.args, unfinished.option, words);
    }
    /* An optional argument leaves room for options. */
    if (!*unfinished.text && !(unfinished.option->flags & SH_OPTION_REQUIRED) && !words->list->len
        && unfinished.option->flags & SH_OPTION_POSITIONAL)
      add_options (unfinished.args, words);
  } else if (!unfinished.positional_only) {
    add_options (unfinished.args, words);
  }
  if (!was_completing)
    sh_shell_end_completion (shell);
  shell->completing = was_completing;
  return make_candidates (words, lead);
}

GPtrArray *
sh_complete_program (Shell *shell, const char *line, size_t *start)
{
  const char *pos = line;
  g_autofree char *program G_GNUC_UNUSED = sh_parse_word (&pos);
  g_autofree char *option = NULL;

  /* Skips the program's options; what is at the end of the line is unfinished. */
  for (;;) {
    const char *before = pos;
    g_autofree char *word = sh_parse_word (&pos);

    if (option) {
      if (!word || !*pos) {
        bool takes_value = sh_globals_take (shell, option, NULL);

        if (takes_value) {
          g_autoptr(ShWords) words = words_new (word ? word : "");

          g_clear_pointer (&shell->uri, g_free);
          *start = strlen (line) - strlen (before) + strspn (before, " \t");
          if (g_str_equal (option, "-c") || g_str_equal (option, "--connect"))
            sh_complete_uri (shell, NULL, words->prefix, words);
          else
            sh_complete_file (shell, NULL, words->prefix, words);
          return make_candidates (words, "");
        }
      } else if (sh_globals_take (shell, option, word)) {
        g_clear_pointer (&option, g_free);
        continue;
      }
      g_clear_pointer (&option, g_free);
    }
    if (word && word[0] == '-' && word[1]) {
      if (!*pos) {
        g_autoptr(ShWords) words = words_new (word);

        *start = strlen (line) - strlen (before) + strspn (before, " \t");
        sh_globals_add_words (words);
        return make_candidates (words, "");
      }
      option = g_steal_pointer (&word);
      continue;
    }

    GPtrArray *candidates = sh_complete (shell, before, start);

    *start += strlen (line) - strlen (before);
    return candidates;
  }
}

/* --- completers -------------------------------------------------------------- */

void
sh_complete_command (Shell *shell G_GNUC_UNUSED, const ShArgs *args, const char *text G_GNUC_UNUSED, ShWords *words)
{
  for (const ShGroup *group = sh_groups; group->title; group++) {
    if (args)                     /* of `help` */
      sh_words_add (words, group->keyword);
    for (const ShCommand *command = group->commands; command->name; command++)
      if (!(command->flags & SH_COMMAND_HIDDEN))
        sh_words_add (words, command->name);
  }
}

static void
add_domains (Shell *shell, unsigned flags, ShWords *words)
{
  virConnectPtr conn = sh_shell_conn_to_complete (shell);
  g_autoptr(GPtrArray) domains = NULL;

  if (!conn)
    return;
  domains = vth_domain_list (conn, flags | VTH_DOMAIN_LIST_NO_CONFIG, NULL, NULL);
  for (guint i = 0; domains && i < domains->len; i++) {
    const VthDomain *domain = domains->pdata[i];

    sh_words_add (words, domain->name);
    sh_words_add (words, domain->display_name);
    if (*words->prefix)           /* nobody wants to choose among UUIDs */
      sh_words_add (words, domain->uuid);
  }
}

void
sh_complete_domain (Shell *shell, const ShArgs *args G_GNUC_UNUSED, const char *text G_GNUC_UNUSED, ShWords *words)
{
  add_domains (shell, VTH_DOMAIN_LIST_ACTIVE | VTH_DOMAIN_LIST_INACTIVE, words);
}

void
sh_complete_active_domain (Shell *shell, const ShArgs *args G_GNUC_UNUSED, const char *text G_GNUC_UNUSED,
                           ShWords *words)
{
  add_domains (shell, VTH_DOMAIN_LIST_ACTIVE, words);
}

static virDomainPtr
domain_of_args (Shell *shell, const ShArgs *args)
{
  const char *name = sh_command_option (args->command, "domain") ? sh_args_string (args, "domain") : NULL;
  virConnectPtr conn = name ? sh_shell_conn_to_complete (shell) : NULL;

  return conn ? vth_domain_lookup (conn, name, NULL) : NULL;
}

void
sh_complete_schedule (Shell *shell, const ShArgs *args, const char *text G_GNUC_UNUSED, ShWords *words)
{
  virDomainPtr domain = domain_of_args (shell, args);
  g_autoptr(VthConfig) config = NULL;

  if (!domain)
    return;
  config = vth_config_load (domain, VTH_IMPACT_CURRENT, NULL);
  for (guint i = 0; config && i < vth_config_get_n_schedules (config); i++)
    sh_words_add (words, vth_schedule_get_name (vth_config_get_schedule (config, i)));
  virDomainFree (domain);
}

void
sh_complete_cron (Shell *shell G_GNUC_UNUSED, const ShArgs *args G_GNUC_UNUSED, const char *text G_GNUC_UNUSED,
                  ShWords *words)
{
  static const char *const names[] = { "@hourly", "@daily", "@weekly", "@monthly", "@yearly", NULL };

  words_add_all (words, names);
}

void
sh_complete_pool (Shell *shell, const ShArgs *args G_GNUC_UNUSED, const char *text G_GNUC_UNUSED, ShWords *words)
{
  virConnectPtr conn = sh_shell_conn_to_complete (shell);
  virStoragePoolPtr *pools = NULL;
  int n;

  if (!conn)
    return;
  n = virConnectListAllStoragePools (conn, &pools, VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE);
  for (int i = 0; i < n; i++) {
    sh_words_add (words, virStoragePoolGetName (pools[i]));
    virStoragePoolFree (pools[i]);
  }
  free (pools);
}

void
sh_complete_dump (Shell *shell, const ShArgs *args, const char *text G_GNUC_UNUSED, ShWords *words)
{
  virDomainPtr domain = domain_of_args (shell, args);
  g_autoptr(VthConfig) config = NULL;
  g_autoptr(VthHost) host = NULL;
  g_autoptr(VthOutput) output = NULL;
  g_autoptr(GPtrArray) dumps = NULL;

  if (!domain)
    return;
  config = vth_config_load (domain, VTH_IMPACT_CURRENT, NULL);
  host = vth_host_load (NULL, NULL);
  if (config && host)
    output = vth_output_resolve (sh_shell_conn_to_complete (shell), config, host, NULL);
  if (output)
    dumps = vth_dump_list (output, domain, NULL);
  for (guint i = 0; dumps && i < dumps->len; i++)
    sh_words_add (words, ((const VthDump *) dumps->pdata[i])->name);
  virDomainFree (domain);
}

static void
add_files (const char *text, bool directories_only, ShWords *words)
{
  const char *slash = strrchr (text, '/');
  g_autofree char *typed = slash ? g_strndup (text, (size_t) (slash + 1 - text)) : g_strdup ("");
  g_autofree char *folder = NULL;
  g_autoptr(GDir) dir = NULL;
  const char *name;

  if (g_str_has_prefix (typed, "~/"))
    folder = g_build_filename (g_get_home_dir (), typed + 2, NULL);
  else
    folder = g_strdup (*typed ? typed : ".");
  dir = g_dir_open (folder, 0, NULL);
  while (dir && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    bool is_directory = g_file_test (path, G_FILE_TEST_IS_DIR);
    g_autofree char *word = g_strconcat (typed, name, is_directory ? "/" : "", NULL);

    /* Hidden files are offered to those who ask for them. */
    if (name[0] == '.' && !(slash ? slash[1] == '.' : text[0] == '.'))
      continue;
    if (is_directory)
      sh_words_add_partial (words, word);
    else if (!directories_only)
      sh_words_add (words, word);
  }
}

void
sh_complete_file (Shell *shell G_GNUC_UNUSED, const ShArgs *args G_GNUC_UNUSED, const char *text, ShWords *words)
{
  add_files (text, false, words);
}

void
sh_complete_directory (Shell *shell G_GNUC_UNUSED, const ShArgs *args G_GNUC_UNUSED, const char *text, ShWords *words)
{
  add_files (text, true, words);
}

void
sh_complete_file_or_domain (Shell *shell, const ShArgs *args, const char *text, ShWords *words)
{
  if (sh_args_given (args, "domain")) {
    sh_complete_dump (shell, args, text, words);
    return;
  }
  if (!strchr (text, '/'))
    sh_complete_domain (shell, args, text, words);
  add_files (text, false, words);
}

void
sh_complete_format (Shell *shell G_GNUC_UNUSED, const ShArgs *args G_GNUC_UNUSED, const char *text G_GNUC_UNUSED,
                    ShWords *words)
{
  words_add_all (words, vth_format_names ());
}

void
sh_complete_mode (Shell *shell G_GNUC_UNUSED, const ShArgs *args G_GNUC_UNUSED, const char *text G_GNUC_UNUSED,
                  ShWords *words)
{
  words_add_all (words, vth_mode_names ());
}

void
sh_complete_strategy (Shell *shell G_GNUC_UNUSED, const ShArgs *args G_GNUC_UNUSED, const char *text G_GNUC_UNUSED,
                      ShWords *words)
{
  words_add_all (words, vth_strategy_names ());
}

void
sh_complete_yes_no (Shell *shell G_GNUC_UNUSED, const ShArgs *args G_GNUC_UNUSED, const char *text G_GNUC_UNUSED,
                    ShWords *words)
{
  sh_words_add (words, "yes");
  sh_words_add (words, "no");
}

void
sh_complete_uri (Shell *shell G_GNUC_UNUSED, const ShArgs *args G_GNUC_UNUSED, const char *text G_GNUC_UNUSED,
                 ShWords *words)
{
  static const char *const uris[] = { "qemu:///session", "qemu:///system", "test:///default", NULL };

  words_add_all (words, uris);
  sh_words_add_partial (words, "qemu+ssh://");
  sh_words_add_partial (words, "qemu+tls://");
  sh_words_add_partial (words, "qemu+unix://");
}
