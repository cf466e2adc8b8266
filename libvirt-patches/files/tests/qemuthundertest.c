/*
 * qemuthundertest.c: memory dumps which do not stop the guest
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Released versions of QEMU have no such dumps, so neither the monitor commands
 * can be checked against their QMP schema nor the capability against replies
 * recorded from them. Both are made up here.
 */

#include <config.h>

#include "testutils.h"

#ifdef WITH_QEMU

# include <fcntl.h>
# include <sys/file.h>
# include <sys/stat.h>

# include "testutilsqemu.h"
# include "qemumonitortestutils.h"
# include "qemu/qemu_domain.h"
# include "qemu/qemu_monitor_json.h"
# include "qemu/qemu_thunder.h"
# include "qemu/qemu_thunder_file.h"
# define LIBVIRT_QEMU_CAPSPRIV_H_ALLOW
# include "qemu/qemu_capspriv.h"
# define LIBVIRT_QEMU_MONITOR_PRIV_H_ALLOW
# include "qemu/qemu_monitor_priv.h"
# define LIBVIRT_QEMU_PROCESSPRIV_H_ALLOW
# include "qemu/qemu_processpriv.h"
# include "virfile.h"

# define VIR_FROM_THIS VIR_FROM_NONE

static virQEMUDriver driver;

# define MIRROR \
    "\"mirror\": {" \
    "  \"t0-ns\": 1795411905945572000, \"pause-ns\": 97000," \
    "  \"stall-max-ns\": 199292, \"stall-count\": 76," \
    "  \"stall-histogram\": [0, 0, 70, 6]," \
    "  \"capture-ns\": 322879527, \"total-ns\": 513281535," \
    "  \"pages-total\": 262208, \"pages-zero\": 239296," \
    "  \"pages-copied\": 22058, \"pages-fault-copied\": 854," \
    "  \"mirror-limit\": 268500992, \"mirror-peak\": 23068672," \
    "  \"bytes-written\": 97056747"

/* what a newer version adds, and what it is reported as */
# define MIRROR_MORE \
    ", \"strategy\": \"precopy\", \"storage\": \"overlay\"," \
    "  \"pages-dirty\": 4711, \"protect-calls\": 3, \"t0-tries\": 2," \
    "  \"generation\": \"3f2e.8\", \"base-generation\": \"3f2e.7\"," \
    "  \"full-reason\": \"memory was plugged\""

static const struct {
    const char *name;
    const char *value;
} mirrorStrings[] = {
    { VIR_DOMAIN_JOB_THUNDER_STRATEGY, "precopy" },
    { VIR_DOMAIN_JOB_THUNDER_STORAGE, "overlay" },
    { VIR_DOMAIN_JOB_THUNDER_GENERATION, "3f2e.8" },
    { VIR_DOMAIN_JOB_THUNDER_BASE_GENERATION, "3f2e.7" },
    { VIR_DOMAIN_JOB_THUNDER_FULL_REASON, "memory was plugged" },
};

static const struct {
    const char *name;
    unsigned long long value;
} mirrorParams[] = {
    { VIR_DOMAIN_JOB_THUNDER_T0, 1795411905945572000ULL },
    { VIR_DOMAIN_JOB_THUNDER_PAUSE, 97000 },
    { VIR_DOMAIN_JOB_THUNDER_STALL_MAX, 199292 },
    { VIR_DOMAIN_JOB_THUNDER_STALL_COUNT, 76 },
    { VIR_DOMAIN_JOB_THUNDER_CAPTURE, 322879527 },
    { VIR_DOMAIN_JOB_THUNDER_TOTAL, 513281535 },
    { VIR_DOMAIN_JOB_THUNDER_PAGES_TOTAL, 262208 },
    { VIR_DOMAIN_JOB_THUNDER_PAGES_ZERO, 239296 },
    { VIR_DOMAIN_JOB_THUNDER_PAGES_COPIED, 22058 },
    { VIR_DOMAIN_JOB_THUNDER_PAGES_FAULT_COPIED, 854 },
    { VIR_DOMAIN_JOB_THUNDER_MIRROR_LIMIT, 268500992 },
    { VIR_DOMAIN_JOB_THUNDER_MIRROR_PEAK, 23068672 },
    { VIR_DOMAIN_JOB_THUNDER_BYTES_WRITTEN, 97056747 },
};


static int
expectError(int code,
            const char *text)
{
    if (virGetLastErrorCode() != code ||
        !strstr(virGetLastErrorMessage(), text)) {
        VIR_TEST_DEBUG("unexpected error %d '%s', expected %d '%s'",
                       virGetLastErrorCode(), virGetLastErrorMessage(),
                       code, text);
        return -1;
    }

    virResetLastError();
    return 0;
}


static int
testMonitorDump(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(qemuMonitorTest) test = qemuMonitorTestNewSimple(driver.xmlopt);
    qemuMonitorDumpMirrorParams none = { 0 };
    qemuMonitorDumpMirrorParams kdump = { .format = "kdump-zlib" };
    /* the rest of the base is of no use without its generation */
    qemuMonitorDumpMirrorParams limits = {
        .mirrorLimit = 268435456, .threads = 4, .bandwidth = 104857600,
        .note = "{\"who\":\"me\"}", .strategy = "precopy",
        .baseFile = "web1.core", .baseStorage = "overlay",
    };
    qemuMonitorDumpMirrorParams track = { .track = true };
    qemuMonitorDumpMirrorParams clone = {
        .track = true, .baseGeneration = "3f2e.7",
    };
    qemuMonitorDumpMirrorParams overlay = {
        .baseGeneration = "3f2e.8", .baseFile = "./web1 10:42.core",
        .baseStorage = "overlay",
    };
    const struct {
        const qemuMonitorDumpMirrorParams *params;
        const char *uffd;
        const char *basefd;
        const char *args;
    } dumps[] = {
        { &none, "thunder-uffd", NULL,
          "  \"mode\": \"mirror\","
          "  \"uffd\": \"thunder-uffd\"" },
        { &kdump, NULL, NULL,
          "  \"format\": \"kdump-zlib\","
          "  \"mode\": \"mirror\"" },
        { &limits, "thunder-uffd", "thunder-base",
          "  \"mode\": \"mirror\","
          "  \"mirror-limit\": 268435456,"
          "  \"uffd\": \"thunder-uffd\","
          "  \"note\": \"{\\\"who\\\":\\\"me\\\"}\","
          "  \"threads\": 4,"
          "  \"bandwidth\": 104857600,"
          "  \"strategy\": \"precopy\"" },
        { &track, NULL, NULL,
          "  \"mode\": \"mirror\","
          "  \"track\": true" },
        { &clone, NULL, "thunder-base",
          "  \"mode\": \"mirror\","
          "  \"track\": true,"
          "  \"base\": {"
          "    \"generation\": \"3f2e.7\","
          "    \"fd\": \"thunder-base\" }" },
        { &overlay, NULL, "thunder-base",
          "  \"mode\": \"mirror\","
          "  \"base\": {"
          "    \"generation\": \"3f2e.8\","
          "    \"fd\": \"thunder-base\","
          "    \"file\": \"./web1 10:42.core\","
          "    \"storage\": \"overlay\" }" },
    };
    qemuMonitor *mon;
    size_t i;

    if (!test)
        return -1;

    mon = qemuMonitorTestGetMonitor(test);

    for (i = 0; i < G_N_ELEMENTS(dumps); i++) {
        g_autofree char *expect =
            g_strdup_printf("{\"execute\": \"dump-guest-memory\","
                            " \"arguments\": {"
                            "  \"paging\": false,"
                            "  \"protocol\": \"fd:thunder-dump\","
                            "%s },"
                            " \"id\": \"libvirt-%zu\" }", dumps[i].args, i + 1);

        if (qemuMonitorTestAddItemVerbatim(test, expect, NULL,
                                           "{ \"return\": {} }") < 0)
            return -1;

        if (qemuMonitorJSONDumpMirror(mon, "fd:thunder-dump", dumps[i].uffd,
                                      dumps[i].basefd, dumps[i].params) < 0)
            return -1;
    }

    if (qemuMonitorTestAddItem(test, "dump-guest-memory",
                               "{ \"error\": { \"class\": \"GenericError\","
                               "  \"desc\": \"device 'vf0' writes past us\" } }") < 0)
        return -1;

    if (qemuMonitorJSONDumpMirror(mon, "fd:thunder-dump", NULL, NULL, &none) == 0 ||
        expectError(VIR_ERR_OPERATION_FAILED, "device 'vf0' writes past us") < 0)
        return -1;

    /* any other dump is asked for as ever */
    if (qemuMonitorTestAddItemVerbatim(test,
                                       "{\"execute\": \"dump-guest-memory\","
                                       " \"arguments\": {"
                                       "  \"paging\": false,"
                                       "  \"protocol\": \"fd:dump\","
                                       "  \"detach\": true },"
                                       " \"id\": \"libvirt-8\" }",
                                       NULL, "{ \"return\": {} }") < 0)
        return -1;

    return qemuMonitorJSONDump(mon, "fd:dump", NULL, true);
}


static int
testMonitorCancel(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(qemuMonitorTest) test = qemuMonitorTestNewSimple(driver.xmlopt);

    if (!test)
        return -1;

    if (qemuMonitorTestAddItem(test, "dump-cancel", "{ \"return\": {} }") < 0 ||
        qemuMonitorTestAddItem(test, "dump-cancel",
                               "{ \"error\": { \"class\": \"GenericError\","
                               "  \"desc\": \"no dump is running\" } }") < 0)
        return -1;

    if (qemuMonitorDumpCancel(qemuMonitorTestGetMonitor(test)) < 0)
        return -1;

    if (qemuMonitorDumpCancel(qemuMonitorTestGetMonitor(test)) == 0)
        return -1;

    return expectError(VIR_ERR_INTERNAL_ERROR, "no dump is running");
}


static int
testMonitorUntrack(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(qemuMonitorTest) test = qemuMonitorTestNewSimple(driver.xmlopt);

    if (!test)
        return -1;

    if (qemuMonitorTestAddItem(test, "dump-untrack", "{ \"return\": {} }") < 0 ||
        qemuMonitorTestAddItem(test, "dump-untrack",
                               "{ \"error\": { \"class\": \"GenericError\","
                               "  \"desc\": \"nothing is tracked\" } }") < 0)
        return -1;

    if (qemuMonitorDumpUntrack(qemuMonitorTestGetMonitor(test)) < 0)
        return -1;

    if (qemuMonitorDumpUntrack(qemuMonitorTestGetMonitor(test)) == 0)
        return -1;

    return expectError(VIR_ERR_OPERATION_INVALID, "nothing is tracked");
}


/* From what query-dump replies to what virDomainGetJobStats returns */
static int
testJobStats(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(qemuMonitorTest) test = qemuMonitorTestNewSimple(driver.xmlopt);
    g_autoptr(virDomainJobData) job = NULL;
    g_autoptr(virDomainJobData) copy = NULL;
    qemuDomainJobDataPrivate *priv;
    const char *common = "\"status\": \"active\", \"completed\": 10, \"total\": 25";
    g_autofree char *reply = g_strdup_printf("{ \"return\": { %s, " MIRROR " } } }", common);
    g_autofree char *replyMore = g_strdup_printf("{ \"return\": { %s, " MIRROR MIRROR_MORE " } } }",
                                                 common);
    g_autofree char *replyStop = g_strdup_printf("{ \"return\": { %s } }", common);
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int nparamsStop = 0;
    unsigned long long value;
    const char *string;
    int success = -1;
    int type;
    size_t i;
    int ret = -1;

    if (!test ||
        qemuMonitorTestAddItem(test, "query-dump", replyStop) < 0 ||
        qemuMonitorTestAddItem(test, "query-dump", reply) < 0 ||
        qemuMonitorTestAddItem(test, "query-dump", replyMore) < 0)
        return -1;

    job = virDomainJobDataInit(&virQEMUDriverDomainJobConfig.jobDataPrivateCb);
    job->operation = VIR_DOMAIN_JOB_OPERATION_DUMP;
    job->status = VIR_DOMAIN_JOB_STATUS_ACTIVE;
    qemuDomainJobSetStatsType(job, QEMU_DOMAIN_JOB_STATS_TYPE_MEMDUMP);
    priv = job->privateData;

    /* a dump which stops the guest has nothing to tell */
    if (qemuMonitorQueryDump(qemuMonitorTestGetMonitor(test), &priv->stats.dump) < 0 ||
        qemuDomainJobDataToParams(job, &type, &params, &nparams) < 0)
        goto cleanup;

    for (i = 0; i < nparams; i++) {
        if (STRPREFIX(params[i].field, "thunder_") ||
            STRPREFIX(params[i].field, "data_") ||
            STREQ(params[i].field, VIR_DOMAIN_JOB_SUCCESS)) {
            VIR_TEST_DEBUG("'%s' in a dump which stops the guest", params[i].field);
            goto cleanup;
        }
    }

    nparamsStop = nparams;
    virTypedParamsFree(params, nparams);
    params = NULL;
    nparams = 0;

    if (qemuMonitorQueryDump(qemuMonitorTestGetMonitor(test), &priv->stats.dump) < 0)
        goto cleanup;

    copy = virDomainJobDataCopy(job);

    if (qemuDomainJobDataToParams(copy, &type, &params, &nparams) < 0)
        goto cleanup;

    if (type != VIR_DOMAIN_JOB_UNBOUNDED ||
        nparams != nparamsStop + 4 + (int) G_N_ELEMENTS(mirrorParams)) {
        VIR_TEST_DEBUG("type %d with %d parameters", type, nparams);
        goto cleanup;
    }

    for (i = 0; i < G_N_ELEMENTS(mirrorParams); i++) {
        if (virTypedParamsGetULLong(params, nparams,
                                    mirrorParams[i].name, &value) != 1 ||
            value != mirrorParams[i].value) {
            VIR_TEST_DEBUG("'%s' is missing or wrong", mirrorParams[i].name);
            goto cleanup;
        }
    }

    if (virTypedParamsGetULLong(params, nparams,
                                VIR_DOMAIN_JOB_DATA_REMAINING, &value) != 1 ||
        value != 15)
        goto cleanup;

    if (virTypedParamsGetString(params, nparams,
                                VIR_DOMAIN_JOB_THUNDER_STALL_HISTOGRAM,
                                &string) != 1 ||
        STRNEQ(string, "0,0,70,6")) {
        VIR_TEST_DEBUG("the histogram is missing or wrong");
        goto cleanup;
    }

    virTypedParamsFree(params, nparams);
    params = NULL;
    nparams = 0;

    /* the copy has strings of its own */
    qemuMonitorDumpStatsClear(&priv->stats.dump);
    if (qemuMonitorQueryDump(qemuMonitorTestGetMonitor(test), &priv->stats.dump) < 0)
        goto cleanup;

    virDomainJobDataFree(copy);
    copy = virDomainJobDataCopy(job);
    g_clear_pointer(&job, virDomainJobDataFree);

    if (qemuDomainJobDataToParams(copy, &type, &params, &nparams) < 0)
        goto cleanup;

    for (i = 0; i < G_N_ELEMENTS(mirrorStrings); i++) {
        if (virTypedParamsGetString(params, nparams,
                                    mirrorStrings[i].name, &string) != 1 ||
            STRNEQ(string, mirrorStrings[i].value)) {
            VIR_TEST_DEBUG("'%s' is missing or wrong", mirrorStrings[i].name);
            goto cleanup;
        }
    }

    if (virTypedParamsGetULLong(params, nparams,
                                VIR_DOMAIN_JOB_THUNDER_PAGES_DIRTY, &value) != 1 ||
        value != 4711)
        goto cleanup;

    if (virTypedParamsGetULLong(params, nparams,
                                VIR_DOMAIN_JOB_THUNDER_PROTECT_CALLS, &value) != 1 ||
        value != 3)
        goto cleanup;

    if (virTypedParamsGetULLong(params, nparams,
                                VIR_DOMAIN_JOB_THUNDER_T0_TRIES, &value) != 1 ||
        value != 2)
        goto cleanup;

    virTypedParamsFree(params, nparams);
    params = NULL;
    nparams = 0;

    copy->status = VIR_DOMAIN_JOB_STATUS_FAILED;
    copy->errmsg = g_strdup("disk full");

    if (qemuDomainJobDataToParams(copy, &type, &params, &nparams) < 0)
        goto cleanup;

    if (type != VIR_DOMAIN_JOB_FAILED ||
        virTypedParamsGetBoolean(params, nparams,
                                 VIR_DOMAIN_JOB_SUCCESS, &success) != 1 ||
        success != 0 ||
        virTypedParamsGetString(params, nparams,
                                VIR_DOMAIN_JOB_ERRMSG, &string) != 1 ||
        STRNEQ(string, "disk full"))
        goto cleanup;

    ret = 0;

 cleanup:
    virTypedParamsFree(params, nparams);
    return ret;
}


static int
testTmpPath(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *name = g_strnfill(255, 'x');
    g_autofree char *longPath = g_strdup_printf("/dumps/%s", name);
    g_autofree char *one = qemuThunderFileTmpPath("/dumps/web1.core");
    g_autofree char *two = qemuThunderFileTmpPath("/dumps/web1.core");
    g_autofree char *longTmp = qemuThunderFileTmpPath(longPath);

    if (!STRPREFIX(one, "/dumps/.web1.core.thunder-") ||
        !virStringHasSuffix(one, ".part") ||
        STREQ(one, two)) {
        VIR_TEST_DEBUG("'%s' and '%s'", one, two);
        return -1;
    }

    if (strlen(longTmp) != strlen(longPath) ||
        !STRPREFIX(longTmp, "/dumps/.xxx") ||
        !virStringHasSuffix(longTmp, ".part")) {
        VIR_TEST_DEBUG("'%s'", longTmp);
        return -1;
    }

    return 0;
}


enum {
    CAPS_NONE,
    CAPS_MIRROR, /* the mode, and nothing to tell it */
    CAPS_ALL,
};

static int
testFileMake(const char *dir,
             const char *name,
             bool old)
{
    g_autofree char *path = g_strdup_printf("%s/%s", dir, name);
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000000000 } };
    VIR_AUTOCLOSE fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0600);
    int ret;

    if (fd < 0 || (old && futimens(fd, times) < 0))
        return -1;

    ret = fd;
    fd = -1;
    return ret;
}


/* Only what is ours, old and used by nobody is removed */
static int
testFileStale(const void *opaque G_GNUC_UNUSED)
{
    const struct {
        const char *name;
        bool old;
        bool locked;
        bool removed;
    } files[] = {
        { ".web1.core.thunder-abc123.part", true, false, true },
        { ".web1.core.thunder-abc124.part", true, true, false },
        { ".web1.core.thunder-abc125.part", false, false, false },
        { ".web1.core.thunder-abc12.part", true, false, false },
        { ".web1.core.thunder-abc1234.part", true, false, false },
        { ".web1.core.thunder-abc-23.part", true, false, false },
        { ".web1.core.thunder-abc123.part~", true, false, false },
        { ".web1.core.abc123.part", true, false, false },
        { ".web1.core2.thunder-abc123.part", true, false, false },
        { "web1.core.thunder-abc123.part", true, false, false },
        { "web1.core", true, false, false },
    };
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(&driver);
    char dir[] = "/tmp/qemuthundertest-XXXXXX";
    g_autofree char *target = NULL;
    g_autofree char *link = NULL;
    int locks[G_N_ELEMENTS(files)];
    size_t i;
    int ret = 0;

    for (i = 0; i < G_N_ELEMENTS(files); i++)
        locks[i] = -1;

    if (!g_mkdtemp(dir))
        return -1;

    target = g_strdup_printf("%s/web1.core", dir);
    link = g_strdup_printf("%s/.web1.core.thunder-abc126.part", dir);

    for (i = 0; i < G_N_ELEMENTS(files); i++) {
        VIR_AUTOCLOSE fd = testFileMake(dir, files[i].name, files[i].old);

        if (fd < 0 || (files[i].locked && flock(fd, LOCK_EX) < 0)) {
            ret = -1;
        } else if (files[i].locked) {
            locks[i] = fd;
            fd = -1;
        }
    }

    if (symlink("web1.core", link) < 0)
        ret = -1;

    qemuThunderFileRemoveStale(cfg, target);

    for (i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_strdup_printf("%s/%s", dir, files[i].name);

        if (virFileExists(path) == files[i].removed) {
            VIR_TEST_DEBUG("'%s' is %s", files[i].name,
                           files[i].removed ? "still there" : "gone");
            ret = -1;
        }

        VIR_FORCE_CLOSE(locks[i]);
    }

    if (!virFileIsLink(link)) {
        VIR_TEST_DEBUG("the symbolic link is gone");
        ret = -1;
    }

    virFileDeleteTree(dir);
    return ret;
}


/* A file QEMU did not write its header to is no dump */
static int
testFileWhole(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(&driver);
    char dir[] = "/tmp/qemuthundertest-XXXXXX";
    g_autofree char *path = NULL;
    VIR_AUTOCLOSE fd = -1;
    VIR_AUTOCLOSE empty = -1;
    VIR_AUTOCLOSE body = -1;
    VIR_AUTOCLOSE whole = -1;
    int ret = -1;

    if (!g_mkdtemp(dir))
        return -1;

    path = g_strdup_printf("%s/dump", dir);

    if ((fd = testFileMake(dir, "dump", false)) < 0)
        goto cleanup;

    empty = qemuThunderFileOpenWhole(cfg, path);

    if (pwrite(fd, "memory", 6, 65536) != 6)
        goto cleanup;

    body = qemuThunderFileOpenWhole(cfg, path);

    if (pwrite(fd, "\177ELF", 4, 0) != 4)
        goto cleanup;

    whole = qemuThunderFileOpenWhole(cfg, path);

    if (empty >= 0 || body >= 0 || whole < 0) {
        VIR_TEST_DEBUG("empty %d, without header %d, whole %d", empty, body, whole);
        goto cleanup;
    }

    ret = 0;

 cleanup:
    virFileDeleteTree(dir);
    return ret;
}


/* What has to be refused, and by what name */
static int
testParams(const void *opaque G_GNUC_UNUSED)
{
    const struct {
        const char *name;
        int type;
        const char *value;
        unsigned int flags;
        const char *error; /* NULL if fine */
    } tests[] = {
        { "format", VIR_TYPED_PARAM_STRING, "kdump-raw-zstd", VIR_DUMP_MEMORY_ONLY, NULL },
        { "mirror_limit", VIR_TYPED_PARAM_ULLONG, "1073741824", VIR_DUMP_THUNDER, NULL },
        { "mirror_limit", VIR_TYPED_PARAM_ULLONG, "1", VIR_DUMP_MEMORY_ONLY, "'mirror_limit'" },
        { "mirror_limit", VIR_TYPED_PARAM_UINT, "1", VIR_DUMP_THUNDER, "'mirror_limit'" },
        { "mirror_limit", VIR_TYPED_PARAM_ULLONG, "9223372036854775808",
          VIR_DUMP_THUNDER, "'mirror_limit' is too large" },
        { "threads", VIR_TYPED_PARAM_UINT, "4", VIR_DUMP_THUNDER, NULL },
        { "threads", VIR_TYPED_PARAM_UINT, "4", 0, "'threads'" },
        { "bandwidth", VIR_TYPED_PARAM_ULLONG, "0", VIR_DUMP_THUNDER, NULL },
        { "bandwidth", VIR_TYPED_PARAM_ULLONG, "0", 0, "'bandwidth'" },
        { "bandwidth", VIR_TYPED_PARAM_ULLONG, "9223372036854775808",
          VIR_DUMP_THUNDER, "'bandwidth' is too large" },
        { "note", VIR_TYPED_PARAM_STRING, "{}", VIR_DUMP_THUNDER, NULL },
        { "note", VIR_TYPED_PARAM_STRING, "{}", 0, "'note'" },
        { "strategy", VIR_TYPED_PARAM_STRING, "protect", VIR_DUMP_THUNDER, NULL },
        { "strategy", VIR_TYPED_PARAM_STRING, "hybrid", VIR_DUMP_THUNDER, NULL },
        { "strategy", VIR_TYPED_PARAM_STRING, "protect", 0, "'strategy'" },
        { "strategy", VIR_TYPED_PARAM_STRING, "pray", VIR_DUMP_THUNDER, "'pray'" },
        { "track", VIR_TYPED_PARAM_BOOLEAN, "1", VIR_DUMP_THUNDER, NULL },
        { "track", VIR_TYPED_PARAM_BOOLEAN, "0", 0, "'track'" },
        { "base", VIR_TYPED_PARAM_STRING, "/dumps/a", VIR_DUMP_THUNDER, NULL },
        { "base", VIR_TYPED_PARAM_STRING, "/dumps/a", 0, "'base'" },
        { "storage", VIR_TYPED_PARAM_STRING, "auto", VIR_DUMP_THUNDER, "'storage'" },
        { "storage", VIR_TYPED_PARAM_STRING, "auto", 0, "'storage'" },
        { "depth", VIR_TYPED_PARAM_UINT, "1", VIR_DUMP_THUNDER, "'depth'" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(tests); i++) {
        virTypedParameterPtr params = NULL;
        int nparams = 0;
        int maxparams = 0;
        qemuThunderParams parsed;
        int rc;

        if (virTypedParamsAddString(&params, &nparams, &maxparams,
                                    VIR_DOMAIN_CORE_DUMP_PARAM_FILE, "/dumps/b") < 0 ||
            virTypedParamsAddFromString(&params, &nparams, &maxparams,
                                        tests[i].name, tests[i].type,
                                        tests[i].value) < 0)
            return -1;

        rc = qemuThunderParamsParse(&parsed, params, nparams, tests[i].flags);

        if (rc == 0 && STRNEQ_NULLABLE(parsed.path, "/dumps/b"))
            rc = -1;

        virTypedParamsFree(params, nparams);

        if (tests[i].error) {
            if (rc == 0) {
                VIR_TEST_DEBUG("%zu: '%s' is not refused", i, tests[i].name);
                return -1;
            }

            if (!strstr(virGetLastErrorMessage(), tests[i].error)) {
                VIR_TEST_DEBUG("%zu: '%s' is not in '%s'", i, tests[i].error,
                               virGetLastErrorMessage());
                return -1;
            }

            virResetLastError();
        } else if (rc < 0) {
            VIR_TEST_DEBUG("%zu: '%s' is refused: %s", i, tests[i].name,
                           virGetLastErrorMessage());
            return -1;
        }
    }

    return 0;
}


static int
testParamsCaps(const void *opaque G_GNUC_UNUSED)
{
    const struct {
        qemuThunderParams params;
        int flag; /* needed, besides the mode itself */
        const char *name;
    } tests[] = {
        { { .mirror.threads = 1 }, QEMU_CAPS_DUMP_THREADS, "'threads'" },
        { { .mirror.bandwidth = 1 }, QEMU_CAPS_DUMP_BANDWIDTH, "'bandwidth'" },
        { { .mirror.strategy = "protect" }, QEMU_CAPS_DUMP_STRATEGY, "'strategy'" },
        { { .mirror.track = true }, QEMU_CAPS_DUMP_TRACK, "'track'" },
        { { .base = "/dumps/a" }, QEMU_CAPS_DUMP_TRACK, "'base'" },
    };
    qemuThunderParams old = { .mirror.mirrorLimit = 1, .mirror.note = "{}" };
    g_autoptr(virQEMUCaps) none = virQEMUCapsNew();
    size_t i;

    if (qemuThunderParamsCheckCaps(&old, none) == 0 ||
        expectError(VIR_ERR_OPERATION_UNSUPPORTED, "mode=mirror") < 0)
        return -1;

    for (i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autoptr(virQEMUCaps) caps = virQEMUCapsNew();

        virQEMUCapsSet(caps, QEMU_CAPS_DUMP_MIRROR);

        if (qemuThunderParamsCheckCaps(&old, caps) < 0)
            return -1;

        if (qemuThunderParamsCheckCaps(&tests[i].params, caps) == 0 ||
            expectError(VIR_ERR_OPERATION_UNSUPPORTED, tests[i].name) < 0)
            return -1;

        virQEMUCapsSet(caps, tests[i].flag);

        if (qemuThunderParamsCheckCaps(&tests[i].params, caps) < 0)
            return -1;
    }

    return 0;
}


static int
expectReason(const qemuThunderBase *base,
             const char *path,
             int fd,
             const char *expect)
{
    g_autofree char *reason = qemuThunderBaseCheck(base, path, fd);

    if (expect ? !reason || !strstr(reason, expect) : !!reason) {
        VIR_TEST_DEBUG("'%s' instead of '%s'", NULLSTR(reason), NULLSTR(expect));
        return -1;
    }

    return 0;
}


static int
testBase(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(qemuThunderBase) base = NULL;
    g_autofree char *path = NULL;
    g_autofree char *other = NULL;
    g_autofree char *moved = NULL;
    VIR_AUTOCLOSE fd = -1;
    VIR_AUTOCLOSE otherfd = -1;
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000000000, .tv_nsec = 1 } };
    int ret = -1;

    if ((fd = g_file_open_tmp("qemuthundertest-XXXXXX", &path, NULL)) < 0 ||
        (otherfd = g_file_open_tmp("qemuthundertest-XXXXXX", &other, NULL)) < 0)
        goto cleanup;

    moved = g_strdup_printf("%s.moved", path);

    if (safewrite(fd, "dump", 4) != 4 ||
        safewrite(otherfd, "dump", 4) != 4 ||
        futimens(fd, times) < 0 ||
        futimens(otherfd, times) < 0)
        goto cleanup;

    base = qemuThunderBaseNew("3f2e.7", path, fd);

    if (!base ||
        expectReason(NULL, path, fd, "not tracked") < 0 ||
        expectReason(base, path, fd, NULL) < 0 ||
        expectReason(base, other, otherfd, path) < 0)
        goto cleanup;

    /* it is the file that counts, wherever it is */
    if (rename(path, moved) < 0 ||
        expectReason(base, moved, fd, NULL) < 0)
        goto cleanup;

    /* same size, a nanosecond later */
    times[1].tv_nsec = 2;
    if (futimens(fd, times) < 0 ||
        expectReason(base, moved, fd, "modified") < 0)
        goto cleanup;

    /* and the other way round */
    times[1].tv_nsec = 1;
    if (safewrite(fd, "s", 1) != 1 ||
        futimens(fd, times) < 0 ||
        expectReason(base, moved, fd, "modified") < 0)
        goto cleanup;

    ret = 0;

 cleanup:
    if (path)
        unlink(path);
    if (moved)
        unlink(moved);
    if (other)
        unlink(other);
    return ret;
}


static int
testBaseName(const void *opaque G_GNUC_UNUSED)
{
    const char *const tests[][3] = {
        { "/dumps/a.core", "/dumps/b.core", "a.core" },
        { "/dumps/10:42.core", "/dumps/10:43.core", "./10:42.core" },
        { "/dumps/a.core", "/elsewhere/b.core", "/dumps/a.core" },
        { "/dumps/a.core", "/dumps/new/b.core", "/dumps/a.core" },
        { "/a.core", "/b.core", "a.core" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *name = qemuThunderBaseName(tests[i][0], tests[i][1]);

        if (STRNEQ(name, tests[i][2])) {
            VIR_TEST_DEBUG("'%s' instead of '%s'", name, tests[i][2]);
            return -1;
        }
    }

    return 0;
}


/* Replies of a released QEMU with 'mode', and maybe more, among the arguments */
static char *
addMirrorMode(const char *replies,
              int level)
{
    const char *const more[][2] = {
        { "threads", "int" }, { "bandwidth", "int" },
        { "strategy", "str" }, { "track", "bool" },
    };
    g_auto(virBuffer) moreArgs = VIR_BUFFER_INITIALIZER;
    const char *type = "\"name\": \"DumpGuestMemoryMode\"";
    const char *cmd = strstr(replies, "\"name\": \"dump-guest-memory\"");
    const char *arg = cmd ? strstr(cmd, "\"arg-type\": \"") : NULL;
    g_autofree char *args = NULL;
    unsigned long id;
    char *pos;
    size_t i;

    for (i = 0; level == CAPS_ALL && i < G_N_ELEMENTS(more); i++)
        virBufferAsprintf(&moreArgs,
                          "        {\n"
                          "          \"name\": \"%s\",\n"
                          "          \"default\": null,\n"
                          "          \"type\": \"%s\"\n"
                          "        },\n",
                          more[i][0], more[i][1]);

    if (!arg || sscanf(arg, "\"arg-type\": \"%lu\"", &id) != 1)
        return NULL;

    args = g_strdup_printf("    {\n      \"name\": \"%lu\",\n      \"members\": [\n", id);

    if (!(pos = strstr(replies, args)))
        return NULL;

    return g_strdup_printf("%.*s"
                           "    {\n"
                           "      %s,\n"
                           "      \"meta-type\": \"enum\",\n"
                           "      \"values\": [ \"stop\", \"mirror\" ]\n"
                           "    },\n"
                           "%s"
                           "        {\n"
                           "          \"name\": \"mode\",\n"
                           "          \"default\": null,\n"
                           "          \"type\": \"DumpGuestMemoryMode\"\n"
                           "        },\n"
                           "%s%s",
                           (int) (pos - replies), replies, type, args,
                           NULLSTR_EMPTY(virBufferCurrentContent(&moreArgs)),
                           pos + strlen(args));
}


static int
testCapsOne(const char *file,
            int level)
{
    const struct {
        int flag;
        const char *name;
        int level;
    } flags[] = {
        { QEMU_CAPS_DUMP_MIRROR, "mirror", CAPS_MIRROR },
        { QEMU_CAPS_DUMP_THREADS, "threads", CAPS_ALL },
        { QEMU_CAPS_DUMP_BANDWIDTH, "bandwidth", CAPS_ALL },
        { QEMU_CAPS_DUMP_STRATEGY, "strategy", CAPS_ALL },
        { QEMU_CAPS_DUMP_TRACK, "track", CAPS_ALL },
    };
    bool expect = level >= CAPS_MIRROR;
    size_t i;
    g_autoptr(qemuMonitorTest) mon = NULL;
    g_autoptr(virQEMUCaps) caps = virQEMUCapsNewBinary("/usr/bin/qemu-system-x86_64");
    g_autoptr(virDomainCaps) domCaps = NULL;
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(&driver);
    g_autofree char *cache = NULL;
    g_autofree char *xml = NULL;

    if (!(mon = qemuMonitorTestNewFromFileFull(file, &driver, NULL, NULL)))
        return -1;

    qemuMonitorTestAllowUnusedCommands(mon);

    if (qemuProcessQMPInitMonitor(qemuMonitorTestGetMonitor(mon)) < 0 ||
        virQEMUCapsInitQMPMonitor(caps, qemuMonitorTestGetMonitor(mon)) < 0)
        return -1;

    if (!(cache = virQEMUCapsFormatCache(caps)))
        return -1;

    for (i = 0; i < G_N_ELEMENTS(flags); i++) {
        g_autofree char *xmlFlag = g_strdup_printf("<flag name='dump-guest-memory.%s'/>",
                                                   flags[i].name);
        bool want = level >= flags[i].level;

        if (virQEMUCapsGet(caps, flags[i].flag) != want ||
            !!strstr(cache, xmlFlag) != want) {
            VIR_TEST_DEBUG("capability '%s' is %s", flags[i].name,
                           want ? "missing" : "unexpected");
            return -1;
        }
    }

    if (!(domCaps = virDomainCapsNew("/usr/bin/qemu-system-x86_64", "q35",
                                     VIR_ARCH_X86_64, VIR_DOMAIN_VIRT_QEMU)) ||
        virQEMUCapsFillDomainCaps(cfg, caps, VIR_ARCH_X86_64, domCaps, false) < 0 ||
        !(xml = virDomainCapsFormat(domCaps)))
        return -1;

    if (!!strstr(xml, "<thunder supported='yes'/>") != expect ||
        (!expect && strstr(xml, "thunder"))) {
        VIR_TEST_DEBUG("domain capabilities:\n%s", xml);
        return -1;
    }

    return 0;
}


static int
testCapsPatched(const char *released,
                int level)
{
    g_autofree char *replies = NULL;
    g_autofree char *patched = NULL;
    g_autofree char *file = NULL;
    VIR_AUTOCLOSE fd = -1;
    int ret = -1;

    if (virTestLoadFile(released, &replies) < 0)
        return -1;

    if (!(patched = addMirrorMode(replies, level))) {
        VIR_TEST_DEBUG("cannot find the arguments of dump-guest-memory");
        return -1;
    }

    if ((fd = g_file_open_tmp("qemuthundertest-XXXXXX", &file, NULL)) < 0)
        return -1;

    if (safewrite(fd, patched, strlen(patched)) == strlen(patched))
        ret = testCapsOne(file, level);

    unlink(file);
    return ret;
}


static int
testCaps(const void *opaque G_GNUC_UNUSED)
{
    const char *released = abs_srcdir "/qemucapabilitiesdata/caps_10.0.0_x86_64.replies";

    if (testCapsOne(released, CAPS_NONE) < 0 ||
        testCapsPatched(released, CAPS_MIRROR) < 0 ||
        testCapsPatched(released, CAPS_ALL) < 0)
        return -1;

    return 0;
}


static int
mymain(void)
{
    int ret = 0;

    virEventRegisterDefaultImpl();

    if (qemuTestDriverInit(&driver) < 0)
        return EXIT_FAILURE;

    if (virTestRun("monitor: dump-guest-memory", testMonitorDump, NULL) < 0)
        ret = -1;
    if (virTestRun("monitor: dump-cancel", testMonitorCancel, NULL) < 0)
        ret = -1;
    if (virTestRun("monitor: dump-untrack", testMonitorUntrack, NULL) < 0)
        ret = -1;
    if (virTestRun("job statistics", testJobStats, NULL) < 0)
        ret = -1;
    if (virTestRun("temporary name", testTmpPath, NULL) < 0)
        ret = -1;
    if (virTestRun("leftovers", testFileStale, NULL) < 0)
        ret = -1;
    if (virTestRun("whole file", testFileWhole, NULL) < 0)
        ret = -1;
    if (virTestRun("parameters", testParams, NULL) < 0)
        ret = -1;
    if (virTestRun("parameters and QEMU", testParamsCaps, NULL) < 0)
        ret = -1;
    if (virTestRun("base", testBase, NULL) < 0)
        ret = -1;
    if (virTestRun("name of base", testBaseName, NULL) < 0)
        ret = -1;
    if (virTestRun("capabilities", testCaps, NULL) < 0)
        ret = -1;

    qemuTestDriverFree(&driver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("domaincaps"))

#else

int
main(void)
{
    return EXIT_AM_SKIP;
}

#endif /* WITH_QEMU */
