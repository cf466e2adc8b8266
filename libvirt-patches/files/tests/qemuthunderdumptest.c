/*
 * qemuthunderdumptest.c: how a dump which does not stop the guest begins and ends
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A monitor which replies what it is told, and stand-ins for the security manager
 * which count what is granted and taken back.
 */

#include <config.h>

#include "testutils.h"

#ifdef WITH_QEMU

# include <fcntl.h>
# include <sys/stat.h>

# include "testutilsqemu.h"
# include "qemumonitortestutils.h"
# include "qemu/qemu_domain.h"
# include "qemu/qemu_dump_label.h"
# include "qemu/qemu_thunder.h"
# include "qemu/qemu_thunder_file.h"
# define LIBVIRT_QEMU_CAPSPRIV_H_ALLOW
# include "qemu/qemu_capspriv.h"
# include "security/security_manager.h"
# include "virfile.h"

# define VIR_FROM_THIS VIR_FROM_NONE

static virQEMUDriver driver;

/* --- stand-ins: found before those of the library --- */

static struct {
    virDomainObj *vm;
    int set;
    int restored;
    bool fails;
    bool wrong; /* a name, a label or a lock */
    bool path; /* what was last taken back, besides the domain's right */
    bool base;
} label;

static void
checkLabel(virDomainDef *def)
{
    if (pthread_mutex_trylock(&label.vm->parent.lock.lock) != 0)
        label.wrong = true;
    else
        pthread_mutex_unlock(&label.vm->parent.lock.lock);

    if (def == label.vm->def ||
        STRNEQ_NULLABLE(def->name, label.vm->def->name) ||
        memcmp(def->uuid, label.vm->def->uuid, VIR_UUID_BUFLEN) != 0 ||
        def->id != label.vm->def->id ||
        def->nseclabels != 1 ||
        STRNEQ_NULLABLE(def->seclabels[0]->model, "apparmor") ||
        STRNEQ_NULLABLE(def->seclabels[0]->imagelabel, "libvirt-1") ||
        !def->seclabels[0]->relabel)
        label.wrong = true;
}

int
virSecurityManagerSetDumpLabel(virSecurityManager *mgr G_GNUC_UNUSED,
                               virDomainDef *def,
                               int fd,
                               int basefd G_GNUC_UNUSED)
{
    struct stat sb;

    checkLabel(def);
    if (fstat(fd, &sb) < 0)
        label.wrong = true;

    label.set++;

    if (label.fails) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "no label");
        return -1;
    }

    return 0;
}

int
virSecurityManagerRestoreDumpLabel(virSecurityManager *mgr G_GNUC_UNUSED,
                                   virDomainDef *def,
                                   const char *path,
                                   const char *base)
{
    checkLabel(def);
    label.restored++;
    label.path = !!path;
    label.base = !!base;

    /* must not be taken for the reason why the dump failed */
    virReportError(VIR_ERR_INTERNAL_ERROR, "no way back");
    return -1;
}


/* --- a domain --- */

/* It is locked */
static virDomainObj *
newDomain(void)
{
    const char *xml =
        "<domain type='qemu' id='7'>"
        "  <name>web1</name>"
        "  <uuid>3f2e0000-0000-4000-8000-000000000001</uuid>"
        "  <memory>65536</memory>"
        "  <os><type arch='x86_64' machine='pc'>hvm</type></os>"
        "  <seclabel type='dynamic' model='apparmor' relabel='yes'>"
        "    <label>libvirt-1</label>"
        "    <imagelabel>libvirt-1</imagelabel>"
        "  </seclabel>"
        "</domain>";
    g_autoptr(virDomainObj) vm = virDomainObjNew(driver.xmlopt);
    qemuDomainObjPrivate *priv;

    if (!vm)
        return NULL;

    priv = vm->privateData;
    priv->qemuCaps = virQEMUCapsNew();

    if (!(vm->def = virDomainDefParseString(xml, driver.xmlopt, priv->qemuCaps,
                                            VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE)))
        return NULL;

    return g_steal_pointer(&vm);
}


/* The event of a QEMU which ends its dump */
struct end {
    virDomainObj *vm;
    int status;
    const char *error;
    bool late; /* there is no dump any more */
};

static void
endDump(void *opaque)
{
    struct end *end = opaque;
    virDomainObj *vm = end->vm;
    bool done = false;

    while (!done) {
        g_usleep(1000);
        virObjectLock(vm);

        if (end->late) {
            done = true;
        } else if (vm->job->current) {
            qemuDomainJobDataPrivate *current = vm->job->current->privateData;
            qemuDomainJobPrivate *jobPriv = vm->job->privateData;

            if (current->statsType == QEMU_DOMAIN_JOB_STATS_TYPE_MEMDUMP) {
                jobPriv->dumpCompleted = true;
                current->stats.dump.status = end->status;
                vm->job->error = g_strdup(end->error);
                virDomainObjBroadcast(vm);
                done = true;
            }
        }

        virObjectUnlock(vm);
    }
}


enum {
    DUMP_COMPLETES = 0,
    DUMP_FAILS, /* after it began */
    DUMP_REFUSED, /* QEMU does not begin */
    DUMP_NO_LABEL,
    DUMP_NO_TARGET,
};

struct dump {
    int how;
    const char *message; /* QEMU's */
    int code; /* expected */
    bool old; /* QEMU's abilities are not in the state of the domain */
    bool some; /* not all of them */
};


/* What query-qmp-schema replies, with the mode: a released QEMU has no such */
# define SCHEMA \
    "{ \"return\": [" \
    "  { \"name\": \"dump-guest-memory\", \"ret-type\": \"0\"," \
    "    \"meta-type\": \"command\", \"arg-type\": \"1\" }," \
    "  { \"name\": \"0\", \"members\": [], \"meta-type\": \"object\" }," \
    "  { \"name\": \"1\", \"meta-type\": \"object\", \"members\": [" \
    "    { \"name\": \"mode\", \"default\": null, \"type\": \"2\" }," \
    "    { \"name\": \"threads\", \"default\": null, \"type\": \"int\" } ] }," \
    "  { \"name\": \"2\", \"meta-type\": \"enum\", \"members\": [" \
    "    { \"name\": \"stop\" }, { \"name\": \"mirror\" } ]," \
    "    \"values\": [ \"stop\", \"mirror\" ] }," \
    "  { \"name\": \"blockdev-set-active\", \"ret-type\": \"0\"," \
    "    \"meta-type\": \"command\", \"arg-type\": \"0\" }," \
    "  { \"name\": \"int\", \"json-type\": \"int\", \"meta-type\": \"builtin\" }" \
    "  ] }"

static int
testDumpIn(const struct dump *dump,
           const char *dir)
{
    g_autoptr(qemuMonitorTest) test = NULL;
    g_autoptr(virDomainObj) vm = newDomain();
    g_autofree char *path = g_strdup_printf("%s/web1.core", dir);
    g_autofree char *refusal = g_strdup_printf("{ \"error\": { \"class\": \"GenericError\","
                                               "  \"desc\": \"%s\" } }",
                                               NULLSTR_EMPTY(dump->message));
    qemuThunderParams params = {
        .path = dump->how == DUMP_NO_TARGET ? dir : path,
    };
    struct end end = {
        .vm = vm,
        .status = dump->how == DUMP_COMPLETES ? QEMU_MONITOR_DUMP_STATUS_COMPLETED :
                  QEMU_MONITOR_DUMP_STATUS_FAILED,
        .error = dump->message,
    };
    qemuDomainObjPrivate *priv;
    qemuDomainJobPrivate *jobPriv;
    bool began = dump->how <= DUMP_REFUSED;
    bool has_uffd = access("/dev/userfaultfd", R_OK | W_OK) == 0;
    unsigned int mask;
    virThread thread;
    int rc = -1;
    int left = 0;
    int ret = -1;
    struct dirent *entry;
    DIR *dh = NULL;

    if (!vm)
        return -1;

    memset(&label, 0, sizeof(label));
    label.vm = vm;
    label.fails = dump->how == DUMP_NO_LABEL;

    priv = vm->privateData;
    jobPriv = vm->job->privateData;
    if (!dump->old || dump->some)
        virQEMUCapsSet(priv->qemuCaps, QEMU_CAPS_DUMP_MIRROR);
    if (dump->old)
        params.mirror.threads = 2;

    if (!(test = qemuMonitorTestNew(driver.xmlopt, vm, NULL, NULL)))
        goto cleanup;

    priv->mon = qemuMonitorTestGetMonitor(test);
    priv->driver = &driver;
    /* QEMU has its own if the host lets us have none */
    if (dump->old && qemuMonitorTestAddItem(test, "query-qmp-schema", SCHEMA) < 0)
        goto cleanup;
    if (began &&
        (qemuMonitorTestAddItem(test, "getfd", "{ \"return\": {} }") < 0 ||
         (has_uffd &&
          qemuMonitorTestAddItem(test, "getfd", "{ \"return\": {} }") < 0) ||
         qemuMonitorTestAddItem(test, "dump-guest-memory",
                                dump->how == DUMP_REFUSED ? refusal :
                                "{ \"return\": {} }") < 0))
        goto cleanup;
    if (dump->how == DUMP_REFUSED &&
        (qemuMonitorTestAddItem(test, "closefd", "{ \"return\": {} }") < 0 ||
         (has_uffd &&
          qemuMonitorTestAddItem(test, "closefd", "{ \"return\": {} }") < 0)))
        goto cleanup;

    /* whoever uses the monitor locks it; the domain is new, and locked */
    virObjectUnlock(priv->mon);

    if (virDomainObjBeginAsyncJob(vm, VIR_ASYNC_JOB_DUMP,
                                  VIR_DOMAIN_JOB_OPERATION_DUMP,
                                  VIR_DUMP_THUNDER) < 0)
        goto relock;

    if (began && dump->how != DUMP_REFUSED &&
        virThreadCreate(&thread, true, endDump, &end) < 0)
        goto endjob;

    rc = qemuThunderDump(&driver, vm, &params);
    mask = vm->job->mask;
    end.late = true;

    if (began && dump->how != DUMP_REFUSED) {
        virObjectUnlock(vm);
        virThreadJoin(&thread);
        virObjectLock(vm);
    }

    if ((rc == 0) != (dump->how == DUMP_COMPLETES) ||
        (rc < 0 && virGetLastErrorCode() != dump->code)) {
        VIR_TEST_DEBUG("%d: %d '%s'", rc, virGetLastErrorCode(), virGetLastErrorMessage());
        goto endjob;
    }

    if (label.set != label.restored || label.set != (dump->how != DUMP_NO_TARGET) ||
        label.wrong || label.path != (rc == 0)) {
        VIR_TEST_DEBUG("%d labels set, %d taken back%s", label.set, label.restored,
                       label.wrong ? ", wrong" : "");
        goto endjob;
    }

    /* whoever asked before the dump was under way waits for this to change */
    if ((mask & (JOB_MASK(VIR_JOB_SUSPEND) | JOB_MASK(VIR_JOB_MODIFY))) !=
        (JOB_MASK(VIR_JOB_SUSPEND) | JOB_MASK(VIR_JOB_MODIFY))) {
        VIR_TEST_DEBUG("mask 0x%x", mask);
        goto endjob;
    }

    if (jobPriv->thunderTmp || jobPriv->thunderPath || jobPriv->thunderBasePath)
        goto endjob;

    if (dump->old &&
        (!virQEMUCapsGet(priv->qemuCaps, QEMU_CAPS_DUMP_MIRROR) ||
         !virQEMUCapsGet(priv->qemuCaps, QEMU_CAPS_DUMP_THREADS) ||
         virQEMUCapsGet(priv->qemuCaps, QEMU_CAPS_DUMP_TRACK) ||
         virQEMUCapsGet(priv->qemuCaps, QEMU_CAPS_BLOCKDEV_SET_ACTIVE))) {
        VIR_TEST_DEBUG("QEMU's abilities are not what it says");
        goto endjob;
    }

    if (virDirOpen(&dh, dir) < 0)
        goto endjob;
    while (virDirRead(dh, &entry, NULL) > 0)
        left++;
    if (left != (rc == 0)) {
        VIR_TEST_DEBUG("%d files", left);
        goto endjob;
    }

    ret = 0;

 endjob:
    virDomainObjEndAsyncJob(vm);
 relock:
    virObjectLock(priv->mon);
 cleanup:
    if (dh)
        closedir(dh);
    priv->mon = NULL;
    virObjectUnlock(vm);
    virResetLastError();
    return ret;
}


static int
testDump(const void *opaque)
{
    g_autofree char *dir = g_dir_make_tmp("qemuthunderdumptest-XXXXXX", NULL);
    int ret;

    if (!dir)
        return -1;

    ret = testDumpIn(opaque, dir);
    virFileDeleteTree(dir);

    return ret;
}


/* A daemon does not know what another one's flags are: a domain with one in its
 * state would be lost to it. */
static int
testStatus(const void *opaque G_GNUC_UNUSED)
{
    /* upstream's last one, and what may be there of others */
    int last = virQEMUCapsTypeFromString("virtio-scsi.iothread-mapping");
    g_autoptr(virDomainObj) vm = newDomain();
    qemuDomainObjPrivate *priv;
    g_autofree char *xml = NULL;
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autofree xmlNodePtr *nodes = NULL;
    size_t i;
    int n;

    if (!vm || last < 0)
        return -1;

    priv = vm->privateData;
    for (i = 0; i < QEMU_CAPS_LAST; i++)
        virQEMUCapsSet(priv->qemuCaps, i);

    if (!(xml = virDomainObjFormat(vm, driver.xmlopt, VIR_DOMAIN_DEF_FORMAT_STATUS)) ||
        !(doc = virXMLParseStringCtxt(xml, "status", &ctxt)) ||
        (n = virXPathNodeSet("./qemuCaps/flag", ctxt, &nodes)) < 0)
        return -1;

    if (n != last + 1) {
        VIR_TEST_DEBUG("%d flags instead of %d", n, last + 1);
        return -1;
    }

    for (i = 0; i < n; i++) {
        g_autofree char *name = virXMLPropString(nodes[i], "name");

        if (virQEMUCapsTypeFromString(name) > last) {
            VIR_TEST_DEBUG("'%s' is not upstream's", name);
            return -1;
        }
    }

    return 0;
}


/* Whatever a base builds on is not looked at before it is known to be one */
static int
testBaseChain(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *dir = g_dir_make_tmp("qemuthunderdumptest-XXXXXX", NULL);
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(&driver);
    g_autofree char *fifo = g_strdup_printf("%s/fifo", dir);
    g_autofree char *base = g_strdup_printf("%s/base", dir);
    g_autofree char *path = g_strdup_printf("%s/web1.core", dir);
    /* version 2, the name of the backing file, which is raw, at 512 */
    unsigned char image[1024] = {
        'Q', 'F', 'I', 0xfb, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0,
        strlen(fifo), 0, 0, 0, 16, 0, 0, 0, 0, 0, 1, 0, 0,
        [72] = 0xe2, 0x79, 0x2a, 0xca, 0, 0, 0, 3, 'r', 'a', 'w',
    };
    VIR_AUTOCLOSE fd = -1;
    VIR_AUTOCLOSE basefd = -1;
    int ret = -1;

    memcpy(image + 512, fifo, strlen(fifo));

    if ((fd = open(base, O_WRONLY | O_CREAT | O_EXCL, 0600)) < 0 ||
        safewrite(fd, image, sizeof(image)) != sizeof(image) ||
        mkfifo(fifo, 0600) < 0)
        goto cleanup;

    /* whoever opens it for reading waits for a writer: for ever */
    alarm(10);
    basefd = qemuThunderFileOpenBase(cfg, base, path);
    alarm(0);

    ret = basefd < 0 ? -1 : 0;

 cleanup:
    virFileDeleteTree(dir);
    return ret;
}


static int
mymain(void)
{
    const struct {
        const char *name;
        struct dump dump;
    } dumps[] = {
        { "completes", { DUMP_COMPLETES, NULL, 0, false, false } },
        { "QEMU is asked what it can do", { DUMP_COMPLETES, NULL, 0, true, false } },
        { "QEMU is asked what else it can do", { DUMP_COMPLETES, NULL, 0, true, true } },
        { "fails", { DUMP_FAILS, "No space left on device", VIR_ERR_OPERATION_FAILED, false, false } },
        { "cannot be", { DUMP_FAILS,
                         "mode=mirror: memory 'pc.ram' can't be write-protected",
                         VIR_ERR_OPERATION_UNSUPPORTED, false, false } },
        { "device", { DUMP_REFUSED,
                      "mode=mirror is not possible with a 'vfio-pci' device: the device writes",
                      VIR_ERR_OPERATION_UNSUPPORTED, false, false } },
        { "confidential", { DUMP_REFUSED,
                            "mode=mirror is not possible with a confidential guest",
                            VIR_ERR_OPERATION_UNSUPPORTED, false, false } },
        { "format", { DUMP_REFUSED,
                      "mode=mirror doesn't support format 'win-dmp', use another or mode=stop",
                      VIR_ERR_OPERATION_UNSUPPORTED, false, false } },
        { "pages", { DUMP_REFUSED,
                     "mode=mirror with format 'kdump-zlib' needs a guest with pages of 4096 bytes",
                     VIR_ERR_OPERATION_UNSUPPORTED, false, false } },
        { "huge pages", { DUMP_REFUSED,
                          "mode=mirror: memory 'pc.ram' has pages of 1073741824 bytes",
                          VIR_ERR_OPERATION_UNSUPPORTED, false, false } },
        { "kernel", { DUMP_REFUSED,
                      "mode=mirror: this kernel's userfaultfd can't write-protect memory",
                      VIR_ERR_OPERATION_UNSUPPORTED, false, false } },
        { "migration", { DUMP_REFUSED,
                         "mode=mirror is not possible while a migration runs",
                         VIR_ERR_OPERATION_FAILED, false, false } },
        { "memory", { DUMP_REFUSED,
                      "mode=mirror has to separate 7 pages that KSM has merged",
                      VIR_ERR_OPERATION_FAILED, false, false } },
        { "descriptors", { DUMP_REFUSED,
                           "mode=mirror cannot open userfaultfd: Too many open files",
                           VIR_ERR_OPERATION_FAILED, false, false } },
        { "second", { DUMP_REFUSED, "there is a dump in process",
                      VIR_ERR_OPERATION_FAILED, false, false } },
        { "no label", { DUMP_NO_LABEL, NULL, VIR_ERR_INTERNAL_ERROR, false, false } },
        { "no target", { DUMP_NO_TARGET, NULL, VIR_ERR_SYSTEM_ERROR, false, false } },
    };
    int ret = 0;
    size_t i;

    virEventRegisterDefaultImpl();

    if (qemuTestDriverInit(&driver) < 0)
        return EXIT_FAILURE;

    for (i = 0; i < G_N_ELEMENTS(dumps); i++) {
        g_autofree char *name = g_strdup_printf("dump: %s", dumps[i].name);

        if (virTestRun(name, testDump, &dumps[i].dump) < 0)
            ret = -1;
    }
    if (virTestRun("status XML", testStatus, NULL) < 0)
        ret = -1;
    if (virTestRun("chain of a base", testBaseChain, NULL) < 0)
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
