/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A domain's configuration: our element of its <metadata>.
 *
 * The parsed element is kept beside the values read from it.  Writing changes
 * what we know in a copy of that tree, so that whatever a newer version put
 * there stays where it was.
 */
#include <config.h>

#include <libvirt/virterror.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <string.h>

#include "vth-private.h"

#define XML_LIMIT_BYTES (1 << 20)
#define URI ((const xmlChar *) VTH_METADATA_URI)

struct _VthConfig {
  xmlDoc *doc; /* as it was read: the place of what we do not know; NULL if it was made new */
  VthOutputKind output_kind;
  char *output;
  char *file_name;
  bool format_set;
  VthFormat format;
  bool allow_pause;
  unsigned int timeout_s;
  VthTuning tuning;
  bool manifest;
  GPtrArray *schedules;
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlDoc, xmlFreeDoc)

VthConfig *
vth_config_new (void)
{
  VthConfig *config = g_new0 (VthConfig, 1);
  config->schedules = g_ptr_array_new_with_free_func ((GDestroyNotify) vth_schedule_free);
  return config;
}

VthConfig *
vth_config_copy (const VthConfig *config)
{
  VthConfig *copy = g_memdup2 (config, sizeof *config);
  copy->doc = config->doc != NULL ? xmlCopyDoc (config->doc, 1) : NULL;
  copy->output = g_strdup (config->output);
  copy->file_name = g_strdup (config->file_name);
  copy->schedules = g_ptr_array_copy (config->schedules, (GCopyFunc) (void (*) (void)) vth_schedule_copy, NULL);
  g_ptr_array_set_free_func (copy->schedules, (GDestroyNotify) vth_schedule_free);
  return copy;
}

void
vth_config_free (VthConfig *config)
{
  if (config == NULL)
    return;
  if (config->doc != NULL)
    xmlFreeDoc (config->doc);
  g_free (config->output);
  g_free (config->file_name);
  g_ptr_array_unref (config->schedules);
  g_free (config);
}

/* --- validation --- */

static void
collect_message (void *data, xmlErrorPtr error)
{
  GString *messages = data;
  if (error == NULL || error->message == NULL || messages->len > 0)
    return;
  g_autofree char *text = g_utf8_make_valid (error->message, -1);
  g_string_append (messages, g_strstrip (text));
}

/* Parsing the schema costs more than using it, and a compiled one is not promised to be shareable. */
static GPrivate schema_of_thread = G_PRIVATE_INIT ((GDestroyNotify) xmlRelaxNGFree);

static xmlRelaxNG *
get_schema (void)
{
  xmlRelaxNG *schema = g_private_get (&schema_of_thread);
  if (schema == NULL)
    {
      xmlRelaxNGParserCtxt *parser = xmlRelaxNGNewMemParserCtxt (vth_rng_text, (int) strlen (vth_rng_text));
      schema = xmlRelaxNGParse (parser);
      xmlRelaxNGFreeParserCtxt (parser);
      g_assert (schema != NULL);
      g_private_set (&schema_of_thread, schema);
    }
  return schema;
}

static bool
validate (xmlDoc *doc, GError **error)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  xmlRelaxNGValidCtxt *context = xmlRelaxNGNewValidCtxt (get_schema ());

  xmlRelaxNGSetValidStructuredErrors (context, collect_message, messages);
  int result = xmlRelaxNGValidateDoc (context, doc);
  xmlRelaxNGFreeValidCtxt (context);
  if (result == 0)
    return true;
  g_set_error (error, VTH_ERROR, VTH_ERROR_CONFIG, "the vthunder element is not valid: %s",
               messages->len > 0 ? messages->str : "it does not match the schema");
  return false;
}

/* --- reading --- */

/* libvirt hands our element out without its namespace: give it back. */
static bool
adopt_namespace (xmlNode *node, xmlNs *ns)
{
  for (xmlNode *child = node; child != NULL; child = child->next)
    if (child->type == XML_ELEMENT_NODE)
      {
        /* libxml2 takes a second colon for part of the name; written again it would be no XML. */
        bool plain = strchr ((const char *) child->name, ':') == NULL;
        for (const xmlAttr *attribute = child->properties; attribute != NULL; attribute = attribute->next)
          plain = plain && strchr ((const char *) attribute->name, ':') == NULL;
        if (!plain)
          return false;
        if (child->ns == NULL || xmlStrEqual (child->ns->href, URI))
          xmlSetNs (child, ns);
        if (!adopt_namespace (child->children, ns))
          return false;
      }
  return true;
}

static bool
is_ours (const xmlNode *node, const char *name)
{
  return node->type == XML_ELEMENT_NODE && node->ns != NULL && xmlStrEqual (node->ns->href, URI)
         && strcmp ((const char *) node->name, name) == 0;
}

static xmlNode *
find_child (const xmlNode *parent, const char *name)
{
  for (xmlNode *child = parent->children; child != NULL; child = child->next)
    if (is_ours (child, name))
      return child;
  return NULL;
}

static char *
get_attribute (const xmlNode *node, const char *name)
{
  xmlChar *value = node != NULL ? xmlGetNoNsProp (node, (const xmlChar *) name) : NULL;
  char *copy = value != NULL ? g_strdup ((const char *) value) : NULL;
  xmlFree (value);
  return copy;
}

static bool
get_yes (const xmlNode *node, const char *name, bool absent)
{
  g_autofree char *value = get_attribute (node, name);
  return value != NULL ? strcmp (value, "yes") == 0 : absent;
}

static uint64_t
get_count (const xmlNode *node, const char *name)
{
  g_autofree char *value = get_attribute (node, name);
  /* The schema allows the white space and the sign that XML Schema does. */
  g_autofree char *digits = value != NULL ? g_strstrip (g_strdup (value)) : NULL;
  return digits != NULL ? g_ascii_strtoull (digits + (*digits == '+'), NULL, 10) : 0;
}

static const struct {
  const char *attribute;
  size_t offset;
} retention_counts[] = {
  { "keep-last", offsetof (VthRetention, keep_last) },       { "keep-hourly", offsetof (VthRetention, keep_hourly) },
  { "keep-daily", offsetof (VthRetention, keep_daily) },     { "keep-weekly", offsetof (VthRetention, keep_weekly) },
  { "keep-monthly", offsetof (VthRetention, keep_monthly) }, { "keep-yearly", offsetof (VthRetention, keep_yearly) },
};

static bool
read_schedule (VthConfig *config, const xmlNode *node, GError **error)
{
  g_autofree char *name = get_attribute (node, "name");
  g_autofree char *cron = get_attribute (node, "cron");
  g_autofree char *mode_name = get_attribute (node, "mode");
  g_autoptr (VthSchedule) schedule = vth_schedule_new (name, cron, error);
  VthMode mode = VTH_MODE_MIRROR;

  if (schedule == NULL || (mode_name != NULL && !vth_mode_from_string (mode_name, &mode, error)))
    {
      g_prefix_error (error, "schedule '%s': ", name);
      return false;
    }
  if (vth_config_find_schedule (config, name) != NULL)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_CONFIG, "schedule '%s' is there twice", name);
      return false;
    }
  vth_schedule_set_mode (schedule, mode);
  g_autofree char *full_every = get_attribute (node, "full-every");
  unsigned int full_count = 0;
  int64_t full_s = 0;
  if (full_every != NULL && !vth_full_every_parse (full_every, &full_count, &full_s, error))
    {
      g_prefix_error (error, "schedule '%s': ", name);
      return false;
    }
  vth_schedule_set_full_every (schedule, full_count, full_s);
  vth_schedule_set_enabled (schedule, get_yes (node, "enabled", true));
  vth_schedule_set_allow_pause (schedule, get_yes (node, "allow-pause", false));
  g_autofree char *since = get_attribute (node, "since");
  g_autoptr (GDateTime) since_time = since != NULL ? g_date_time_new_from_iso8601 (since, NULL) : NULL;
  if (since != NULL && since_time == NULL)
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_CONFIG, "schedule '%s': since: there is no time '%s'", name, since);
      return false;
    }
  /* last: the setters take now */
  vth_schedule_set_since (schedule, since_time != NULL ? g_date_time_to_unix (since_time) : 0);

  const xmlNode *keep = find_child (node, "retention");
  if (keep != NULL)
    {
      VthRetention retention = { 0 };
      g_autofree char *within = get_attribute (keep, "keep-within");
      for (unsigned int i = 0; i < G_N_ELEMENTS (retention_counts); i++)
        *(unsigned int *) ((char *) &retention + retention_counts[i].offset)
            = (unsigned int) get_count (keep, retention_counts[i].attribute);
      if (within != NULL && !vth_duration_parse (within, &retention.keep_within_s, error))
        {
          g_prefix_error (error, "schedule '%s': ", name);
          return false;
        }
      vth_schedule_set_retention (schedule, &retention);
    }
  g_ptr_array_add (config->schedules, g_steal_pointer (&schedule));
  return true;
}

static bool
read_output (VthConfig *config, const xmlNode *node, GError **error)
{
  g_autofree char *dir = get_attribute (node, "dir");
  g_autofree char *pool = get_attribute (node, "pool");
  g_autofree char *file_name = get_attribute (node, "file-name");

  return (dir == NULL || vth_config_set_output (config, VTH_OUTPUT_DIR, dir, error))
         && (pool == NULL || vth_config_set_output (config, VTH_OUTPUT_POOL, pool, error))
         && (file_name == NULL || vth_config_set_file_name (config, file_name, error));
}

static bool
read_tuning (VthConfig *config, const xmlNode *node, GError **error)
{
  g_autofree char *strategy = get_attribute (node, "strategy");
  VthTuning tuning = { .threads = (unsigned int) get_count (node, "threads"),
                       .limit_bytes = get_count (node, "limit"),
                       .bandwidth_bytes_s = get_count (node, "bandwidth") };

  return (strategy == NULL || vth_strategy_from_string (strategy, &tuning.strategy, error))
         && vth_config_set_tuning (config, &tuning, error);
}

static bool
read_tree (VthConfig *config, const xmlNode *root, GError **error)
{
  const xmlNode *output = find_child (root, "output");
  const xmlNode *limits = find_child (root, "limits");
  const xmlNode *mirror = find_child (root, "mirror");
  g_autofree char *format = get_attribute (find_child (root, "format"), "type");

  if (output != NULL && !read_output (config, output, error))
    return false;
  if (format != NULL)
    {
      config->format_set = true;
      if (!vth_format_from_string (format, &config->format, error))
        return false;
    }
  if (limits != NULL)
    {
      config->allow_pause = get_yes (limits, "allow-pause", false);
      config->timeout_s = (unsigned int) get_count (limits, "timeout");
    }
  if (mirror != NULL && !read_tuning (config, mirror, error))
    return false;
  config->manifest = find_child (root, "manifest") != NULL;
  for (const xmlNode *child = root->children; child != NULL; child = child->next)
    if (is_ours (child, "schedule") && !read_schedule (config, child, error))
      return false;
  return true;
}

/* Takes @doc. */
static VthConfig *
config_of_doc (xmlDoc *doc_to_take, GError **error)
{
  g_autoptr (xmlDoc) doc = doc_to_take;
  g_autoptr (VthConfig) config = vth_config_new ();
  xmlNode *root = xmlDocGetRootElement (doc);
  xmlNs *ns = NULL;

  for (xmlNs *def = root->nsDef; def != NULL && ns == NULL; def = def->next)
    if (xmlStrEqual (def->href, URI) && def->prefix != NULL)
      ns = def;
  if (ns == NULL)
    ns = xmlNewNs (root, URI, (const xmlChar *) VTH_METADATA_PREFIX);
  if (ns == NULL || root->next != NULL)
    {
      g_set_error_literal (error, VTH_ERROR, VTH_ERROR_CONFIG,
                           "the prefix '" VTH_METADATA_PREFIX "' belongs to another namespace");
      return NULL;
    }
  if (!adopt_namespace (root, ns))
    {
      g_set_error_literal (error, VTH_ERROR, VTH_ERROR_CONFIG, "the vthunder element is not XML: a name has two colons");
      return NULL;
    }

  GError *reason = NULL;
  if (!validate (doc, &reason) || !read_tree (config, root, &reason))
    {
      /* What was an argument elsewhere is stored configuration here. */
      reason->code = VTH_ERROR_CONFIG;
      g_propagate_error (error, reason);
      return NULL;
    }
  config->doc = g_steal_pointer (&doc);
  return g_steal_pointer (&config);
}

VthConfig *
vth_config_parse (const char *xml, GError **error)
{
  size_t length = xml != NULL ? strlen (xml) : 0;
  if (length == 0 || length > XML_LIMIT_BYTES)
    {
      g_set_error_literal (error, VTH_ERROR, VTH_ERROR_CONFIG, "the vthunder element is empty or longer than 1 MiB");
      return NULL;
    }
  xmlParserCtxt *context = xmlNewParserCtxt ();
  xmlDoc *doc = xmlCtxtReadMemory (context, xml, (int) length, NULL, NULL,
                                   XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA
                                       | XML_PARSE_NOBLANKS);
  bool whole = doc != NULL && context->wellFormed && context->nsWellFormed && xmlDocGetRootElement (doc) != NULL && doc->intSubset == NULL;
  if (!whole)
    {
      g_autofree char *why = context->lastError.message != NULL ? g_utf8_make_valid (context->lastError.message, -1)
                                                                : g_strdup ("a document type has no place here");
      g_set_error (error, VTH_ERROR, VTH_ERROR_CONFIG, "the vthunder element is not XML: %s", g_strstrip (why));
      xmlFreeParserCtxt (context);
      if (doc != NULL)
        xmlFreeDoc (doc);
      return NULL;
    }
  xmlFreeParserCtxt (context);
  return config_of_doc (doc, error);
}

VthConfig *
vth_config_parse_node (xmlNode *node, const char *domain, GError **error)
{
  xmlDoc *doc = xmlNewDoc ((const xmlChar *) "1.0");
  xmlDocSetRootElement (doc, xmlDocCopyNode (node, doc, 1));
  /* The declaration may be on the document the node came from. */
  xmlReconciliateNs (doc, xmlDocGetRootElement (doc));
  VthConfig *config = config_of_doc (doc, error);
  if (config == NULL)
    g_prefix_error (error, "domain '%s': ", domain);
  return config;
}

/* --- writing --- */

/* What @parent has or, where there is something to say, gets. */
static xmlNode *
ensure_child_if (bool wanted, xmlNode *parent, const char *name)
{
  xmlNode *node = find_child (parent, name);
  if (node != NULL || !wanted)
    return node;
  node = xmlNewDocNode (parent->doc, parent->ns, (const xmlChar *) name, NULL);
  /* Settings come before schedules; both before what we do not know only if that came later. */
  xmlNode *before = strcmp (name, "schedule") != 0 ? find_child (parent, "schedule") : NULL;
  return before != NULL ? xmlAddPrevSibling (before, node) : xmlAddChild (parent, node);
}

static void
set_attribute (xmlNode *node, const char *name, const char *value)
{
  if (value != NULL)
    xmlSetProp (node, (const xmlChar *) name, (const xmlChar *) value);
  else
    xmlUnsetProp (node, (const xmlChar *) name);
}

static void
set_count (xmlNode *node, const char *name, uint64_t count)
{
  g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT, count);
  set_attribute (node, name, count > 0 ? text : NULL);
}

/* An element that says nothing any more goes, unless a newer version put something into it. */
static void
drop_if_empty (xmlNode *node)
{
  bool elements = false;
  for (const xmlNode *child = node->children; child != NULL; child = child->next)
    elements = elements || child->type == XML_ELEMENT_NODE;
  if (node->properties != NULL || elements)
    return;
  xmlUnlinkNode (node);
  xmlFreeNode (node);
}

/* An element that is its type attribute: without one it goes, whatever is in it. */
static void
write_type (xmlNode *root, const char *name, const char *type)
{
  xmlNode *node = ensure_child_if (type != NULL, root, name);
  if (type != NULL)
    set_attribute (node, "type", type);
  else if (node != NULL)
    {
      xmlUnlinkNode (node);
      xmlFreeNode (node);
    }
}

static void
write_tuning (xmlNode *root, const VthTuning *tuning)
{
  xmlNode *node = ensure_child_if (!vth_tuning_is_empty (tuning), root, "mirror");

  if (node == NULL)
    return;
  set_attribute (node, "strategy", tuning->strategy != VTH_STRATEGY_NONE ? vth_strategy_to_string (tuning->strategy) : NULL);
  set_count (node, "limit", tuning->limit_bytes);
  set_count (node, "bandwidth", tuning->bandwidth_bytes_s);
  set_count (node, "threads", tuning->threads);
  drop_if_empty (node);
}

static void
write_retention (xmlNode *schedule, const VthRetention *retention)
{
  g_autofree char *within = retention->keep_within_s > 0 ? vth_duration_to_string (retention->keep_within_s) : NULL;
  xmlNode *node = ensure_child_if (!vth_retention_is_empty (retention), schedule, "retention");

  if (node == NULL)
    return;
  for (unsigned int i = 0; i < G_N_ELEMENTS (retention_counts); i++)
    set_count (node, retention_counts[i].attribute,
               *(const unsigned int *) ((const char *) retention + retention_counts[i].offset));
  set_attribute (node, "keep-within", within);
  drop_if_empty (node);
}

static void
write_full_every (xmlNode *node, const VthSchedule *schedule)
{
  unsigned int count;
  int64_t duration_s;

  vth_schedule_get_full_every (schedule, &count, &duration_s);
  g_autofree char *text = count > 0 || duration_s > 0 ? vth_full_every_to_string (count, duration_s) : NULL;
  set_attribute (node, "full-every", text);
}

static void
write_since (xmlNode *schedule, int64_t since_s)
{
  g_autoptr (GDateTime) time = since_s != 0 ? g_date_time_new_from_unix_utc (since_s) : NULL;
  g_autofree char *text = time != NULL ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ") : NULL;
  set_attribute (schedule, "since", text);
}

static xmlNode *
find_schedule_node (xmlNode *root, const char *name)
{
  for (xmlNode *child = root->children; child != NULL; child = child->next)
    if (is_ours (child, "schedule"))
      {
        g_autofree char *its_name = get_attribute (child, "name");
        if (g_strcmp0 (its_name, name) == 0)
          return child;
      }
  return NULL;
}

static void
write_schedules (const VthConfig *config, xmlNode *root)
{
  xmlNode *next;
  for (xmlNode *child = root->children; child != NULL; child = next)
    {
      g_autofree char *name = is_ours (child, "schedule") ? get_attribute (child, "name") : NULL;
      next = child->next;
      if (name != NULL && vth_config_find_schedule (config, name) == NULL)
        {
          xmlUnlinkNode (child);
          xmlFreeNode (child);
        }
    }
  for (unsigned int i = 0; i < config->schedules->len; i++)
    {
      const VthSchedule *schedule = config->schedules->pdata[i];
      xmlNode *node = find_schedule_node (root, vth_schedule_get_name (schedule));
      if (node == NULL)
        node = xmlNewChild (root, root->ns, (const xmlChar *) "schedule", NULL);
      set_attribute (node, "name", vth_schedule_get_name (schedule));
      set_attribute (node, "cron", vth_cron_get_expression (vth_schedule_get_cron (schedule)));
      set_attribute (node, "mode", vth_mode_to_string (vth_schedule_get_mode (schedule)));
      write_full_every (node, schedule);
      set_attribute (node, "enabled", vth_schedule_get_enabled (schedule) ? "yes" : "no");
      set_attribute (node, "allow-pause", vth_schedule_get_allow_pause (schedule) ? "yes" : NULL);
      write_since (node, vth_schedule_get_since (schedule));
      write_retention (node, vth_schedule_get_retention (schedule));
    }
}

/* The document to write; its root's namespace is declared there. */
static xmlDoc *
doc_of_config (const VthConfig *config)
{
  xmlDoc *doc;
  if (config->doc != NULL)
    doc = xmlCopyDoc (config->doc, 1);
  else
    {
      doc = xmlNewDoc ((const xmlChar *) "1.0");
      xmlNode *made = xmlNewDocNode (doc, NULL, (const xmlChar *) "domain", NULL);
      xmlDocSetRootElement (doc, made);
      xmlSetNs (made, xmlNewNs (made, URI, (const xmlChar *) VTH_METADATA_PREFIX));
    }
  xmlNode *root = xmlDocGetRootElement (doc);

  xmlNode *node = ensure_child_if (config->output != NULL || config->file_name != NULL, root, "output");
  if (node != NULL)
    {
      set_attribute (node, "dir", config->output_kind == VTH_OUTPUT_DIR ? config->output : NULL);
      set_attribute (node, "pool", config->output_kind == VTH_OUTPUT_POOL ? config->output : NULL);
      set_attribute (node, "file-name", config->file_name);
      drop_if_empty (node);
    }
  write_type (root, "format", config->format_set ? vth_format_to_string (config->format) : NULL);
  node = ensure_child_if (config->allow_pause || config->timeout_s > 0, root, "limits");
  if (node != NULL)
    {
      set_attribute (node, "allow-pause", config->allow_pause ? "yes" : NULL);
      set_count (node, "timeout", config->timeout_s);
      drop_if_empty (node);
    }
  write_tuning (root, &config->tuning);
  write_type (root, "manifest", config->manifest ? "sha256" : NULL);
  write_schedules (config, root);
  return doc;
}

static char *
text_of_doc (xmlDoc *doc)
{
  xmlBuffer *buffer = xmlBufferCreate ();
  xmlNodeDump (buffer, doc, xmlDocGetRootElement (doc), 0, 1);
  char *text = g_strdup ((const char *) xmlBufferContent (buffer));
  xmlBufferFree (buffer);
  return text;
}

char *
vth_config_to_xml (const VthConfig *config, GError **error)
{
  g_autoptr (xmlDoc) doc = doc_of_config (config);
  if (!validate (doc, error))
    return NULL;
  return text_of_doc (doc);
}

/* virDomainSetMetadata adds the namespace itself and refuses an element that has it. */
static void
strip_namespace (xmlNode *node)
{
  for (xmlNode *child = node; child != NULL; child = child->next)
    if (child->type == XML_ELEMENT_NODE)
      {
        if (child->ns != NULL && xmlStrEqual (child->ns->href, URI))
          child->ns = NULL;
        strip_namespace (child->children);
        for (xmlNs **link = &child->nsDef; *link != NULL;)
          if (xmlStrEqual ((*link)->href, URI))
            {
              xmlNs *gone = *link;
              *link = gone->next;
              xmlFreeNs (gone);
            }
          else
            link = &(*link)->next;
      }
}

/* --- libvirt --- */

VthConfig *
vth_config_load (virDomainPtr domain, VthImpact impact, GError **error)
{
  const char *name = virDomainGetName (domain); /* later it would reset the error that is to be told */
  char *xml = virDomainGetMetadata (domain, VIR_DOMAIN_METADATA_ELEMENT, VTH_METADATA_URI, (unsigned int) impact);
  if (xml == NULL)
    {
      if (virGetLastErrorCode () == VIR_ERR_NO_DOMAIN_METADATA)
        return vth_config_new ();
      vth_error_set_libvirt (error, "cannot read the configuration of domain '%s'", name);
      return NULL;
    }
  VthConfig *config = vth_config_parse (xml, error);
  free (xml);
  if (config == NULL)
    g_prefix_error (error, "domain '%s': ", virDomainGetName (domain));
  return config;
}

bool
vth_config_save (const VthConfig *config, virDomainPtr domain, VthImpact impact, GError **error)
{
  const char *name = virDomainGetName (domain);
  g_autofree char *xml = NULL;

  if (!vth_config_is_empty (config))
    {
      g_autoptr (xmlDoc) doc = doc_of_config (config);
      if (!validate (doc, error))
        {
          g_prefix_error (error, "domain '%s': ", virDomainGetName (domain));
          return false;
        }
      strip_namespace (xmlDocGetRootElement (doc));
      xml = text_of_doc (doc);
    }
  if (virDomainSetMetadata (domain, VIR_DOMAIN_METADATA_ELEMENT, xml, xml != NULL ? VTH_METADATA_PREFIX : NULL,
                            VTH_METADATA_URI, (unsigned int) impact)
      < 0)
    {
      vth_error_set_libvirt (error, "cannot write the configuration of domain '%s'", name);
      return false;
    }
  return true;
}

/* --- values --- */

bool
vth_config_is_empty (const VthConfig *config)
{
  g_autoptr (xmlDoc) doc = doc_of_config (config);
  for (const xmlNode *child = xmlDocGetRootElement (doc)->children; child != NULL; child = child->next)
    if (child->type == XML_ELEMENT_NODE)
      return false;
  return true;
}

VthOutputKind
vth_config_get_output_kind (const VthConfig *config)
{
  return config->output_kind;
}

const char *
vth_config_get_output (const VthConfig *config)
{
  return config->output;
}

bool
vth_output_check_target (VthOutputKind kind, const char *output, GError **error)
{
  if (kind == VTH_OUTPUT_NONE)
    return true;
  if (output == NULL || *output == '\0' || !g_utf8_validate (output, -1, NULL)
      || strpbrk (output, "\n\r\t\001\002\003") != NULL)
    {
      g_set_error_literal (error, VTH_ERROR, VTH_ERROR_USAGE, "an output needs a directory or the name of a storage pool");
      return false;
    }
  if (kind == VTH_OUTPUT_DIR && !g_path_is_absolute (output))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "output directory '%s' is relative: give a path from /", output);
      return false;
    }
  if (kind == VTH_OUTPUT_DIR)
    {
      g_auto (GStrv) parts = g_strsplit (output, "/", -1);
      if (g_strv_contains ((const char *const *) parts, ".."))
        {
          g_set_error (error, VTH_ERROR, VTH_ERROR_USAGE, "output directory '%s' must not contain '..'", output);
          return false;
        }
    }
  return true;
}

bool
vth_config_set_output (VthConfig *config, VthOutputKind kind, const char *output, GError **error)
{
  if (!vth_output_check_target (kind, output, error))
    return false;
  g_free (config->output);
  config->output_kind = kind;
  config->output = kind != VTH_OUTPUT_NONE ? g_strdup (output) : NULL;
  return true;
}

const char *
vth_config_get_file_name (const VthConfig *config)
{
  return config->file_name;
}

bool
vth_config_set_file_name (VthConfig *config, const char *file_name, GError **error)
{
  if (file_name != NULL && !vth_template_check (file_name, error))
    return false;
  g_free (config->file_name);
  config->file_name = g_strdup (file_name);
  return true;
}

bool
vth_config_get_format_set (const VthConfig *config)
{
  return config->format_set;
}

VthFormat
vth_config_get_format (const VthConfig *config)
{
  return config->format_set ? config->format : VTH_FORMAT_ELF;
}

void
vth_config_set_format (VthConfig *config, VthFormat format)
{
  config->format_set = true;
  config->format = format;
}

void
vth_config_unset_format (VthConfig *config)
{
  config->format_set = false;
}

bool
vth_config_get_allow_pause (const VthConfig *config)
{
  return config->allow_pause;
}

void
vth_config_set_allow_pause (VthConfig *config, bool allow)
{
  config->allow_pause = allow;
}

unsigned int
vth_config_get_timeout_s (const VthConfig *config)
{
  return config->timeout_s;
}

void
vth_config_set_timeout_s (VthConfig *config, unsigned int timeout_s)
{
  config->timeout_s = timeout_s;
}

const VthTuning *
vth_config_get_tuning (const VthConfig *config)
{
  return &config->tuning;
}

bool
vth_config_set_tuning (VthConfig *config, const VthTuning *tuning, GError **error)
{
  if (!vth_tuning_check (tuning, VTH_FORMAT_ELF, error))
    return false;
  config->tuning = *tuning;
  /* There is nothing behind the configuration that it would have to win over. */
  if (tuning->strategy == VTH_STRATEGY_AUTO)
    config->tuning.strategy = VTH_STRATEGY_NONE;
  return true;
}

bool
vth_config_get_manifest (const VthConfig *config)
{
  return config->manifest;
}

void
vth_config_set_manifest (VthConfig *config, bool manifest)
{
  config->manifest = manifest;
}

unsigned int
vth_config_get_n_schedules (const VthConfig *config)
{
  return config->schedules->len;
}

const VthSchedule *
vth_config_get_schedule (const VthConfig *config, unsigned int index)
{
  return index < config->schedules->len ? config->schedules->pdata[index] : NULL;
}

static bool
find_schedule (const VthConfig *config, const char *name, unsigned int *index)
{
  for (unsigned int i = 0; i < config->schedules->len; i++)
    if (g_strcmp0 (vth_schedule_get_name (config->schedules->pdata[i]), name) == 0)
      {
        *index = i;
        return true;
      }
  return false;
}

const VthSchedule *
vth_config_find_schedule (const VthConfig *config, const char *name)
{
  unsigned int index;
  return find_schedule (config, name, &index) ? config->schedules->pdata[index] : NULL;
}

void
vth_config_put_schedule (VthConfig *config, const VthSchedule *schedule)
{
  VthSchedule *copy = vth_schedule_copy (schedule);
  unsigned int index;
  if (!find_schedule (config, vth_schedule_get_name (schedule), &index))
    {
      g_ptr_array_add (config->schedules, copy);
      return;
    }
  vth_schedule_free (config->schedules->pdata[index]);
  config->schedules->pdata[index] = copy;
}

bool
vth_config_remove_schedule (VthConfig *config, const char *name, GError **error)
{
  unsigned int index;
  if (!find_schedule (config, name, &index))
    {
      g_set_error (error, VTH_ERROR, VTH_ERROR_NOT_FOUND, "there is no schedule '%s'", name);
      return false;
    }
  g_ptr_array_remove_index (config->schedules, index);
  return true;
}

int64_t
vth_config_next (const VthConfig *config, GTimeZone *zone, int64_t after_s)
{
  int64_t next = 0;
  for (unsigned int i = 0; i < config->schedules->len; i++)
    {
      const VthSchedule *schedule = config->schedules->pdata[i];
      int64_t t;
      if (vth_schedule_get_enabled (schedule)
          && vth_cron_next (vth_schedule_get_cron (schedule), zone, after_s, &t, NULL) && (next == 0 || t < next))
        next = t;
    }
  return next;
}
