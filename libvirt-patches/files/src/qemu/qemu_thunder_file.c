/*
 * qemu_thunder_file.c: files of memory dumps which do not stop the guest
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A dump is written under a name of its own and gets the one the user asked for
 * when it is whole. Nothing here knows about domains.
 */

#include <config.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qemu_thunder_file.h"
#include "qemu_domain.h"
#include "storage_source.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virprocess.h"
#include "virrandom.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("qemu.qemu_thunder_file");

/* ".NAME.thunder-TOKEN.part" */
#define QEMU_THUNDER_FILE_MARK ".thunder-"
#define QEMU_THUNDER_FILE_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789"
#define QEMU_THUNDER_FILE_TOKEN 6
#define QEMU_THUNDER_FILE_SUFFIX ".part"

/* As for disks of a domain */
#define QEMU_THUNDER_FILE_CHAIN_MAX 200

/* What a path may have in XML beside letters, digits and -._~ */
#define QEMU_THUNDER_FILE_PLAIN " !\"#$&'()*+,/:;<=>?@[\\]^`{|}"

/* Leftovers are older than that. A file is locked right after it was created,
 * and must not be taken for one in between. */
#define QEMU_THUNDER_FILE_STALE_SECONDS 60


/**
 * qemuThunderFileMtime:
 * @sb: what stat(2) said
 *
 * Returns when the file was modified, in nanoseconds since the epoch.
 */
unsigned long long
qemuThunderFileMtime(const struct stat *sb)
{
#ifdef __APPLE__
    const struct timespec *ts = &sb->st_mtimespec;
#else
    const struct timespec *ts = &sb->st_mtim;
#endif

    return ts->tv_sec * 1000000000ULL + ts->tv_nsec;
}


/**
 * qemuThunderFileFormatPath:
 * @buf: where XML is written to
 * @attr: name of an attribute
 * @path: any path
 *
 * Not all paths are text, and a domain whose status XML is not well-formed is
 * lost when the daemon starts the next time. So all but printable ASCII is
 * escaped as in an URI.
 */
void
qemuThunderFileFormatPath(virBuffer *buf,
                          const char *attr,
                          const char *path)
{
    g_autofree char *escaped = g_uri_escape_string(path, QEMU_THUNDER_FILE_PLAIN, false);

    virBufferAsprintf(buf, " %s=", attr);
    virBufferEscapeString(buf, "'%s'", escaped);
}


/**
 * qemuThunderFileParsePath:
 * @ctxt: context
 * @xpath: expression for the attribute
 *
 * Returns what qemuThunderFileFormatPath wrote, NULL if there is no such
 * attribute or something else wrote it.
 */
char *
qemuThunderFileParsePath(xmlXPathContextPtr ctxt,
                         const char *xpath)
{
    g_autofree char *escaped = virXPathString(xpath, ctxt);

    return escaped ? g_uri_unescape_string(escaped, NULL) : NULL;
}


static char *
qemuThunderFileTmpPrefix(const char *path)
{
    g_autofree char *name = g_path_get_basename(path);

    /* 255 bytes is what file systems allow for a name */
    return g_strdup_printf(".%.*s%s",
                           (int) (255 - strlen(".") - strlen(QEMU_THUNDER_FILE_MARK) -
                                  QEMU_THUNDER_FILE_TOKEN -
                                  strlen(QEMU_THUNDER_FILE_SUFFIX)),
                           name, QEMU_THUNDER_FILE_MARK);
}


/**
 * qemuThunderFileTmpPath:
 * @path: path of the dump
 *
 * Returns a new name for the file which becomes @path once it is whole. It is
 * in the same directory as rename(2) must not cross file systems, and hidden so
 * that whoever collects dumps there does not pick it up.
 */
char *
qemuThunderFileTmpPath(const char *path)
{
    const char letters[] = QEMU_THUNDER_FILE_LETTERS;
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *prefix = qemuThunderFileTmpPrefix(path);
    char token[QEMU_THUNDER_FILE_TOKEN + 1] = { 0 };
    size_t i;

    for (i = 0; i < QEMU_THUNDER_FILE_TOKEN; i++)
        token[i] = letters[virRandomInt(sizeof(letters) - 1)];

    return g_strdup_printf("%s/%s%s%s", dir, prefix, token,
                           QEMU_THUNDER_FILE_SUFFIX);
}


static bool
qemuThunderFileIsTmp(const char *name,
                     const char *prefix)
{
    const char *token = STRSKIP(name, prefix);

    return token &&
        strspn(token, QEMU_THUNDER_FILE_LETTERS) == QEMU_THUNDER_FILE_TOKEN &&
        STREQ(token + QEMU_THUNDER_FILE_TOKEN, QEMU_THUNDER_FILE_SUFFIX);
}


/**
 * qemuThunderFileCheckTarget:
 * @path: path of the dump
 *
 * The file will be replaced, and that must not happen to a device node.
 *
 * Returns 0 if it can be, -1 with error reported otherwise.
 */
int
qemuThunderFileCheckTarget(const char *path)
{
    struct stat sb;

    /* if it cannot be looked at then creating the file beside it tells more */
    if (stat(path, &sb) < 0 || S_ISREG(sb.st_mode))
        return 0;

    if (S_ISDIR(sb.st_mode)) {
        virReportSystemError(EISDIR, _("cannot dump to '%1$s'"), path);
    } else {
        /* VIR_ERR_INVALID_ARG would look like an unknown flag */
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("cannot dump to '%1$s' without stopping the guest: it is not a regular file"),
                       path);
    }

    return -1;
}


typedef struct _qemuThunderFileRenameData qemuThunderFileRenameData;
struct _qemuThunderFileRenameData {
    const char *from;
    const char *to;
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    int ngroups;
};

static int
qemuThunderFileRenameHelper(pid_t ppid G_GNUC_UNUSED,
                            void *opaque)
{
    qemuThunderFileRenameData *data = opaque;

    if (virSetUIDGID(data->uid, data->gid, data->groups, data->ngroups) < 0)
        return errno;

    if (rename(data->from, data->to) < 0)
        return errno;

    return 0;
}


/* Where root is nobody (NFS), the file belongs to the user QEMU runs as, and
 * only that one may rename it: see virQEMUFileOpenAs. */
static int
qemuThunderFileRename(virQEMUDriverConfig *cfg,
                      const char *from,
                      const char *to)
{
    g_autofree gid_t *groups = NULL;
    qemuThunderFileRenameData data = {
        .from = from, .to = to, .uid = cfg->user, .gid = cfg->group,
    };
    int rc = 0;

    if (rename(from, to) < 0)
        rc = errno;

    if ((rc == EACCES || rc == EPERM) &&
        geteuid() == 0 && cfg->user != 0 &&
        virFileIsSharedFS(from, NULL) == 1) {
        if ((data.ngroups = virGetGroupList(cfg->user, cfg->group, &groups)) < 0)
            return -1;

        data.groups = groups;

        if ((rc = virProcessRunInFork(qemuThunderFileRenameHelper, &data)) < 0)
            return -1;
    }

    if (rc != 0) {
        virReportSystemError(rc, _("cannot rename '%1$s' to '%2$s'"), from, to);
        return -1;
    }

    return 0;
}


/**
 * qemuThunderFileRemove:
 * @cfg: driver config
 * @path: path of a file, which may be missing
 *
 * Removes a dump which did not get whole.
 */
void
qemuThunderFileRemove(virQEMUDriverConfig *cfg,
                      const char *path)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return;

    if (virFileRemove(path, cfg->user, cfg->group) != 0)
        VIR_WARN("cannot remove unfinished dump '%s'", path);
}


/**
 * qemuThunderFileOpen:
 * @cfg: driver config
 * @path: path of the dump, for messages
 * @tmp: name it has until it is whole, from qemuThunderFileTmpPath
 *
 * Returns the new file, -1 with error reported otherwise.
 */
int
qemuThunderFileOpen(virQEMUDriverConfig *cfg,
                    const char *path,
                    const char *tmp)
{
    int fd;

    /* O_RDWR as QEMU may read back what it has to put into a header */
    if ((fd = virQEMUFileOpenAs(cfg->user, cfg->group, false, tmp,
                                O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC,
                                NULL)) < 0) {
        /* the temporary name means nothing to the user */
        virReportSystemError(-fd,
                             _("cannot create a temporary file beside '%1$s'"),
                             path);
        return -1;
    }

    /* memory of a guest is nobody's business, whatever a file system which
     * needed a change of user made of the mode */
    ignore_value(fchmod(fd, S_IRUSR | S_IWUSR));

    /* QEMU gets this very file description, so the lock is there as long as one
     * of us uses the file: see qemuThunderFileRemoveStale. */
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        VIR_DEBUG("cannot lock '%s': %s", tmp, g_strerror(errno));

    return fd;
}


static void
qemuThunderFileRemoveIfStale(virQEMUDriverConfig *cfg,
                             const char *path)
{
    VIR_AUTOCLOSE fd = -1;
    struct stat sb;

    /* writable, or NFS would not let us lock it */
    if ((fd = virFileOpenAs(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                            0, cfg->user, cfg->group, 0)) < 0 ||
        fstat(fd, &sb) < 0 || !S_ISREG(sb.st_mode) ||
        sb.st_mtime + QEMU_THUNDER_FILE_STALE_SECONDS > time(NULL))
        return;

    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        VIR_DEBUG("'%s' is in use: %s", path, g_strerror(errno));
        return;
    }

    VIR_INFO("removing '%s', left behind by an interrupted dump", path);
    qemuThunderFileRemove(cfg, path);
}


/**
 * qemuThunderFileRemoveStale:
 * @cfg: driver config
 * @path: path of a dump which is about to be taken
 *
 * Removes what earlier dumps to @path left behind when the host crashed, or when
 * the domain ended while no daemon ran. Nothing else would, as the domain and
 * what was known about its dump are gone. A file is left alone if it is in use,
 * by whatever domain, daemon or host, or if that cannot be told. Do not call it
 * with the lock on a domain.
 */
void
qemuThunderFileRemoveStale(virQEMUDriverConfig *cfg,
                           const char *path)
{
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *prefix = qemuThunderFileTmpPrefix(path);
    g_autoptr(DIR) dh = NULL;
    struct dirent *entry;

    /* if the directory is not accessible creating the dump tells more */
    if (virDirOpenQuiet(&dh, dir) < 0)
        return;

    while (virDirRead(dh, &entry, NULL) > 0) {
        g_autofree char *tmp = NULL;

        if (!qemuThunderFileIsTmp(entry->d_name, prefix))
            continue;

        tmp = g_strdup_printf("%s/%s", dir, entry->d_name);
        qemuThunderFileRemoveIfStale(cfg, tmp);
    }
}


/**
 * qemuThunderFileOpenWhole:
 * @cfg: driver config
 * @tmp: name of a file which QEMU says it completed
 *
 * Returns the file if it is one indeed, else -1; no error is reported.
 */
int
qemuThunderFileOpenWhole(virQEMUDriverConfig *cfg,
                         const char *tmp)
{
    VIR_AUTOCLOSE fd = -1;
    const char zeroes[4] = { 0 };
    char magic[sizeof(zeroes)];
    struct stat sb;
    int ret;

    /* QEMU writes the header last */
    if ((fd = virFileOpenAs(tmp, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                            0, cfg->user, cfg->group, 0)) < 0 ||
        fstat(fd, &sb) < 0 || !S_ISREG(sb.st_mode) ||
        pread(fd, magic, sizeof(magic), 0) != sizeof(magic) ||
        memcmp(magic, zeroes, sizeof(magic)) == 0)
        return -1;

    ret = fd;
    fd = -1;
    return ret;
}


static bool
qemuThunderFileIsOverlay(int fd)
{
    const char qcow2[4] = { 'Q', 'F', 'I', '\xfb' };
    char magic[sizeof(qcow2)];

    return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) &&
        memcmp(magic, qcow2, sizeof(magic)) == 0;
}


/**
 * qemuThunderFileCheckChain:
 * @cfg: driver config
 * @base: path of the dump to build on
 * @fd: the dump
 * @path: path of the new dump
 * @reason: where to store why it is no base, or NULL
 *
 * An overlay shows what the files show which it builds on. None of them may be
 * replaced by what builds on it, and all of them are older than it is. They are
 * opened by their names, which may take its time: do not call it with the lock on
 * a domain, or for a file of unknown origin.
 *
 * Returns 0 on success, -1 with error reported otherwise.
 */
int
qemuThunderFileCheckChain(virQEMUDriverConfig *cfg,
                          const char *base,
                          int fd,
                          const char *path,
                          char **reason)
{
    g_autoptr(virStorageSource) src = virStorageSourceNew();
    virStorageSource *n;
    struct stat target;
    struct stat sb;
    bool exists = stat(path, &target) == 0;

    if (!qemuThunderFileIsOverlay(fd))
        return 0;

    if (fstat(fd, &sb) < 0) {
        virReportSystemError(errno, _("cannot stat '%1$s'"), base);
        return -1;
    }

    src->type = VIR_STORAGE_TYPE_FILE;
    src->format = VIR_STORAGE_FILE_QCOW2;
    src->path = g_strdup(base);

    if (virStorageSourceGetMetadata(src, cfg->user, cfg->group,
                                    QEMU_THUNDER_FILE_CHAIN_MAX, false) < 0)
        return -1;

    for (n = src; virStorageSourceIsBacking(n); n = n->backingStore) {
        struct stat below;

        if ((n->backingStoreRaw && !n->backingStore) ||
            !virStorageSourceIsLocalStorage(n) || stat(n->path, &below) < 0) {
            *reason = g_strdup_printf(_("a file which '%1$s' builds on is missing"),
                                      base);
            return 0;
        }

        if (exists &&
            target.st_dev == below.st_dev && target.st_ino == below.st_ino) {
            virReportError(VIR_ERR_OPERATION_FAILED,
                           _("cannot dump to '%1$s' as '%2$s' builds on it, which the dump is to build on"),
                           path, base);
            return -1;
        }

        if (qemuThunderFileMtime(&below) > qemuThunderFileMtime(&sb) && !*reason)
            *reason = g_strdup_printf(_("'%1$s', which '%2$s' builds on, was modified after it"),
                                      n->path, base);
    }

    return 0;
}


/**
 * qemuThunderFileOpenBase:
 * @cfg: driver config
 * @base: path of the dump to build on
 * @path: path of the dump
 *
 * Returns @base open for reading, -1 with error reported otherwise.
 */
int
qemuThunderFileOpenBase(virQEMUDriverConfig *cfg,
                        const char *base,
                        const char *path)
{
    VIR_AUTOCLOSE fd = -1;
    struct stat sb;
    struct stat target;
    int ret;

    /* as the output, but neither owner nor mode are ours to change; and
     * whatever it is, it must not keep us waiting */
    if ((fd = virFileOpenAs(base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                            0, cfg->user, cfg->group, 0)) < 0 ||
        fstat(fd, &sb) < 0) {
        virReportSystemError(fd < 0 ? -fd : errno,
                             _("cannot open '%1$s' to build on it"), base);
        return -1;
    }

    if (STREQ(base, path) ||
        (stat(path, &target) == 0 &&
         sb.st_dev == target.st_dev && sb.st_ino == target.st_ino)) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("cannot dump to '%1$s' and build on it"), path);
        return -1;
    }

    ret = fd;
    fd = -1;
    return ret;
}


/**
 * qemuThunderFileFinish:
 * @cfg: driver config
 * @fd: the file, written
 * @tmp: name of the file
 * @path: path of the dump
 *
 * Gives the whole file its name. Do not call it with the lock on a domain, as
 * all of this may take its time.
 *
 * Returns 0 on success, -1 with error reported otherwise.
 */
int
qemuThunderFileFinish(virQEMUDriverConfig *cfg,
                      int fd,
                      const char *tmp,
                      const char *path)
{
    g_autofree char *dir = g_path_get_dirname(path);
    VIR_AUTOCLOSE dirfd = -1;

    if (g_fsync(fd) < 0) {
        virReportSystemError(errno, _("cannot sync dump to '%1$s'"), path);
        return -1;
    }

    if (qemuThunderFileRename(cfg, tmp, path) < 0)
        return -1;

    /* The file is whole and in place, at worst a crash of the host undoes
     * the rename. */
    if ((dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
        g_fsync(dirfd) < 0)
        VIR_WARN("cannot sync directory of dump '%s': %s",
                 path, g_strerror(errno));

    return 0;
}
