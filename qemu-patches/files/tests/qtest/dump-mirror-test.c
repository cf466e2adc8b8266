/*
 * dump-guest-memory with mode=mirror
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qemu/bswap.h"
#include "qemu/cutils.h"
#include "qemu/units.h"
#include "elf.h"
#include <zlib.h>

#define PATTERN 0x7468756e64657221ULL
#define PATTERN_AT (16 * 1024 * 1024)

static char *out;

static bool have_userfaultfd(void)
{
    int dev = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);

    if (dev < 0) {
        return false;
    }
    close(dev);
    return true;
}

static QTestState *start(void)
{
    return qtest_init("-machine q35 -m 64M -name guest=mirrored "
                      "-uuid 6b1e5a1c-9f1c-4a0e-8d0d-2f5c1b3a7e90");
}

static char *protocol(void)
{
    return g_strconcat("file:", out, NULL);
}

/* dump-guest-memory with mode=mirror and the members of the JSON object @args */
static QDict *dump_command(QTestState *qts, const char *args)
{
    g_autofree char *prot = protocol();
    QDict *arguments = qdict_new();
    const QDictEntry *e;
    QDict *extra = qobject_to(QDict, qobject_from_json(args, &error_abort));

    qdict_put_bool(arguments, "paging", false);
    qdict_put_str(arguments, "protocol", prot);
    qdict_put_str(arguments, "mode", "mirror");
    for (e = qdict_first(extra); e; e = qdict_next(extra, e)) {
        qdict_put_obj(arguments, qdict_entry_key(e),
                      qobject_ref(qdict_entry_value(e)));
    }
    qobject_unref(extra);
    return qtest_qmp(qts, "{'execute': 'dump-guest-memory',"
                     " 'arguments': %p }", arguments);
}

static void assert_refused(QTestState *qts, const char *args, const char *why)
{
    QDict *rsp = dump_command(qts, args), *err;

    err = qdict_get_qdict(rsp, "error");
    g_assert_nonnull(err);
    g_assert_nonnull(strstr(qdict_get_str(err, "desc"), why));
    qobject_unref(rsp);
    /* refused before anything was touched */
    g_assert_cmpint(access(out, F_OK), ==, -1);
}

/* The figures of a dump that succeeds.  The caller unrefs them */
static QDict *dump(QTestState *qts, const char *args)
{
    QDict *rsp = dump_command(qts, args), *event, *data, *mirror;

    g_assert(!qdict_haskey(rsp, "error"));
    qobject_unref(rsp);
    event = qtest_qmp_eventwait_ref(qts, "DUMP_COMPLETED");
    data = qdict_get_qdict(event, "data");
    g_assert(!qdict_haskey(data, "error"));
    mirror = qdict_get_qdict(qdict_get_qdict(data, "result"), "mirror");
    g_assert_nonnull(mirror);
    qobject_ref(mirror);
    qobject_unref(event);
    return mirror;
}

static void test_refusals(void)
{
    QTestState *qts = start();

    assert_refused(qts, "{'paging': true}", "paging");
    assert_refused(qts, "{'format': 'win-dmp'}", "win-dmp");
    assert_refused(qts, "{'detach': false}", "background");
    assert_refused(qts, "{'mirror-limit': 4096}", "mirror-limit");
    assert_refused(qts, "{'threads': 0}", "threads");
    assert_refused(qts, "{'threads': 65}", "threads");
    assert_refused(qts, "{'mode': 'stop', 'bandwidth': 1000}", "mode=mirror");
    assert_refused(qts, "{'format': 'kdump-zlib', 'begin': 0, 'length': 4096}",
                   "filter");
    assert_refused(qts, "{'format': 'kdump-zlib', 'strategy': 'hybrid'}", "elf");
    assert_refused(qts, "{'format': 'kdump-lzo', 'strategy': 'precopy'}", "elf");
    assert_refused(qts, "{'format': 'kdump-zlib', 'track': true}", "elf");
    assert_refused(qts, "{'base': {'generation': 'x', 'fd': 'none'}}", "none");
    assert_refused(qts, "{'note': '[]'}", "object");
    assert_refused(qts, "{'note': '{'}", "JSON");
    assert_refused(qts, "{'uffd': 'none'}", "none");
    assert_refused(qts, "{'mode': 'stop', 'note': '{}'}", "mode=mirror");
    qtest_qmp_assert_success(qts, "{'execute': 'query-dump'}");
    qtest_quit(qts);
}

static void test_cancel_nothing(void)
{
    QTestState *qts = start();
    QDict *rsp = qtest_qmp(qts, "{'execute': 'dump-cancel'}");

    g_assert(qdict_haskey(rsp, "error"));
    qobject_unref(rsp);
    qtest_quit(qts);
}

/* Offset in the file of guest-physical @paddr */
static uint64_t find_memory(const char *image, uint64_t paddr)
{
    const Elf64_Ehdr *eh64 = (const Elf64_Ehdr *)image;
    const Elf32_Ehdr *eh32 = (const Elf32_Ehdr *)image;
    bool is64 = eh64->e_ident[EI_CLASS] == ELFCLASS64;
    int i, n = is64 ? eh64->e_phnum : eh32->e_phnum;

    /* where makedumpfile looks for them */
    g_assert_cmpuint(is64 ? eh64->e_phoff : eh32->e_phoff, ==,
                     is64 ? sizeof(*eh64) : sizeof(*eh32));

    for (i = 0; i < n; i++) {
        Elf64_Phdr ph;

        if (is64) {
            ph = ((const Elf64_Phdr *)(image + eh64->e_phoff))[i];
        } else {
            Elf32_Phdr ph32 = ((const Elf32_Phdr *)(image + eh32->e_phoff))[i];

            ph = (Elf64_Phdr) {
                .p_type = ph32.p_type, .p_offset = ph32.p_offset,
                .p_paddr = ph32.p_paddr, .p_filesz = ph32.p_filesz,
                .p_memsz = ph32.p_memsz,
            };
        }
        if (ph.p_type != PT_LOAD) {
            continue;
        }
        g_assert_cmpuint(ph.p_filesz, ==, ph.p_memsz);
        g_assert_cmpuint(ph.p_offset % 4096, ==, 0);
        if (paddr >= ph.p_paddr && paddr < ph.p_paddr + ph.p_filesz) {
            return ph.p_offset + (paddr - ph.p_paddr);
        }
    }
    g_assert_not_reached();
}

static void check_file(const char *caller)
{
    g_autofree char *image = NULL;
    gsize size;
    size_t memory;
    uint64_t word;

    g_assert(g_file_get_contents(out, &image, &size, NULL));
    g_assert_cmpint(size, >, 64 * 1024 * 1024);
    g_assert(!memcmp(image, ELFMAG, SELFMAG));
    memcpy(&word, image + find_memory(image, PATTERN_AT), sizeof(word));
    g_assert_cmphex(word, ==, PATTERN);

    /* the note is in front of the memory, and names domain and caller */
    memory = find_memory(image, 0);
    g_assert_nonnull(memmem(image, memory, "VTHUNDER", 9));
    g_assert_nonnull(memmem(image, memory, "mirrored", 8));
    g_assert_nonnull(memmem(image, memory, caller, strlen(caller)));
    g_assert_nonnull(memmem(image, memory, "pause-ns", 8));
}

/* The kdump file in a flattened one */
static uint8_t *unflatten(const uint8_t *flat, size_t *size)
{
    uint8_t *plain = NULL;
    size_t plain_size = 0, at = 4096;

    g_assert_cmpuint(ldq_be_p(flat + 16), ==, 1);
    for (;;) {
        uint64_t offset = ldq_be_p(flat + at), n = ldq_be_p(flat + at + 8);

        at += 16;
        if (offset == UINT64_MAX && n == UINT64_MAX) {
            break;
        }
        g_assert_cmpuint(n, <=, *size - at);
        if (offset + n > plain_size) {
            plain = g_realloc(plain, offset + n);
            memset(plain + plain_size, 0, offset + n - plain_size);
            plain_size = offset + n;
        }
        memcpy(plain + offset, flat + at, n);
        at += n;
    }
    g_assert_cmpuint(at, ==, *size);
    *size = plain_size;
    return plain;
}

/* Content of the page at @paddr, from the header of a 64-bit or 32-bit guest */
static void kdump_page(const uint8_t *image, size_t size, uint64_t paddr,
                       uint8_t *page)
{
    bool wide = ldl_le_p(image + 428) == 4096;
    const uint8_t *head = image + (wide ? 424 : 412);
    uint64_t bitmap = 4096 * (1 + (uint64_t)ldl_le_p(head + 8));
    uint64_t blocks = ldl_le_p(head + 12), rank = 0, pfn;
    const uint8_t *desc;
    uLongf n = 4096;

    g_assert_cmpuint(ldl_le_p(head), ==, 1);
    g_assert_cmpuint(ldl_le_p(head + 4), ==, 4096);
    bitmap += blocks / 2 * 4096;
    for (pfn = 0; pfn < paddr / 4096; pfn++) {
        rank += image[bitmap + pfn / 8] >> (pfn % 8) & 1;
    }
    g_assert(image[bitmap + pfn / 8] & (1 << (pfn % 8)));
    desc = image + bitmap + blocks / 2 * 4096 + rank * 24;
    g_assert_cmpuint(ldq_le_p(desc) + ldl_le_p(desc + 8), <=, size);
    if (ldl_le_p(desc + 12)) {
        g_assert_cmpint(uncompress(page, &n, image + ldq_le_p(desc),
                                   ldl_le_p(desc + 8)), ==, Z_OK);
    } else {
        memcpy(page, image + ldq_le_p(desc), 4096);
    }
    g_assert_cmpuint(n, ==, 4096);
}

static void check_kdump(bool flat, const char *caller)
{
    g_autofree char *file = NULL;
    g_autofree uint8_t *plain = NULL;
    uint8_t page[4096];
    const uint8_t *image;
    gsize size;

    g_assert(g_file_get_contents(out, &file, &size, NULL));
    image = (uint8_t *)file;
    g_assert(!memcmp(image, flat ? "makedumpfile" : "KDUMP   ", 8));
    if (flat) {
        image = plain = unflatten(image, &size);
        g_assert(!memcmp(image, "KDUMP   ", 8));
    }
    kdump_page(image, size, PATTERN_AT, page);
    g_assert_cmphex(ldq_he_p(page), ==, PATTERN);
    kdump_page(image, size, PATTERN_AT + 4096, page);
    g_assert(buffer_is_zero(page, sizeof(page)));
    g_assert_nonnull(memmem(image, 65536, "VTHUNDER", 9));
    g_assert_nonnull(memmem(image, 65536, caller, strlen(caller)));
}

static void test_kdump(void)
{
    static const char *const formats[] = { "kdump-zlib", "kdump-raw-zlib" };
    g_autofree char *prot = protocol();
    QTestState *qts;
    QDict *event, *data;
    size_t i;

    if (!have_userfaultfd()) {
        g_test_skip("/dev/userfaultfd is not accessible");
        return;
    }
    qts = start();
    qtest_writeq(qts, PATTERN_AT, PATTERN);
    for (i = 0; i < ARRAY_SIZE(formats); i++) {
        qtest_qmp_assert_success(qts, "{'execute': 'dump-guest-memory',"
                                 " 'arguments': {'paging': false,"
                                 " 'protocol': %s, 'mode': 'mirror',"
                                 " 'format': %s, 'threads': 2,"
                                 " 'note': '{\"from\": \"qtest\"}'}}",
                                 prot, formats[i]);
        event = qtest_qmp_eventwait_ref(qts, "DUMP_COMPLETED");
        data = qdict_get_qdict(event, "data");
        g_assert(!qdict_haskey(data, "error"));
        qobject_unref(event);
        check_kdump(i == 0, "qtest");
        unlink(out);
    }
    qtest_quit(qts);
}

static void test_dump(void)
{
    QTestState *qts;
    g_autofree char *prot = protocol();
    QDict *event, *result, *mirror, *rsp;

    if (!have_userfaultfd()) {
        g_test_skip("/dev/userfaultfd is not accessible");
        return;
    }
    qts = start();
    qtest_writeq(qts, PATTERN_AT, PATTERN);

    qtest_qmp_assert_success(qts, "{'execute': 'dump-guest-memory',"
                             " 'arguments': {'paging': false, 'protocol': %s,"
                             " 'mode': 'mirror',"
                             " 'note': '{\"from\": \"qtest\"}'}}", prot);
    event = qtest_qmp_eventwait_ref(qts, "DUMP_COMPLETED");
    g_assert(!qdict_haskey(qdict_get_qdict(event, "data"), "error"));
    result = qdict_get_qdict(qdict_get_qdict(event, "data"), "result");
    g_assert_cmpstr(qdict_get_str(result, "status"), ==, "completed");
    g_assert_cmpint(qdict_get_int(result, "completed"), ==,
                    qdict_get_int(result, "total"));
    mirror = qdict_get_qdict(result, "mirror");
    g_assert_nonnull(mirror);
    g_assert_cmpint(qdict_get_int(mirror, "pages-total"), ==,
                    qdict_get_int(mirror, "pages-zero") +
                    qdict_get_int(mirror, "pages-copied") +
                    qdict_get_int(mirror, "pages-fault-copied"));
    g_assert_cmpint(qdict_get_int(mirror, "t0-ns"), >, 0);
    g_assert_cmpint(qdict_get_int(mirror, "mirror-peak"), <=,
                    qdict_get_int(mirror, "mirror-limit"));
    qobject_unref(event);

    rsp = qtest_qmp(qts, "{'execute': 'query-dump'}");
    g_assert(qdict_haskey(qdict_get_qdict(rsp, "return"), "mirror"));
    qobject_unref(rsp);
    check_file("qtest");
    unlink(out);

    /* and the figures don't stick to what has none */
    qtest_qmp_assert_success(qts, "{'execute': 'dump-guest-memory',"
                             " 'arguments': {'paging': false, 'protocol': %s}}",
                             prot);
    rsp = qtest_qmp(qts, "{'execute': 'query-dump'}");
    g_assert(!qdict_haskey(qdict_get_qdict(rsp, "return"), "mirror"));
    qobject_unref(rsp);
    unlink(out);
    qtest_quit(qts);
}

static void test_strategies(void)
{
    static const char *const strategies[] = { "precopy", "protect", "hybrid" };
    QTestState *qts = start();
    size_t i;

    qtest_writeq(qts, PATTERN_AT, PATTERN);
    /* precopy can do without */
    for (i = 0; i < (have_userfaultfd() ? ARRAY_SIZE(strategies) : 1); i++) {
        g_autofree char *args =
            g_strdup_printf("{'strategy': '%s', 'note': '{\"from\": 1}'}",
                            strategies[i]);
        QDict *mirror = dump(qts, args);

        g_assert_cmpstr(qdict_get_str(mirror, "strategy"), ==, strategies[i]);
        qobject_unref(mirror);
        check_file("from");
        unlink(out);
    }
    qtest_quit(qts);
}

/* One more dump on @base, which has the file @base_fd */
static QDict *dump_on(QTestState *qts, int base_fd, const char *generation)
{
    g_autofree char *args =
        g_strdup_printf("{'track': true, 'strategy': 'precopy', 'base': {"
                        " 'generation': '%s', 'fd': 'base', 'file': 'base',"
                        " 'storage': 'overlay'}}", generation);

    unlink(out);
    qtest_qmp_fds_assert_success(qts, &base_fd, 1, "{'execute': 'getfd',"
                                 " 'arguments': {'fdname': 'base'}}");
    return dump(qts, args);
}

static void assert_full(QDict *mirror, const char *why)
{
    g_assert(!qdict_haskey(mirror, "base-generation"));
    g_assert_cmpstr(qdict_get_str(mirror, "storage"), ==, "file");
    g_assert_nonnull(strstr(qdict_get_str(mirror, "full-reason"), why));
}

static void test_track(void)
{
    const uint64_t other = ~PATTERN;
    QTestState *qts = start();
    g_autofree char *generation = NULL;
    g_autofree char *image = NULL;
    QDict *rsp, *mirror;
    gsize size;
    int fd;

    rsp = qtest_qmp(qts, "{'execute': 'dump-untrack'}");
    g_assert(qdict_haskey(rsp, "error"));
    qobject_unref(rsp);

    mirror = dump(qts, "{'track': true, 'strategy': 'precopy'}");
    generation = g_strdup(qdict_get_str(mirror, "generation"));
    g_assert(!qdict_haskey(mirror, "full-reason"));
    qobject_unref(mirror);
    fd = open(out, O_RDONLY);
    g_assert_cmpint(fd, >=, 0);

    /* what was written since, and no more */
    qtest_writeq(qts, PATTERN_AT, other);
    mirror = dump_on(qts, fd, generation);
    g_assert_cmpstr(qdict_get_str(mirror, "base-generation"), ==, generation);
    g_assert_cmpstr(qdict_get_str(mirror, "storage"), ==, "overlay");
    g_assert_cmpint(qdict_get_int(mirror, "pages-dirty"), >=, 1);
    g_assert_cmpint(qdict_get_int(mirror, "pages-dirty"), <, 64);
    qobject_unref(mirror);
    g_assert(g_file_get_contents(out, &image, &size, NULL));
    g_assert(!memcmp(image, "QFI\xfb", 4));
    g_assert_cmpint(size, <, 2 * MiB);
    g_assert_nonnull(memmem(image, size, &other, sizeof(other)));

    /* the base is no longer the latest dump */
    mirror = dump_on(qts, fd, generation);
    assert_full(mirror, "not the latest");
    g_free(generation);
    generation = g_strdup(qdict_get_str(mirror, "generation"));
    qobject_unref(mirror);

    /* and this one is, but the file that is passed is another */
    mirror = dump_on(qts, fd, generation);
    assert_full(mirror, "not the dump of that generation");
    g_free(generation);
    generation = g_strdup(qdict_get_str(mirror, "generation"));
    qobject_unref(mirror);

    qtest_system_reset(qts);
    mirror = dump_on(qts, fd, generation);
    assert_full(mirror, "reset");
    g_free(generation);
    generation = g_strdup(qdict_get_str(mirror, "generation"));
    qobject_unref(mirror);

    qtest_qmp_assert_success(qts, "{'execute': 'dump-untrack'}");
    mirror = dump_on(qts, fd, generation);
    assert_full(mirror, "by request");
    qobject_unref(mirror);

    close(fd);
    unlink(out);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_autofree char *dir = NULL;
    int ret;

    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("dump-mirror-XXXXXX", NULL);
    out = g_build_filename(dir, "core", NULL);

    qtest_add_func("/dump-mirror/refusals", test_refusals);
    qtest_add_func("/dump-mirror/cancel-nothing", test_cancel_nothing);
    qtest_add_func("/dump-mirror/dump", test_dump);
    qtest_add_func("/dump-mirror/kdump", test_kdump);
    qtest_add_func("/dump-mirror/strategies", test_strategies);
    qtest_add_func("/dump-mirror/track", test_track);
    ret = g_test_run();

    unlink(out);
    rmdir(dir);
    g_free(out);
    return ret;
}
