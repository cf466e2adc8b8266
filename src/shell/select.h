// SPDX-License-Identifier: GPL-2.0-or-later
/* Which domains a command is about, and which of their definitions it changes. */

#pragma once

#include "commands.h"
#include "shell.h"
#include "vthunder.h"

/* The options that the functions below understand. */
#define SH_OPTION_DOMAIN_REQUIRED \
  { "domain", SH_OPTION_STRING, SH_OPTION_REQUIRED | SH_OPTION_POSITIONAL, "<domain>", \
    "domain name, id, uuid or display name", sh_complete_domain }
#define SH_OPTION_ACTIVE_DOMAIN_REQUIRED \
  { "domain", SH_OPTION_STRING, SH_OPTION_REQUIRED | SH_OPTION_POSITIONAL, "<domain>", \
    "domain name, id, uuid or display name", sh_complete_active_domain }
#define SH_OPTION_DOMAIN \
  { "domain", SH_OPTION_STRING, SH_OPTION_POSITIONAL, "<domain>", \
    "domain name, id, uuid or display name", sh_complete_domain }
#define SH_OPTION_DOMAINS \
  { "domain", SH_OPTION_STRING, SH_OPTION_POSITIONAL | SH_OPTION_REPEATED, "<domain>", \
    "domain name, id, uuid or display name", sh_complete_domain }
#define SH_OPTION_JSON \
  { "json", SH_OPTION_BOOL, 0, NULL, "print JSON instead of text" }
#define SH_OPTIONS_IMPACT \
  { "config", SH_OPTION_BOOL, 0, NULL, "affect next boot" }, \
  { "live", SH_OPTION_BOOL, 0, NULL, "affect running domain" }, \
  { "current", SH_OPTION_BOOL, 0, NULL, "affect current domain" }

typedef virDomain ShDomain;
void sh_domain_free (ShDomain *domain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ShDomain, sh_domain_free)

/* The domain that --domain names. */
virDomainPtr sh_select_domain (Shell *shell, const ShArgs *args, GError **error);
/* An array of virDomainPtr: those that --domain names, or all that fit @flags
 * (VthDomainListFlags) if it names none. */
GPtrArray *sh_select_domains (Shell *shell, const ShArgs *args, unsigned flags, GError **error);

/* For a command that changes something at the other end; false with a message
 * that says what to do on a read-only connection. */
bool sh_select_check_writable (Shell *shell, const ShArgs *args, GError **error);

/* For the check of a command: at most one option of each pair is given. */
bool sh_select_exclusive (const ShArgs *args, const char *const pairs[][2], size_t n_pairs, GError **error);
/* The same for --config, --live and --current. */
bool sh_select_check_impact (const ShArgs *args, GError **error);

/* Changes @config; sets @applies to false where the definition at hand has
 * nothing to change (it is then left alone). */
typedef bool (*ShConfigEdit) (VthConfig *config, const ShArgs *args, bool *applies, GError **error);

/* Edits the domain's configuration in the definitions that --config, --live
 * and --current select.  Without any of them the change is made wherever the
 * domain has a definition, so that it neither waits for the next boot nor is
 * lost with it.  @missing is the error if there was nothing to change, and a
 * warning if that is so of one of them. */
bool sh_config_edit (Shell *shell, const ShArgs *args, ShConfigEdit edit, const char *missing, GError **error);
