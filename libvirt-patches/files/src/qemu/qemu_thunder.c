/*
 * qemu_thunder.c: memory dumps which do not stop the guest
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What VIR_DUMP_THUNDER adds to a core dump: the output which gets its name
 * only when it is whole, the start, the wait, the abort, what remains to be
 * done after a restart of the daemon, and the statistics. How the memory is
 * captured while the guest runs is up to QEMU.
 *
 * Nothing here may stop or resume the guest or change the state of the domain.
 */

#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qemu_thunder.h"
#include "qemu_thunder_error.h"
#include "qemu_thunder_file.h"
#include "qemu_dump_label.h"
#include "qemu_domain.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("qemu.qemu_thunder");

#define QEMU_THUNDER_UFFD "/dev/userfaultfd"

/* How long to wait until QEMU gave up a dump nobody waits for any more */
#define QEMU_THUNDER_CANCEL_MS 5000


static int
qemuThunderCheckFormat(virDomainObj *vm,
                       const char *dumpformat)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    int rc = qemuMonitorGetDumpGuestMemoryCapability(priv->mon, dumpformat);

    if (rc == 0)
        virReportError(VIR_ERR_INVALID_ARG,
                       _("unsupported dumpformat '%1$s' for this QEMU binary"),
                       dumpformat);

    return rc > 0 ? 0 : -1;
}


/* The state of a domain does not tell what its QEMU is able to do here, or not all
 * of it: see virQEMUCapsIsTransient. None is refused before QEMU was asked. */
static int
qemuThunderCheckCaps(virDomainObj *vm,
                     virDomainAsyncJob asyncJob,
                     const qemuThunderParams *params)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    int rc;

    if (qemuThunderParamsCheckCaps(params, priv->qemuCaps) == 0)
        return 0;

    virResetLastError();

    if (qemuDomainObjEnterMonitorAsync(vm, asyncJob) < 0)
        return -1;

    rc = virQEMUCapsProbeTransient(priv->qemuCaps, priv->mon);
    qemuDomainObjExitMonitor(vm);

    if (rc < 0 || virDomainObjCheckActive(vm) < 0)
        return -1;

    return qemuThunderParamsCheckCaps(params, priv->qemuCaps);
}


/* Without the file descriptor QEMU is on its own, and usually fails. */
static void
qemuThunderHintUffd(int uffdErrno)
{
    g_autoptr(virError) err = NULL;

    if (!strstr(virGetLastErrorMessage(), "userfaultfd"))
        return;

    err = virSaveLastError();
    virReportError(err->code,
                   _("%1$s (libvirt could not open %2$s for QEMU either: %3$s; use qemu:///system or let your user access %2$s)"),
                   err->str2 ? err->str2 : err->message,
                   QEMU_THUNDER_UFFD, g_strerror(uffdErrno));
}


static int
qemuThunderStart(virDomainObj *vm,
                 int fd,
                 int basefd,
                 const qemuMonitorDumpMirrorParams *params)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    qemuDomainJobPrivate *jobPriv = vm->job->privateData;
    VIR_AUTOCLOSE uffd = open(QEMU_THUNDER_UFFD, O_RDWR | O_CLOEXEC);
    int uffdErrno = errno;
    int rc = -1;

    if (uffd < 0)
        VIR_INFO("cannot open %s, leaving it to QEMU: %s",
                 QEMU_THUNDER_UFFD, g_strerror(uffdErrno));

    /* the end of a dump which a previous daemon started is not ours */
    jobPriv->dumpCompleted = false;
    g_clear_pointer(&vm->job->error, g_free);

    if (qemuDomainObjEnterMonitorAsync(vm, VIR_ASYNC_JOB_DUMP) < 0)
        return -1;

    /* An abort before this point found nothing to cancel in QEMU; from here
     * on our job keeps others out until the dump runs. */
    if (vm->job->abortJob) {
        virReportError(VIR_ERR_OPERATION_ABORTED, "%s",
                       _("dump job: canceled by client"));
    } else if (!params->format || qemuThunderCheckFormat(vm, params->format) == 0) {
        rc = qemuMonitorDumpMirrorToFd(priv->mon, fd, uffd, basefd, params);

        if (rc < 0 && uffd < 0)
            qemuThunderHintUffd(uffdErrno);
    }

    qemuDomainObjExitMonitor(vm);

    /* not earlier, as query-dump would tell about the previous dump */
    if (rc == 0)
        qemuDomainJobSetStatsType(vm->job->current,
                                  QEMU_DOMAIN_JOB_STATS_TYPE_MEMDUMP);

    return rc;
}


static int
qemuThunderWait(virDomainObj *vm)
{
    qemuDomainJobPrivate *jobPriv = vm->job->privateData;
    qemuDomainJobDataPrivate *current = vm->job->current->privateData;

    while (!jobPriv->dumpCompleted) {
        if (qemuDomainObjWait(vm) < 0)
            return -1;
    }

    /* An abort came too late if QEMU says so: qemuThunderAbort hears it too */
    if (current->stats.dump.status == QEMU_MONITOR_DUMP_STATUS_COMPLETED)
        return 0;

    if (vm->job->abortJob) {
        virReportError(VIR_ERR_OPERATION_ABORTED, "%s",
                       _("dump job: canceled by client"));
    } else {
        virReportError(qemuThunderErrorCode(vm->job->error),
                       _("dump of the running guest failed: %1$s"),
                       vm->job->error ? vm->job->error : _("unknown reason"));
    }

    return -1;
}


static void
qemuThunderForgetFiles(qemuDomainJobPrivate *jobPriv)
{
    g_clear_pointer(&jobPriv->thunderTmp, g_free);
    g_clear_pointer(&jobPriv->thunderPath, g_free);
    g_clear_pointer(&jobPriv->thunderBasePath, g_free);
}


/* Unlike other dumps keep the statistics, as they tell what the dump cost. */
static void
qemuThunderComplete(virDomainObj *vm,
                    int ret)
{
    virDomainJobData *completed;

    qemuDomainJobDataUpdateTime(vm->job->current);

    completed = vm->job->completed = virDomainJobDataCopy(vm->job->current);
    qemuDomainJobSetStatsType(completed, QEMU_DOMAIN_JOB_STATS_TYPE_MEMDUMP);

    if (ret == 0) {
        completed->status = VIR_DOMAIN_JOB_STATUS_COMPLETED;
    } else {
        completed->status = vm->job->abortJob ?
            VIR_DOMAIN_JOB_STATUS_CANCELED : VIR_DOMAIN_JOB_STATUS_FAILED;
        completed->errmsg = g_strdup(virGetLastErrorMessage());
    }
}


/* Of the dumps QEMU tracked changes since, only the one it completed last can be
 * built on: it forgets about all others, wherever this one ends up. A dump
 * without tracking changes nothing. */
static void
qemuThunderRememberBase(virDomainObj *vm,
                        const qemuMonitorDumpStats *stats,
                        const char *path,
                        int fd)
{
    qemuDomainObjPrivate *priv = vm->privateData;

    if (!stats->mirror.generation)
        return;

    g_clear_pointer(&priv->thunderBase, qemuThunderBaseFree);

    if (path)
        priv->thunderBase = qemuThunderBaseNew(stats->mirror.generation, path, fd);
}


static int
qemuThunderDumpToLabelled(virQEMUDriver *driver,
                          virDomainObj *vm,
                          int fd,
                          int basefd,
                          const char *tmp,
                          const char *path,
                          const qemuMonitorDumpMirrorParams *params)
{
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(driver);
    qemuDomainJobDataPrivate *current = vm->job->current->privateData;
    int rc;

    if (qemuThunderStart(vm, fd, basefd, params) < 0)
        return -1;

    if (qemuThunderWait(vm) < 0)
        return -1;

    qemuThunderRememberBase(vm, &current->stats.dump, NULL, -1);

    virObjectUnlock(vm);
    rc = qemuThunderFileFinish(cfg, fd, tmp, path);
    virObjectLock(vm);

    if (rc == 0 && virDomainObjIsActive(vm))
        qemuThunderRememberBase(vm, &current->stats.dump, path, fd);

    return rc;
}


static int
qemuThunderDumpToFile(virQEMUDriver *driver,
                      virDomainObj *vm,
                      int fd,
                      int basefd,
                      const char *tmp,
                      const char *path,
                      const char *base,
                      const qemuMonitorDumpMirrorParams *params)
{
    qemuDomainJobPrivate *jobPriv = vm->job->privateData;
    g_autoptr(virDomainDef) label = qemuDumpLabelNew(driver, vm->def);
    int ret;

    if (!label)
        return -1;

    if (base) {
        jobPriv->thunderBasePath = g_strdup(base);
        qemuDomainSaveStatus(vm);
    }

    /* Other than a pipe, a file has its label still when QEMU is done */
    if ((ret = qemuDumpLabelSet(driver, vm, label, fd, basefd)) == 0)
        ret = qemuThunderDumpToLabelled(driver, vm, fd, basefd, tmp, path, params);

    qemuDumpLabelRestore(driver, vm, label, ret == 0 ? path : NULL, base);

    return ret;
}


/* As above, on top of an earlier dump unless there is a reason against that */
static int
qemuThunderDumpOnBase(virQEMUDriver *driver,
                      virDomainObj *vm,
                      int fd,
                      int basefd,
                      char **reason,
                      const char *tmp,
                      const qemuThunderParams *params)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    qemuDomainJobDataPrivate *current = vm->job->current->privateData;
    qemuMonitorDumpMirrorParams mirror = params->mirror;
    g_autofree char *generation = NULL;
    g_autofree char *name = NULL;

    /* QEMU dumps in "elf" without a format set */
    if (STREQ_NULLABLE(mirror.format, "elf"))
        mirror.format = NULL;

    if (basefd < 0)
        return qemuThunderDumpToFile(driver, vm, fd, -1, tmp, params->path,
                                     NULL, &mirror);

    if (*reason) {
        int ret;

        VIR_INFO("full dump of domain '%s': %s", vm->def->name, *reason);

        ret = qemuThunderDumpToFile(driver, vm, fd, -1, tmp, params->path,
                                    NULL, &mirror);

        if (ret == 0 && !current->stats.dump.mirror.full_reason)
            current->stats.dump.mirror.full_reason = g_steal_pointer(reason);

        return ret;
    }

    mirror.baseGeneration = generation = g_strdup(priv->thunderBase->generation);
    mirror.baseFile = name = qemuThunderBaseName(params->base, params->path);

    return qemuThunderDumpToFile(driver, vm, fd, basefd, tmp, params->path,
                                 params->base, &mirror);
}


/**
 * qemuThunderDump:
 * @driver: qemu driver
 * @vm: active domain object, with VIR_ASYNC_JOB_DUMP held
 * @params: where to dump to and how
 *
 * Dump the memory of @vm while the guest runs.
 *
 * Returns 0 on success, -1 with error reported otherwise; the file at
 * @params->path is unchanged then.
 */
int
qemuThunderDump(virQEMUDriver *driver,
                virDomainObj *vm,
                const qemuThunderParams *params)
{
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(driver);
    const char *path = params->path;
    qemuDomainObjPrivate *priv = vm->privateData;
    qemuDomainJobPrivate *jobPriv = vm->job->privateData;
    g_autofree char *tmp = NULL;
    g_autofree char *reason = NULL;
    virErrorPtr orig_err;
    VIR_AUTOCLOSE fd = -1;
    VIR_AUTOCLOSE basefd = -1;
    struct stat sb;
    int rc = 0;
    int ret;

    g_clear_pointer(&vm->job->completed, virDomainJobDataFree);

    qemuDomainJobSetStatsType(vm->job->current,
                              QEMU_DOMAIN_JOB_STATS_TYPE_SAVEDUMP);

    /* The guest is as alive as ever, and may take longer than others wait for a
     * job: its reboot, or the end of a block job. QEMU refuses what the dump rules
     * out. Who waits already is not told about a change, hence before anybody can
     * see this job. */
    qemuDomainObjSetAsyncJobMask(vm, (VIR_JOB_DEFAULT_MASK |
                                      JOB_MASK(VIR_JOB_SUSPEND) |
                                      JOB_MASK(VIR_JOB_MODIFY)));

    if (qemuThunderCheckCaps(vm, VIR_ASYNC_JOB_DUMP, params) < 0)
        return -1;

    if (qemuThunderFileCheckTarget(path) < 0)
        return -1;

    if (params->base) {
        if ((basefd = qemuThunderFileOpenBase(cfg, params->base, path)) < 0)
            return -1;

        reason = qemuThunderBaseCheck(priv->thunderBase, params->base, basefd);
    }

    virObjectUnlock(vm);
    qemuThunderFileRemoveStale(cfg, path);
    /* only of what QEMU made is it known that looking at it ends */
    if (basefd >= 0 && !reason)
        rc = qemuThunderFileCheckChain(cfg, params->base, basefd, path, &reason);
    virObjectLock(vm);

    if (rc < 0 || virDomainObjCheckActive(vm) < 0)
        return -1;

    /* Known to the next daemon before the file exists */
    tmp = qemuThunderFileTmpPath(path);
    jobPriv->thunderTmp = g_strdup(tmp);
    jobPriv->thunderPath = g_strdup(path);
    qemuDomainSaveStatus(vm);

    if ((fd = qemuThunderFileOpen(cfg, path, tmp)) < 0) {
        qemuThunderForgetFiles(jobPriv);
        return -1;
    }

    if (fstat(fd, &sb) == 0) {
        jobPriv->thunderIno = sb.st_ino;
        qemuDomainSaveStatus(vm);
    }

    ret = qemuThunderDumpOnBase(driver, vm, fd, basefd, &reason, tmp, params);

    qemuThunderForgetFiles(jobPriv);

    qemuThunderComplete(vm, ret);

    virErrorPreserveLast(&orig_err);
    qemuDomainEventEmitJobCompleted(driver, vm);
    if (ret < 0)
        qemuThunderFileRemove(cfg, tmp);
    virErrorRestore(&orig_err);

    return ret;
}


static void
qemuThunderTooLate(void)
{
    virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                   _("cannot abort the dump: it has ended already"));
}


/**
 * qemuThunderAbort:
 * @vm: domain object with an active dump, with VIR_JOB_ABORT held
 *
 * Returns 0 if the dump ends without a file, -1 with error reported otherwise.
 */
int
qemuThunderAbort(virDomainObj *vm)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    qemuDomainJobPrivate *jobPriv = vm->job->privateData;
    qemuDomainJobDataPrivate *current = vm->job->current->privateData;
    int rc;

    VIR_DEBUG("Cancelling dump at client request");

    if (jobPriv->dumpCompleted) {
        qemuThunderTooLate();
        return -1;
    }

    qemuDomainObjAbortAsyncJob(vm);

    if (current->statsType != QEMU_DOMAIN_JOB_STATS_TYPE_MEMDUMP)
        return 0; /* qemuThunderStart will see it */

    qemuDomainObjEnterMonitor(vm);
    rc = qemuMonitorDumpCancel(priv->mon);
    qemuDomainObjExitMonitor(vm);

    /* QEMU has the last word: a dump it does not cancel has ended, whether it
     * told so yet or not, and whoever waits for it keeps what is whole */
    if (rc < 0 && virDomainObjIsActive(vm)) {
        if (vm->job->asyncJob == VIR_ASYNC_JOB_DUMP)
            vm->job->abortJob = false;
        qemuThunderTooLate();
    }

    return rc;
}


/**
 * qemuThunderUntrack:
 * @vm: active domain object, with VIR_JOB_MODIFY held
 *
 * End what a dump with tracking started.
 *
 * Returns 0 on success, -1 with error reported otherwise.
 */
int
qemuThunderUntrack(virDomainObj *vm)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    const qemuThunderParams params = { .mirror.track = true };
    int rc;

    if (vm->job->asyncJob == VIR_ASYNC_JOB_DUMP) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("cannot end tracking while a dump is being taken"));
        return -1;
    }

    if (qemuThunderCheckCaps(vm, VIR_ASYNC_JOB_NONE, &params) < 0)
        return -1;

    qemuDomainObjEnterMonitor(vm);
    rc = qemuMonitorDumpUntrack(priv->mon);
    qemuDomainObjExitMonitor(vm);

    if (rc < 0)
        return -1;

    g_clear_pointer(&priv->thunderBase, qemuThunderBaseFree);
    qemuDomainSaveStatus(vm);

    return 0;
}


/**
 * qemuThunderRecoverFile:
 * @driver: qemu driver
 * @vm: domain object
 * @job: job which was active when the previous daemon ended
 *
 * Remove what an unfinished dump left behind, unless qemuThunderRecoverJob did
 * something about it.
 */
void
qemuThunderRecoverFile(virQEMUDriver *driver,
                       virDomainObj *vm,
                       virDomainJobObj *job)
{
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(driver);
    qemuDomainJobPrivate *jobPriv = job->privateData;

    if (!jobPriv || !jobPriv->thunderTmp)
        return;

    VIR_INFO("removing '%s' of domain '%s' whose dump was interrupted",
             jobPriv->thunderTmp, vm->def->name);

    qemuThunderFileRemove(cfg, jobPriv->thunderTmp);
    g_clear_pointer(&jobPriv->thunderTmp, g_free);
}


static int
qemuThunderQuery(virDomainObj *vm,
                 qemuMonitorDumpStats *stats)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    int rc;

    qemuMonitorDumpStatsClear(stats);

    qemuDomainObjEnterMonitor(vm);
    rc = qemuMonitorQueryDump(priv->mon, stats);
    qemuDomainObjExitMonitor(vm);

    return rc;
}


/* Ends a dump nobody waits for any more, and tells how it ended: it may well get
 * complete before it is cancelled. */
static int
qemuThunderRecoverEnd(virDomainObj *vm,
                      qemuMonitorDumpStats *stats)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    unsigned int waited;

    if (qemuThunderQuery(vm, stats) < 0)
        return -1;

    if (stats->status != QEMU_MONITOR_DUMP_STATUS_ACTIVE)
        return 0;

    qemuDomainObjEnterMonitor(vm);
    ignore_value(qemuMonitorDumpCancel(priv->mon));
    qemuDomainObjExitMonitor(vm);

    for (waited = 0; waited < QEMU_THUNDER_CANCEL_MS; waited += 20) {
        if (qemuThunderQuery(vm, stats) < 0)
            return -1;

        if (stats->status != QEMU_MONITOR_DUMP_STATUS_ACTIVE)
            return 0;

        virObjectUnlock(vm);
        g_usleep(20 * 1000);
        virObjectLock(vm);
    }

    VIR_WARN("domain '%s' still did not give up its dump", vm->def->name);
    return -1;
}


/* The previous daemon may have gone between giving the file its name and saying
 * so. Returns the file if that is how it was. */
static int
qemuThunderRecoverNamed(virQEMUDriverConfig *cfg,
                        const qemuDomainJobPrivate *jobPriv)
{
    VIR_AUTOCLOSE fd = qemuThunderFileOpenWhole(cfg, jobPriv->thunderPath);
    struct stat sb;
    int ret;

    if (fd < 0 || fstat(fd, &sb) < 0 || sb.st_ino != jobPriv->thunderIno)
        return -1;

    ret = fd;
    fd = -1;
    return ret;
}


/* What remains to be done for a dump which QEMU completed */
static int
qemuThunderRecoverFinish(virQEMUDriver *driver,
                         virDomainObj *vm,
                         const qemuMonitorDumpStats *stats,
                         const qemuDomainJobPrivate *jobPriv)
{
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(driver);
    VIR_AUTOCLOSE fd = -1;
    int rc;

    /* QEMU tells about the dump before as long as it did not start this one.
     * The file is empty then. */
    if (!jobPriv->thunderTmp || !jobPriv->thunderPath ||
        stats->status != QEMU_MONITOR_DUMP_STATUS_COMPLETED)
        return -1;

    if ((fd = qemuThunderFileOpenWhole(cfg, jobPriv->thunderTmp)) >= 0) {
        virObjectUnlock(vm);
        rc = qemuThunderFileFinish(cfg, fd, jobPriv->thunderTmp, jobPriv->thunderPath);
        virObjectLock(vm);
    } else {
        fd = qemuThunderRecoverNamed(cfg, jobPriv);
        rc = fd < 0 ? -1 : 0;
    }

    if (rc == 0 && virDomainObjIsActive(vm))
        qemuThunderRememberBase(vm, stats, jobPriv->thunderPath, fd);

    return rc;
}


/**
 * qemuThunderIsJob:
 * @job: job which was active when the previous daemon ended
 *
 * Returns whether it was a dump which does not stop the guest. The daemon may have
 * known another value of VIR_DUMP_THUNDER.
 */
bool
qemuThunderIsJob(const virDomainJobObj *job)
{
    const qemuDomainJobPrivate *jobPriv = job->privateData;

    return job->asyncJob == VIR_ASYNC_JOB_DUMP &&
        (job->apiFlags & VIR_DUMP_THUNDER || (jobPriv && jobPriv->thunderTmp));
}


/**
 * qemuThunderRecoverJob:
 * @driver: qemu driver
 * @vm: domain object whose dump was active when the previous daemon ended
 * @job: that job
 *
 * Finish the dump if QEMU completed it meanwhile, else cancel it as nobody waits
 * for it any more, and leave word about it. The guest runs on, whatever comes out
 * of it.
 */
void
qemuThunderRecoverJob(virQEMUDriver *driver,
                      virDomainObj *vm,
                      virDomainJobObj *job)
{
    qemuDomainJobPrivate *jobPriv = job->privateData;
    qemuDomainJobDataPrivate *completedPriv;
    g_auto(qemuMonitorDumpStats) stats = { 0 };
    g_autoptr(virDomainDef) label = qemuDumpLabelNew(driver, vm->def);
    virDomainJobData *completed;
    bool finished;

    finished = qemuThunderRecoverEnd(vm, &stats) == 0 &&
        qemuThunderRecoverFinish(driver, vm, &stats, jobPriv) == 0;
    virResetLastError();

    if (label)
        qemuDumpLabelRestore(driver, vm, label,
                             finished ? jobPriv->thunderPath : NULL,
                             jobPriv->thunderBasePath);

    completed = virDomainJobDataInit(&virQEMUDriverDomainJobConfig.jobDataPrivateCb);
    completedPriv = completed->privateData;
    completed->operation = VIR_DOMAIN_JOB_OPERATION_DUMP;
    qemuDomainJobSetStatsType(completed, QEMU_DOMAIN_JOB_STATS_TYPE_MEMDUMP);

    if (finished) {
        VIR_INFO("dump of domain '%s' to '%s' was completed while no daemon ran",
                 vm->def->name, jobPriv->thunderPath);
        completed->status = VIR_DOMAIN_JOB_STATUS_COMPLETED;
        qemuMonitorDumpStatsCopy(&completedPriv->stats.dump, &stats);
        g_clear_pointer(&jobPriv->thunderTmp, g_free);
    } else {
        completed->status = VIR_DOMAIN_JOB_STATUS_FAILED;
        completed->errmsg = g_strdup(_("the daemon was restarted during the dump"));
        qemuThunderRecoverFile(driver, vm, job);
    }

    g_clear_pointer(&vm->job->completed, virDomainJobDataFree);
    vm->job->completed = completed;
}


/**
 * qemuThunderJobDataToParams:
 * @jobData: statistics of a memory-only dump
 * @params, @nparams, @maxparams: parameters to add to
 *
 * Add what is known about a dump started with VIR_DUMP_THUNDER only, and
 * nothing for any other.
 *
 * Returns 0 on success, -1 with error reported otherwise.
 */
int
qemuThunderJobDataToParams(virDomainJobData *jobData,
                           virTypedParameterPtr *params,
                           int *nparams,
                           int *maxparams)
{
    qemuDomainJobDataPrivate *priv = jobData->privateData;
    qemuMonitorDumpStats *stats = &priv->stats.dump;
    const qemuMonitorDumpMirrorStats *mirror = &stats->mirror;
    unsigned long long remaining = stats->total - MIN(stats->total, stats->completed);
    const struct {
        const char *name;
        unsigned long long value;
    } fields[] = {
        { VIR_DOMAIN_JOB_DATA_TOTAL, stats->total },
        { VIR_DOMAIN_JOB_DATA_PROCESSED, stats->completed },
        { VIR_DOMAIN_JOB_DATA_REMAINING, remaining },
        { VIR_DOMAIN_JOB_THUNDER_T0, mirror->t0_ns },
        { VIR_DOMAIN_JOB_THUNDER_PAUSE, mirror->pause_ns },
        { VIR_DOMAIN_JOB_THUNDER_STALL_MAX, mirror->stall_max_ns },
        { VIR_DOMAIN_JOB_THUNDER_STALL_COUNT, mirror->stall_count },
        { VIR_DOMAIN_JOB_THUNDER_CAPTURE, mirror->capture_ns },
        { VIR_DOMAIN_JOB_THUNDER_TOTAL, mirror->total_ns },
        { VIR_DOMAIN_JOB_THUNDER_PAGES_TOTAL, mirror->pages_total },
        { VIR_DOMAIN_JOB_THUNDER_PAGES_ZERO, mirror->pages_zero },
        { VIR_DOMAIN_JOB_THUNDER_PAGES_COPIED, mirror->pages_copied },
        { VIR_DOMAIN_JOB_THUNDER_PAGES_FAULT_COPIED, mirror->pages_fault_copied },
        { VIR_DOMAIN_JOB_THUNDER_MIRROR_LIMIT, mirror->mirror_limit },
        { VIR_DOMAIN_JOB_THUNDER_MIRROR_PEAK, mirror->mirror_peak },
        { VIR_DOMAIN_JOB_THUNDER_BYTES_WRITTEN, mirror->bytes_written },
    };
    const struct {
        const char *name;
        const char *value;
    } strings[] = {
        { VIR_DOMAIN_JOB_THUNDER_STALL_HISTOGRAM, mirror->stall_histogram },
        { VIR_DOMAIN_JOB_THUNDER_STRATEGY, mirror->strategy },
        { VIR_DOMAIN_JOB_THUNDER_STORAGE, mirror->storage },
        { VIR_DOMAIN_JOB_THUNDER_GENERATION, mirror->generation },
        { VIR_DOMAIN_JOB_THUNDER_BASE_GENERATION, mirror->base_generation },
        { VIR_DOMAIN_JOB_THUNDER_FULL_REASON, mirror->full_reason },
    };
    size_t i;

    if (stats->mirror_set) {
        for (i = 0; i < G_N_ELEMENTS(fields); i++) {
            if (virTypedParamsAddULLong(params, nparams, maxparams,
                                        fields[i].name, fields[i].value) < 0)
                return -1;
        }

        if (mirror->pages_dirty_set &&
            virTypedParamsAddULLong(params, nparams, maxparams,
                                    VIR_DOMAIN_JOB_THUNDER_PAGES_DIRTY,
                                    mirror->pages_dirty) < 0)
            return -1;

        if (mirror->protect_calls_set &&
            (virTypedParamsAddULLong(params, nparams, maxparams,
                                     VIR_DOMAIN_JOB_THUNDER_PROTECT_CALLS,
                                     mirror->protect_calls) < 0 ||
             virTypedParamsAddULLong(params, nparams, maxparams,
                                     VIR_DOMAIN_JOB_THUNDER_T0_TRIES,
                                     mirror->t0_tries) < 0))
            return -1;

        for (i = 0; i < G_N_ELEMENTS(strings); i++) {
            if (strings[i].value &&
                virTypedParamsAddString(params, nparams, maxparams,
                                        strings[i].name, strings[i].value) < 0)
                return -1;
        }
    }

    if (stats->mirror_set &&
        jobData->status == VIR_DOMAIN_JOB_STATUS_COMPLETED &&
        virTypedParamsAddBoolean(params, nparams, maxparams,
                                 VIR_DOMAIN_JOB_SUCCESS, true) < 0)
        return -1;

    if (jobData->errmsg &&
        (virTypedParamsAddBoolean(params, nparams, maxparams,
                                  VIR_DOMAIN_JOB_SUCCESS, false) < 0 ||
         virTypedParamsAddString(params, nparams, maxparams,
                                 VIR_DOMAIN_JOB_ERRMSG, jobData->errmsg) < 0))
        return -1;

    return 0;
}
