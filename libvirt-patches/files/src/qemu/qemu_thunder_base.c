/*
 * qemu_thunder_base.c: the dump which the next one can build on
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * QEMU knows what the guest changed since the last dump with tracking, but not
 * where that dump is by now and whether it is still what was written. This
 * remembers the file, in the status XML as well, and tells whether another one
 * is it. QEMU has the last word on the generation.
 */

#include <config.h>

#include <sys/stat.h>

#include "qemu_thunder_base.h"
#include "qemu_thunder_file.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("qemu.qemu_thunder_base");


/**
 * qemuThunderBaseNew:
 * @generation: what QEMU calls the state of memory the dump shows
 * @path: path of the dump
 * @fd: the dump, complete
 *
 * Returns what identifies the dump, or NULL if that cannot be told; no error
 * is reported, as the next dump will just be a full one.
 */
qemuThunderBase *
qemuThunderBaseNew(const char *generation,
                   const char *path,
                   int fd)
{
    qemuThunderBase *base;
    struct stat sb;

    if (fstat(fd, &sb) < 0) {
        VIR_WARN("cannot stat dump '%s', the next one cannot build on it: %s",
                 path, g_strerror(errno));
        return NULL;
    }

    base = g_new0(qemuThunderBase, 1);
    base->generation = g_strdup(generation);
    base->path = g_strdup(path);
    base->dev = sb.st_dev;
    base->ino = sb.st_ino;
    base->size = sb.st_size;
    base->mtime = qemuThunderFileMtime(&sb);

    return base;
}


void
qemuThunderBaseFree(qemuThunderBase *base)
{
    if (!base)
        return;

    g_free(base->generation);
    g_free(base->path);
    g_free(base);
}


/**
 * qemuThunderBaseCheck:
 * @base: what is known about the latest dump with tracking, or NULL
 * @path: path of a file
 * @fd: the file
 *
 * Returns NULL if the file is @base as it was written, else a text for the user
 * which says why a dump cannot build on it.
 */
char *
qemuThunderBaseCheck(const qemuThunderBase *base,
                     const char *path,
                     int fd)
{
    struct stat sb;

    if (!base)
        return g_strdup(_("changes of the domain's memory are not tracked"));

    if (fstat(fd, &sb) < 0)
        return g_strdup_printf(_("cannot stat '%1$s': %2$s"),
                               path, g_strerror(errno));

    if (!S_ISREG(sb.st_mode) ||
        sb.st_dev != base->dev || sb.st_ino != base->ino)
        return g_strdup_printf(_("'%1$s' is not the latest dump with tracking, which is '%2$s'"),
                               path, base->path);

    if (sb.st_size != base->size || qemuThunderFileMtime(&sb) != base->mtime)
        return g_strdup_printf(_("'%1$s' was modified after it was dumped"), path);

    return NULL;
}


/**
 * qemuThunderBaseName:
 * @path: absolute path of the dump to build on
 * @target: absolute path of the dump which builds on it
 *
 * Returns the name by which an image at @target refers to @path. Both can be
 * moved together if they are in the same directory.
 */
char *
qemuThunderBaseName(const char *path,
                    const char *target)
{
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *targetDir = g_path_get_dirname(target);
    g_autofree char *name = g_path_get_basename(path);

    if (STRNEQ(dir, targetDir))
        return g_strdup(path);

    /* QEMU would take what is before a colon for a protocol */
    if (strchr(name, ':'))
        return g_strdup_printf("./%s", name);

    return g_steal_pointer(&name);
}


void
qemuThunderBaseFormat(virBuffer *buf,
                      const qemuThunderBase *base)
{
    if (!base)
        return;

    virBufferEscapeString(buf, "<thunderBase generation='%s'", base->generation);
    qemuThunderFileFormatPath(buf, "path", base->path);
    virBufferAsprintf(buf, " dev='%llu' ino='%llu' size='%llu' mtime='%llu'/>\n",
                      base->dev, base->ino, base->size, base->mtime);
}


/**
 * qemuThunderBaseParse:
 * @ctxt: context whose node is the one of a domain's private data
 *
 * Returns what qemuThunderBaseFormat wrote, or NULL. A malformed one is none: it
 * is not worth a domain.
 */
qemuThunderBase *
qemuThunderBaseParse(xmlXPathContextPtr ctxt)
{
    g_autoptr(qemuThunderBase) base = g_new0(qemuThunderBase, 1);

    if (virXPathBoolean("boolean(./thunderBase)", ctxt) != 1)
        return NULL;

    base->generation = virXPathString("string(./thunderBase/@generation)", ctxt);
    base->path = qemuThunderFileParsePath(ctxt, "string(./thunderBase/@path)");

    if (!base->generation || !base->path ||
        virXPathULongLong("string(./thunderBase/@dev)", ctxt, &base->dev) < 0 ||
        virXPathULongLong("string(./thunderBase/@ino)", ctxt, &base->ino) < 0 ||
        virXPathULongLong("string(./thunderBase/@size)", ctxt, &base->size) < 0 ||
        virXPathULongLong("string(./thunderBase/@mtime)", ctxt, &base->mtime) < 0) {
        VIR_WARN("ignoring malformed base of the next dump");
        return NULL;
    }

    return g_steal_pointer(&base);
}
