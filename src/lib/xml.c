/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A single value out of XML that libvirt gave. */
#include <config.h>

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <string.h>

#include "vth-private.h"

char *
vth_xml_string (const char *xml, const char *xpath)
{
  xmlDoc *doc = xml != NULL ? xmlReadMemory (xml, (int) strlen (xml), NULL, NULL,
                                             XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)
                            : NULL;
  xmlXPathContext *context = doc != NULL ? xmlXPathNewContext (doc) : NULL;
  xmlXPathObject *object = context != NULL ? xmlXPathEvalExpression ((const xmlChar *) xpath, context) : NULL;
  xmlChar *text = object != NULL ? xmlXPathCastToString (object) : NULL;
  char *value = text != NULL && *text != '\0' ? g_strdup ((const char *) text) : NULL;

  xmlFree (text);
  xmlXPathFreeObject (object);
  xmlXPathFreeContext (context);
  if (doc != NULL)
    xmlFreeDoc (doc);
  return value;
}
