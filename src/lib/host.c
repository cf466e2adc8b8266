/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The settings of this host: a key file, and where things are by default. */
#include <config.h>

#include <string.h>

#include "vth-private.h"

struct _VthHost {
  char *path;
  GKeyFile *file;
  VthOutputKind output_kind;
  char *output;
  char *file_name;
  unsigned int max_parallel;
  uint64_t min_free_bytes;
  unsigned int jitter_s;
  unsigned int hook_timeout_s;
  char *hooks_dir;
  char *metrics_path;
  char *state_dir;
  GPtrArray *known; /* "group/key" of what was looked for */
  char *unknown;
};

/* The system's directories are root's, unless an XDG variable is set: a private set-up stays private. */
char *
vth_host_dir (const char *variable, const char *users, const char *system)
{
  const char *xdg = g_getenv (variable);
  if (xdg != NULL && g_path_is_absolute (xdg))
    return g_build_filename (xdg, "vthunder", NULL);
  return vth_is_root () ? g_strdup (system) : g_build_filename (users, "vthunder", NULL);
}

static char *
get_text (VthHost *host, const char *group, const char *key)
{
  g_ptr_array_add (host->known, g_strjoin ("/", group, key, NULL));
  g_autofree char *text = g_key_file_get_string (host->file, group, key, NULL);
  return text != NULL && *g_strstrip (text) != '\0' ? g_steal_pointer (&text) : NULL;
}

/* Key files know comments only as lines: what looks like one behind a value would be part of it, of a directory's name perhaps. */
static bool
check_comment (const VthHost *host, const char *group, const char *key, GError **error)
{
  g_autofree char *text = g_key_file_get_value (host->file, group, key, NULL);
  const char *mark = text != NULL ? strchr (text, '#') : NULL;

  while (mark != NULL && (mark == text || !g_ascii_isspace (mark[-1])))
    mark = strchr (mark + 1, '#');
  if (mark == NULL)
    return true;
  g_set_error (error, VTH_ERROR, VTH_ERROR_CONFIG, "'%s': %s: '%s': a comment needs a line of its own", host->path, key, text);
  return false;
}

/* Of a newer version, or misspelt: kept, and for doctor to tell. */
static bool
check_keys (VthHost *host, GError **error)
{
  g_auto (GStrv) groups = g_key_file_get_groups (host->file, NULL);
  g_autoptr (GString) unknown = g_string_new (NULL);

  for (char **group = groups; *group != NULL; group++)
    {
      g_auto (GStrv) keys = g_key_file_get_keys (host->file, *group, NULL, NULL);
      for (char **key = keys; key != NULL && *key != NULL; key++)
        {
          g_autofree char *name = g_strjoin ("/", *group, *key, NULL);
          if (!g_ptr_array_find_with_equal_func (host->known, name, g_str_equal, NULL))
            g_string_append_printf (unknown, "%s'%s' in [%s]", unknown->len > 0 ? ", " : "", *key, *group);
          else if (!check_comment (host, *group, *key, error))
            return false;
        }
    }
  host->unknown = unknown->len > 0 ? g_strdup (unknown->str) : NULL;
  return true;
}

const char *
vth_host_get_unknown (const VthHost *host)
{
  return host->unknown;
}

static bool
get_path (VthHost *host, const char *group, const char *key, char **value, GError **error)
{
  g_autofree char *text = get_text (host, group, key);
  if (text == NULL)
    return true;
  if (!g_path_is_absolute (text))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_CONFIG, "'%s': %s: '%s' is not a path from /", host->path, key, text);
      return false;
    }
  g_free (*value);
  *value = g_steal_pointer (&text);
  return true;
}

static bool
get_number (VthHost *host, const char *group, const char *key, unsigned int low, unsigned int *value, GError **error)
{
  g_autofree char *text = get_text (host, group, key);
  guint64 number;
  if (text == NULL)
    return true;
  if (!g_ascii_string_to_unsigned (text, 10, low, 1000000, &number, NULL))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_CONFIG, "'%s': %s: '%s' is not a number from %u to 1000000", host->path, key,
                   text, low);
      return false;
    }
  *value = (unsigned int) number;
  return true;
}

static bool
read_values (VthHost *host, GError **error)
{
  g_autofree char *dir = get_text (host, "output", "dir");
  g_autofree char *pool = get_text (host, "output", "pool");
  g_autofree char *file_name = get_text (host, "output", "file-name");
  g_autofree char *min_free = get_text (host, "batch", "min-free");
  GError *reason = NULL;

  if (dir != NULL && pool != NULL)
    g_set_error_literal (&reason, VTH_ERROR, VTH_ERROR_CONFIG, "both dir and pool are set in [output]");
  if (reason == NULL && dir != NULL)
    vth_host_set_output (host, VTH_OUTPUT_DIR, dir, &reason);
  if (reason == NULL && pool != NULL)
    vth_host_set_output (host, VTH_OUTPUT_POOL, pool, &reason);
  if (reason == NULL && file_name != NULL)
    vth_host_set_file_name (host, file_name, &reason);
  if (reason == NULL && min_free != NULL)
    vth_size_parse (min_free, &host->min_free_bytes, &reason);
  if (reason != NULL)
    {
      reason->code = VTH_ERROR_CONFIG;
      g_propagate_prefixed_error (error, reason, "'%s': ", host->path);
      return false;
    }
  return get_number (host, "batch", "max-parallel", 1, &host->max_parallel, error)
         && get_number (host, "batch", "jitter", 0, &host->jitter_s, error)
         && get_number (host, "hooks", "timeout", 1, &host->hook_timeout_s, error)
         && get_path (host, "batch", "state-dir", &host->state_dir, error)
         && get_path (host, "batch", "metrics", &host->metrics_path, error)
         && get_path (host, "hooks", "dir", &host->hooks_dir, error);
}

VthHost *
vth_host_load (const char *path, GError **error)
{
  g_autoptr (VthHost) host = g_new0 (VthHost, 1);
  g_autoptr (GError) reason = NULL;

  g_autofree char *config_dir = vth_host_dir ("XDG_CONFIG_HOME", g_get_user_config_dir (), "/etc/vthunder");

  host->path = path != NULL ? g_strdup (path) : g_build_filename (config_dir, "vthunder.conf", NULL);
  host->file = g_key_file_new ();
  host->known = g_ptr_array_new_with_free_func (g_free);
  host->max_parallel = 1;
  host->min_free_bytes = UINT64_C (1) << 30;
  host->hook_timeout_s = 300;
  host->hooks_dir = g_build_filename (config_dir, "hooks.d", NULL);
  host->state_dir = vth_host_dir ("XDG_STATE_HOME", g_get_user_state_dir (), "/var/lib/vthunder/state");

  if (!g_key_file_load_from_file (host->file, host->path, G_KEY_FILE_KEEP_COMMENTS, &reason)
      && !g_error_matches (reason, G_FILE_ERROR, G_FILE_ERROR_NOENT)
      && !g_error_matches (reason, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_NOT_FOUND))
    {
      g_set_error (error, VTH_ERROR, reason->domain == G_KEY_FILE_ERROR ? VTH_ERROR_CONFIG : VTH_ERROR_IO,
                   "cannot read '%s': %s", host->path, reason->message);
      return NULL;
    }
  g_clear_error (&reason); /* there is no such file */
  bool ok = read_values (host, &reason);
  /* First, since a comment makes no sense as a value either. */
  if (!check_keys (host, error))
    return NULL;
  if (!ok)
    {
      g_propagate_error (error, g_steal_pointer (&reason));
      return NULL;
    }
  return g_steal_pointer (&host);
}

static void
put_text (VthHost *host, const char *group, const char *key, const char *value)
{
  if (value != NULL)
    g_key_file_set_string (host->file, group, key, value);
  else
    g_key_file_remove_key (host->file, group, key, NULL);
}

bool
vth_host_save (VthHost *host, GError **error)
{
  g_autofree char *dir = g_path_get_dirname (host->path);

  put_text (host, "output", "dir", host->output_kind == VTH_OUTPUT_DIR ? host->output : NULL);
  put_text (host, "output", "pool", host->output_kind == VTH_OUTPUT_POOL ? host->output : NULL);
  put_text (host, "output", "file-name", host->file_name);
  g_autofree char *text = g_key_file_to_data (host->file, NULL, NULL);
  return vth_mkdir_private (dir, error) && vth_file_replace (host->path, text, -1, 0644, error);
}

void
vth_host_free (VthHost *host)
{
  if (host == NULL)
    return;
  g_clear_pointer (&host->file, g_key_file_unref);
  g_clear_pointer (&host->known, g_ptr_array_unref);
  g_free (host->unknown);
  g_free (host->path);
  g_free (host->output);
  g_free (host->file_name);
  g_free (host->hooks_dir);
  g_free (host->metrics_path);
  g_free (host->state_dir);
  g_free (host);
}

const char *
vth_host_get_path (const VthHost *host)
{
  return host->path;
}

VthOutputKind
vth_host_get_output_kind (const VthHost *host)
{
  return host->output_kind;
}

const char *
vth_host_get_output (const VthHost *host)
{
  return host->output;
}

bool
vth_host_set_output (VthHost *host, VthOutputKind kind, const char *output, GError **error)
{
  if (!vth_output_check_target (kind, output, error))
    return false;
  g_free (host->output);
  host->output_kind = kind;
  host->output = kind != VTH_OUTPUT_NONE ? g_strdup (output) : NULL;
  return true;
}

const char *
vth_host_get_file_name (const VthHost *host)
{
  return host->file_name;
}

bool
vth_host_set_file_name (VthHost *host, const char *file_name, GError **error)
{
  if (file_name != NULL && !vth_template_check (file_name, error))
    return false;
  g_free (host->file_name);
  host->file_name = g_strdup (file_name);
  return true;
}

unsigned int
vth_host_get_max_parallel (const VthHost *host)
{
  return host->max_parallel;
}

uint64_t
vth_host_get_min_free_bytes (const VthHost *host)
{
  return host->min_free_bytes;
}

unsigned int
vth_host_get_jitter_s (const VthHost *host)
{
  return host->jitter_s;
}

unsigned int
vth_host_get_hook_timeout_s (const VthHost *host)
{
  return host->hook_timeout_s;
}

const char *
vth_host_get_hooks_dir (const VthHost *host)
{
  return host->hooks_dir;
}

const char *
vth_host_get_metrics_path (const VthHost *host)
{
  return host->metrics_path;
}

const char *
vth_host_get_state_dir (const VthHost *host)
{
  return host->state_dir;
}

void
vth_host_set_state_dir (VthHost *host, const char *path)
{
  g_free (host->state_dir);
  host->state_dir = path != NULL ? g_strdup (path) : vth_host_dir ("XDG_STATE_HOME", g_get_user_state_dir (), "/var/lib/vthunder/state");
}

void
vth_host_set_hooks_dir (VthHost *host, const char *path)
{
  g_free (host->hooks_dir);
  host->hooks_dir = g_strdup (path);
}

void
vth_host_set_metrics_path (VthHost *host, const char *path)
{
  g_free (host->metrics_path);
  host->metrics_path = g_strdup (path);
}

void
vth_host_set_max_parallel (VthHost *host, unsigned int max_parallel)
{
  host->max_parallel = MAX (max_parallel, 1);
}

void
vth_host_set_min_free_bytes (VthHost *host, uint64_t bytes)
{
  host->min_free_bytes = bytes;
}

void
vth_host_set_jitter_s (VthHost *host, unsigned int jitter_s)
{
  host->jitter_s = jitter_s;
}

void
vth_host_set_hook_timeout_s (VthHost *host, unsigned int timeout_s)
{
  host->hook_timeout_s = MAX (timeout_s, 1);
}
