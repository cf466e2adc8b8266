/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domains as vthunder shows them: one list call, one statistics call, and one
 * XML per domain, which is parsed up to the end of <metadata>.
 */
#include <config.h>

#include <libvirt/virterror.h>
#include <libxml/xmlreader.h>
#include <stdlib.h>
#include <string.h>

#include "vth-private.h"

#define KUBEVIRT_URI "http://kubevirt.io"

static const char *const nova_uris[]
    = { "http://openstack.org/xmlns/libvirt/nova/1.1", "http://openstack.org/xmlns/libvirt/nova/1.0", NULL };

void
vth_domain_free (VthDomain *domain)
{
  if (domain == NULL)
    return;
  if (domain->handle != NULL)
    virDomainFree (domain->handle);
  g_free (domain->name);
  g_free (domain->uuid);
  g_free (domain->display_name);
  vth_config_free (domain->config);
  g_clear_error (&domain->config_error);
  g_clear_error (&domain->state_error);
  g_free (domain->last_path);
  g_free (domain);
}

static char *
text_of_child (const xmlNode *node, const char *name)
{
  for (xmlNode *child = node->children; child != NULL; child = child->next)
    if (child->type == XML_ELEMENT_NODE && strcmp ((const char *) child->name, name) == 0)
      {
        xmlChar *content = xmlNodeGetContent (child);
        g_autofree char *text = g_strstrip (g_strdup (content != NULL ? (const char *) content : ""));
        xmlFree (content);
        return *text != '\0' ? g_steal_pointer (&text) : NULL;
      }
  return NULL;
}

static char *
display_name_of (const xmlNode *node, const char *domain_name)
{
  const char *uri = node->ns != NULL ? (const char *) node->ns->href : "";

  if (g_strv_contains (nova_uris, uri) && strcmp ((const char *) node->name, "instance") == 0)
    return text_of_child (node, "name");
  if (strcmp (uri, KUBEVIRT_URI) == 0)
    {
      char *name = text_of_child (node, "name");
      if (name != NULL)
        return name;
      /* KubeVirt calls the domain NAMESPACE_NAME; neither part may have an underscore. */
      const char *underscore = strchr (domain_name, '_');
      if (underscore != NULL && underscore[1] != '\0')
        return g_strdup_printf ("%.*s/%s", (int) (underscore - domain_name), domain_name, underscore + 1);
    }
  return NULL;
}

/*
 * Moves to the domain's <metadata>, which may carry declarations of others;
 * what comes after it, the devices above all, is never parsed.  1 if it is
 * there, 0 if not, -1 if the XML cannot be read.
 */
static int
find_metadata (xmlTextReader *reader)
{
  int result;

  do
    result = xmlTextReaderRead (reader);
  while (result == 1 && xmlTextReaderNodeType (reader) != XML_READER_TYPE_ELEMENT);
  /* Into the root, then from child to child. */
  if (result == 1)
    result = xmlTextReaderRead (reader);
  while (result == 1 && xmlTextReaderDepth (reader) > 0)
    {
      const xmlChar *name = xmlTextReaderConstLocalName (reader);
      if (xmlTextReaderDepth (reader) == 1 && xmlTextReaderNodeType (reader) == XML_READER_TYPE_ELEMENT
          && xmlTextReaderConstNamespaceUri (reader) == NULL && strcmp ((const char *) name, "metadata") == 0)
        return 1;
      result = xmlTextReaderNext (reader);
    }
  return result == 1 ? 0 : result;
}

void
vth_domain_read_metadata (const char *xml, const char *name, char **display_name, VthConfig **config, GError **config_error)
{
  xmlTextReader *reader = xmlReaderForMemory (xml, (int) strlen (xml), NULL, NULL,
                                              XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS);
  int found = reader != NULL ? find_metadata (reader) : -1;
  const xmlNode *root = found == 1 ? xmlTextReaderExpand (reader) : NULL;

  for (xmlNode *node = root != NULL ? root->children : NULL; node != NULL; node = node->next)
    if (node->type == XML_ELEMENT_NODE && node->ns != NULL)
      {
        if (strcmp ((const char *) node->ns->href, VTH_METADATA_URI) == 0 && config != NULL)
          {
            if (*config == NULL && *config_error == NULL)
              *config = vth_config_parse_node (node, name, config_error);
          }
        else if (display_name != NULL && *display_name == NULL)
          *display_name = display_name_of (node, name);
      }
  if (reader != NULL)
    xmlFreeTextReader (reader);
  if (config == NULL || *config != NULL || *config_error != NULL)
    return;
  /* Nothing of ours, or something that cannot be told: its schedules must not be gone without a word. */
  if (root == NULL && found != 0 && strstr (xml, VTH_METADATA_URI) != NULL)
    g_set_error (config_error, VTH_ERROR, VTH_ERROR_CONFIG, "domain '%s': its metadata cannot be read as XML", name);
  else
    *config = vth_config_new ();
}

static int
as_virsh_lists (const void *a, const void *b)
{
  const VthDomain *x = *(VthDomain *const *) a, *y = *(VthDomain *const *) b;
  if (x->active != y->active)
    return x->active ? -1 : 1;
  return x->active ? (x->id > y->id) - (x->id < y->id) : strcmp (x->name, y->name);
}

/* State and memory of all domains at once; false where the driver cannot, as test:/// cannot. */
static bool
fill_from_stats (virDomainPtr *handles, GHashTable *by_uuid)
{
  virDomainStatsRecordPtr *records = NULL;
  int n = virDomainListGetStats (handles, VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_BALLOON, &records,
                                 VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
  for (int i = 0; i < n; i++)
    {
      char uuid[VIR_UUID_STRING_BUFLEN];
      VthDomain *domain = virDomainGetUUIDString (records[i]->dom, uuid) == 0 ? g_hash_table_lookup (by_uuid, uuid) : NULL;
      unsigned long long memory_kib = 0;
      int state = VIR_DOMAIN_NOSTATE;
      if (domain == NULL)
        continue;
      if (virTypedParamsGetInt (records[i]->params, records[i]->nparams, "state.state", &state) == 1)
        domain->state = state;
      if (virTypedParamsGetULLong (records[i]->params, records[i]->nparams, "balloon.maximum", &memory_kib) == 1)
        domain->memory_kib = memory_kib;
    }
  if (records != NULL)
    virDomainStatsRecordListFree (records);
  return n >= 0;
}

/* A domain that went away since it was listed is none any more: it loses its handle, and its place in the list. */
static bool
is_gone (VthDomain *domain)
{
  if (virGetLastErrorCode () != VIR_ERR_NO_DOMAIN)
    return false;
  g_clear_pointer (&domain->handle, virDomainFree);
  return true;
}

static void
fill_one (VthDomain *domain, bool with_config)
{
  if (domain->state == VIR_DOMAIN_NOSTATE || domain->memory_kib == 0)
    {
      virDomainInfo info;
      if (virDomainGetInfo (domain->handle, &info) == 0)
        {
          domain->state = info.state;
          domain->memory_kib = info.maxMem;
        }
      else if (is_gone (domain))
        return;
    }
  if (!with_config)
    return;
  char *xml = virDomainGetXMLDesc (domain->handle, 0);
  if (xml == NULL)
    {
      if (!is_gone (domain))
        vth_error_set_libvirt (&domain->config_error, "cannot read the XML of domain '%s'", domain->name);
      return;
    }
  vth_domain_read_metadata (xml, domain->name, &domain->display_name, &domain->config, &domain->config_error);
  free (xml);
}

static void
fill_in_thread (void *data, void *user_data)
{
  fill_one (data, GPOINTER_TO_INT (user_data));
}

/* Round trips overlap, which is what a list over a remote connection is made of. */
static void
fill_all (GPtrArray *list, bool with_config)
{
  GThreadPool *pool = list->len > 8 ? g_thread_pool_new (fill_in_thread, GINT_TO_POINTER (with_config), 4, TRUE, NULL) : NULL;
  for (unsigned int i = 0; i < list->len; i++)
    if (pool == NULL || !g_thread_pool_push (pool, list->pdata[i], NULL))
      fill_one (list->pdata[i], with_config);
  if (pool != NULL)
    g_thread_pool_free (pool, FALSE, TRUE);
}

static void
fill_from_state (VthDomain *domain, const VthHost *host)
{
  g_autoptr (VthState) state = vth_state_load (vth_host_get_state_dir (host), domain->uuid, &domain->state_error);
  if (state == NULL)
    return;
  domain->last_dump_s = state->last_dump_s;
  domain->last_failed = state->last_failed;
  domain->last_path = g_strdup (state->last_path);
}

GPtrArray *
vth_domain_list (virConnectPtr conn, VthDomainListFlags flags, const VthHost *host, GError **error)
{
  unsigned int vir_flags = 0;
  virDomainPtr *handles = NULL;

  if (flags & VTH_DOMAIN_LIST_ACTIVE)
    vir_flags |= VIR_CONNECT_LIST_DOMAINS_ACTIVE;
  if (flags & VTH_DOMAIN_LIST_INACTIVE)
    vir_flags |= VIR_CONNECT_LIST_DOMAINS_INACTIVE;
  int n = virConnectListAllDomains (conn, &handles, vir_flags);
  if (n < 0)
    {
      vth_error_set_libvirt (error, "cannot list domains");
      return NULL;
    }

  g_autoptr (GPtrArray) list = g_ptr_array_new_full ((unsigned int) n, (GDestroyNotify) vth_domain_free);
  g_autoptr (GHashTable) by_uuid = g_hash_table_new (g_str_hash, g_str_equal);
  for (int i = 0; i < n; i++)
    {
      VthDomain *domain = g_new0 (VthDomain, 1);
      char uuid[VIR_UUID_STRING_BUFLEN] = "";
      unsigned int id = virDomainGetID (handles[i]);
      virDomainGetUUIDString (handles[i], uuid);
      domain->handle = handles[i];
      domain->id = id != (unsigned int) -1 ? (int) id : -1;
      domain->active = domain->id != -1;
      domain->name = g_strdup (virDomainGetName (handles[i]));
      domain->uuid = g_strdup (uuid);
      g_hash_table_insert (by_uuid, domain->uuid, domain);
      g_ptr_array_add (list, domain);
    }
  bool stats = n > 0 && fill_from_stats (handles, by_uuid);
  free (handles);
  if (!(flags & VTH_DOMAIN_LIST_NO_CONFIG) || !stats)
    fill_all (list, !(flags & VTH_DOMAIN_LIST_NO_CONFIG));

  int64_t now_s = g_get_real_time () / G_USEC_PER_SEC;
  for (unsigned int i = list->len; i-- > 0;)
    {
      VthDomain *domain = list->pdata[i];
      if (domain->handle == NULL)
        {
          g_ptr_array_remove_index_fast (list, i); /* sorted below */
          continue;
        }
      if (host != NULL)
        fill_from_state (domain, host);
      if (domain->config != NULL)
        domain->next_dump_s = vth_config_next (domain->config, NULL, now_s);
    }
  g_ptr_array_sort (list, as_virsh_lists);
  return g_steal_pointer (&list);
}

static virDomainPtr
lookup_display_name (virConnectPtr conn, const char *key, GError **error)
{
  g_autoptr (GPtrArray) list = vth_domain_list (conn, 0, NULL, error);
  g_autoptr (GString) candidates = g_string_new (NULL);
  VthDomain *found = NULL;
  unsigned int n = 0;

  if (list == NULL)
    return NULL;
  for (unsigned int i = 0; i < list->len; i++)
    {
      VthDomain *domain = list->pdata[i];
      if (g_strcmp0 (domain->display_name, key) != 0)
        continue;
      found = domain;
      g_string_append_printf (candidates, "%s%s", n++ > 0 ? ", " : "", domain->name);
    }
  if (n == 1)
    return g_steal_pointer (&found->handle);
  if (n == 0)
    g_set_error (error, VTH_ERROR, VTH_ERROR_NOT_FOUND, "there is no domain '%s'", key);
  else
    g_set_error (error, VTH_ERROR, VTH_ERROR_AMBIGUOUS, "several domains are displayed as '%s': use one of %s", key,
                 candidates->str);
  return NULL;
}

virDomainPtr
vth_domain_lookup (virConnectPtr conn, const char *key, GError **error)
{
  virDomainPtr domain = NULL;
  char *end = NULL;

  if (key == NULL || *key == '\0')
    {
      g_set_error_literal (error, VTH_ERROR, VTH_ERROR_USAGE, "a domain needs a name, an id or a uuid");
      return NULL;
    }
  guint64 id = g_ascii_isdigit (*key) ? g_ascii_strtoull (key, &end, 10) : 0;
  if (end != NULL && *end == '\0' && id <= G_MAXINT)
    domain = virDomainLookupByID (conn, (int) id);
  if (domain == NULL && g_uuid_string_is_valid (key))
    domain = virDomainLookupByUUIDString (conn, key);
  if (domain == NULL)
    domain = virDomainLookupByName (conn, key);
  if (domain == NULL && virGetLastErrorCode () != VIR_ERR_NO_DOMAIN)
    {
      vth_error_set_libvirt (error, "cannot look up domain '%s'", key);
      return NULL;
    }
  return domain != NULL ? domain : lookup_display_name (conn, key, error);
}
