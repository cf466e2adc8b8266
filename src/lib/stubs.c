/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Weak stand-ins for what is not written yet; each goes when the real object lands. */
#include <config.h>

#include "vthunder.h"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define STUB __attribute__ ((weak))
static void refuse (GError **error) { g_set_error_literal (error, VTH_ERROR, VTH_ERROR_UNSUPPORTED, "not written yet"); }

STUB const char * vth_version (void) { return ""; }
STUB GQuark vth_error_quark (void) { return g_quark_from_static_string ("vth-error-quark"); }
STUB void vth_error_set_libvirt (GError **error, const char *format, ...) { refuse (error); }
STUB const char * vth_mode_to_string (VthMode mode) { return ""; }
STUB bool vth_mode_from_string (const char *text, VthMode *mode, GError **error) { refuse (error); return 0; }
STUB const char *const * vth_mode_names (void) { static const char *none[] = { NULL }; return none; }
STUB const char * vth_format_to_string (VthFormat format) { return ""; }
STUB bool vth_format_from_string (const char *text, VthFormat *format, GError **error) { refuse (error); return 0; }
STUB const char *const * vth_format_names (void) { static const char *none[] = { NULL }; return none; }
STUB bool vth_size_parse (const char *text, uint64_t *bytes, GError **error) { refuse (error); return 0; }
STUB VthCron * vth_cron_new (const char *expression, GError **error) { refuse (error); return NULL; }
STUB VthCron * vth_cron_copy (const VthCron *cron) { return NULL; }
STUB void vth_cron_free (VthCron *cron) {  }
STUB const char * vth_cron_get_expression (const VthCron *cron) { return NULL; }
STUB bool vth_cron_next (const VthCron *cron, GTimeZone *zone, int64_t after_s, int64_t *next_s, GError **error) { refuse (error); return 0; }
STUB bool vth_retention_is_empty (const VthRetention *retention) { return 0; }
STUB void vth_retention_apply (const VthRetention *retention, GTimeZone *zone, VthRetentionItem *items, size_t n_items) {  }
STUB bool vth_duration_parse (const char *text, int64_t *duration_s, GError **error) { refuse (error); return 0; }
STUB char * vth_duration_to_string (int64_t duration_s) { return NULL; }
STUB char * vth_retention_to_string (const VthRetention *retention) { return NULL; }
STUB VthSchedule * vth_schedule_new (const char *name, const char *cron, GError **error) { refuse (error); return NULL; }
STUB VthSchedule * vth_schedule_copy (const VthSchedule *schedule) { return NULL; }
STUB void vth_schedule_free (VthSchedule *schedule) {  }
STUB const char * vth_schedule_get_name (const VthSchedule *schedule) { return NULL; }
STUB const VthCron * vth_schedule_get_cron (const VthSchedule *schedule) { return NULL; }
STUB bool vth_schedule_set_cron (VthSchedule *schedule, const char *cron, GError **error) { refuse (error); return 0; }
STUB VthMode vth_schedule_get_mode (const VthSchedule *schedule) { return 0; }
STUB void vth_schedule_set_mode (VthSchedule *schedule, VthMode mode) {  }
STUB bool vth_schedule_get_enabled (const VthSchedule *schedule) { return 0; }
STUB void vth_schedule_set_enabled (VthSchedule *schedule, bool enabled) {  }
STUB bool vth_schedule_get_allow_pause (const VthSchedule *schedule) { return 0; }
STUB void vth_schedule_set_allow_pause (VthSchedule *schedule, bool allow) {  }
STUB const VthRetention * vth_schedule_get_retention (const VthSchedule *schedule) { return NULL; }
STUB void vth_schedule_set_retention (VthSchedule *schedule, const VthRetention *retention) {  }
STUB VthConfig * vth_config_new (void) { return NULL; }
STUB VthConfig * vth_config_copy (const VthConfig *config) { return NULL; }
STUB void vth_config_free (VthConfig *config) {  }
STUB VthConfig * vth_config_parse (const char *xml, GError **error) { refuse (error); return NULL; }
STUB char * vth_config_to_xml (const VthConfig *config, GError **error) { refuse (error); return NULL; }
STUB VthConfig * vth_config_load (virDomainPtr domain, VthImpact impact, GError **error) { refuse (error); return NULL; }
STUB bool vth_config_save (const VthConfig *config, virDomainPtr domain, VthImpact impact, GError **error) { refuse (error); return 0; }
STUB bool vth_config_is_empty (const VthConfig *config) { return 0; }
STUB VthOutputKind vth_config_get_output_kind (const VthConfig *config) { return 0; }
STUB const char * vth_config_get_output (const VthConfig *config) { return NULL; }
STUB bool vth_config_set_output (VthConfig *config, VthOutputKind kind, const char *output, GError **error) { refuse (error); return 0; }
STUB const char * vth_config_get_file_name (const VthConfig *config) { return NULL; }
STUB bool vth_config_set_file_name (VthConfig *config, const char *file_name, GError **error) { refuse (error); return 0; }
STUB bool vth_config_get_format_set (const VthConfig *config) { return 0; }
STUB VthFormat vth_config_get_format (const VthConfig *config) { return 0; }
STUB void vth_config_set_format (VthConfig *config, VthFormat format) {  }
STUB void vth_config_unset_format (VthConfig *config) {  }
STUB bool vth_config_get_allow_pause (const VthConfig *config) { return 0; }
STUB void vth_config_set_allow_pause (VthConfig *config, bool allow) {  }
STUB unsigned int vth_config_get_timeout_s (const VthConfig *config) { return 0; }
STUB void vth_config_set_timeout_s (VthConfig *config, unsigned int timeout_s) {  }
STUB bool vth_config_get_manifest (const VthConfig *config) { return 0; }
STUB void vth_config_set_manifest (VthConfig *config, bool manifest) {  }
STUB unsigned int vth_config_get_n_schedules (const VthConfig *config) { return 0; }
STUB const VthSchedule * vth_config_get_schedule (const VthConfig *config, unsigned int index) { return NULL; }
STUB const VthSchedule * vth_config_find_schedule (const VthConfig *config, const char *name) { return NULL; }
STUB void vth_config_put_schedule (VthConfig *config, const VthSchedule *schedule) {  }
STUB bool vth_config_remove_schedule (VthConfig *config, const char *name, GError **error) { refuse (error); return 0; }
STUB int64_t vth_config_next (const VthConfig *config, GTimeZone *zone, int64_t after_s) { return 0; }
STUB VthHost * vth_host_load (const char *path, GError **error) { refuse (error); return NULL; }
STUB bool vth_host_save (VthHost *host, GError **error) { refuse (error); return 0; }
STUB void vth_host_free (VthHost *host) {  }
STUB const char * vth_host_get_path (const VthHost *host) { return NULL; }
STUB VthOutputKind vth_host_get_output_kind (const VthHost *host) { return 0; }
STUB const char * vth_host_get_output (const VthHost *host) { return NULL; }
STUB bool vth_host_set_output (VthHost *host, VthOutputKind kind, const char *output, GError **error) { refuse (error); return 0; }
STUB const char * vth_host_get_file_name (const VthHost *host) { return NULL; }
STUB bool vth_host_set_file_name (VthHost *host, const char *file_name, GError **error) { refuse (error); return 0; }
STUB unsigned int vth_host_get_max_parallel (const VthHost *host) { return 0; }
STUB uint64_t vth_host_get_min_free_bytes (const VthHost *host) { return 0; }
STUB unsigned int vth_host_get_jitter_s (const VthHost *host) { return 0; }
STUB unsigned int vth_host_get_hook_timeout_s (const VthHost *host) { return 0; }
STUB const char * vth_host_get_hooks_dir (const VthHost *host) { return NULL; }
STUB const char * vth_host_get_metrics_path (const VthHost *host) { return NULL; }
STUB const char * vth_host_get_state_dir (const VthHost *host) { return NULL; }
STUB void vth_host_set_state_dir (VthHost *host, const char *path) {  }
STUB void vth_host_set_hooks_dir (VthHost *host, const char *path) {  }
STUB void vth_host_set_metrics_path (VthHost *host, const char *path) {  }
STUB void vth_host_set_max_parallel (VthHost *host, unsigned int max_parallel) {  }
STUB void vth_host_set_min_free_bytes (VthHost *host, uint64_t bytes) {  }
STUB void vth_host_set_jitter_s (VthHost *host, unsigned int jitter_s) {  }
STUB void vth_host_set_hook_timeout_s (VthHost *host, unsigned int timeout_s) {  }
STUB bool vth_template_check (const char *file_name, GError **error) { refuse (error); return 0; }
STUB char * vth_template_expand (const char *file_name, const char *domain, const char *uuid, const char *schedule, int64_t time_s, VthFormat format, GError **error) { refuse (error); return NULL; }
STUB VthOutput * vth_output_new (virConnectPtr conn, VthOutputKind kind, const char *target, GError **error) { refuse (error); return NULL; }
STUB VthOutput * vth_output_resolve (virConnectPtr conn, const VthConfig *config, const VthHost *host, GError **error) { refuse (error); return NULL; }
STUB void vth_output_free (VthOutput *output) {  }
STUB VthOutputKind vth_output_get_kind (const VthOutput *output) { return 0; }
STUB const char * vth_output_get_target (const VthOutput *output) { return NULL; }
STUB const char * vth_output_get_path (const VthOutput *output) { return NULL; }
STUB bool vth_output_check (VthOutput *output, GError **error) { refuse (error); return 0; }
STUB bool vth_output_get_space (VthOutput *output, uint64_t *available_bytes, uint64_t *capacity_bytes, GError **error) { refuse (error); return 0; }
STUB bool vth_output_download (VthOutput *output, const char *name, const char *to_path, GCancellable *cancellable, GError **error) { refuse (error); return 0; }
STUB void vth_dump_free (VthDump *dump) {  }
STUB VthDump * vth_dump_take (virDomainPtr domain, const VthDumpRequest *request, VthProgressFunc progress, void *user_data, GCancellable *cancellable, GError **error) { refuse (error); return NULL; }
STUB GPtrArray * vth_dump_list (VthOutput *output, virDomainPtr domain, GError **error) { refuse (error); return NULL; }
STUB VthDump * vth_dump_inspect (const char *path, GError **error) { refuse (error); return NULL; }
STUB const char * vth_check_status_to_string (VthCheckStatus status) { return ""; }
STUB void vth_check_free (VthCheck *check) {  }
STUB bool vth_dump_verify (const char *path, VthProgressFunc progress, void *user_data, GCancellable *cancellable, GPtrArray **checks, GError **error) { refuse (error); return 0; }
STUB bool vth_dump_write_manifest (const char *path, GCancellable *cancellable, GError **error) { refuse (error); return 0; }
STUB void vth_prune_item_free (VthPruneItem *item) {  }
STUB GPtrArray * vth_prune_plan (VthOutput *output, virDomainPtr domain, const VthConfig *config, const char *schedule, GTimeZone *zone, GError **error) { refuse (error); return NULL; }
STUB unsigned int vth_prune_execute (VthOutput *output, GPtrArray *plan) { return 0; }
STUB void vth_job_free (VthJob *job) {  }
STUB bool vth_job_get (virDomainPtr domain, bool completed, VthJob **job, GError **error) { refuse (error); return 0; }
STUB GPtrArray * vth_job_list (virConnectPtr conn, GError **error) { refuse (error); return NULL; }
STUB bool vth_job_abort (virDomainPtr domain, GError **error) { refuse (error); return 0; }
STUB void vth_domain_free (VthDomain *domain) {  }
STUB GPtrArray * vth_domain_list (virConnectPtr conn, VthDomainListFlags flags, const VthHost *host, GError **error) { refuse (error); return NULL; }
STUB virDomainPtr vth_domain_lookup (virConnectPtr conn, const char *key, GError **error) { refuse (error); return 0; }
STUB const char * vth_domain_state_to_string (int state) { return ""; }
STUB VthBatchDomain * vth_batch_domain_new (const char *name, const char *uuid, bool active, const VthConfig *config) { return NULL; }
STUB void vth_batch_domain_free (VthBatchDomain *domain) {  }
STUB VthBatch * vth_batch_new (virConnectPtr conn, const VthHost *host, const VthBatchOps *ops, void *ops_data) { return NULL; }
STUB void vth_batch_free (VthBatch *batch) {  }
STUB void vth_batch_set_zone (VthBatch *batch, GTimeZone *zone) {  }
STUB void vth_batch_set_dry_run (VthBatch *batch, bool dry_run) {  }
STUB bool vth_batch_run (VthBatch *batch, VthBatchEventFunc event, void *user_data, GCancellable *cancellable, VthBatchSummary *summary, GError **error) { refuse (error); return 0; }
STUB GPtrArray * vth_doctor_run (virConnectPtr conn, const VthHost *host, GError **error) { refuse (error); return NULL; }
