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
static QDict *dump_on(QTestState *qts, int base_fd, const char *generation,
                      const char *strategy)
{
    g_autofree char *args =
        g_strdup_printf("{'track': true, 'strategy': '%s', 'base': {"
                        " 'generation': '%s', 'fd': 'base', 'file': 'base',"
                        " 'storage': 'overlay'}}", strategy, generation);

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
    mirror = dump_on(qts, fd, generation, "precopy");
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
    mirror = dump_on(qts, fd, generation, "precopy");
    assert_full(mirror, "not the latest");
    g_free(generation);
    generation = g_strdup(qdict_get_str(mirror, "generation"));
    qobject_unref(mirror);

    /* and this one is, but the file that is passed is another */
    mirror = dump_on(qts, fd, generation, "precopy");
    assert_full(mirror, "not the dump of that generation");
    g_free(generation);
    generation = g_strdup(qdict_get_str(mirror, "generation"));
    qobject_unref(mirror);

    qtest_system_reset(qts);
    mirror = dump_on(qts, fd, generation, "precopy");
    assert_full(mirror, "reset");
    g_free(generation);
    generation = g_strdup(qdict_get_str(mirror, "generation"));
    qobject_unref(mirror);

    qtest_qmp_assert_success(qts, "{'execute': 'dump-untrack'}");
    mirror = dump_on(qts, fd, generation, "precopy");
    assert_full(mirror, "by request");
    qobject_unref(mirror);

    close(fd);
    unlink(out);
    qtest_quit(qts);
}

/*
 * The dirty log sees what devices write through memory they keep mapped, or
 * have mapped to be read: it is in a dump that builds on the one before.
 */

#define MMIO 0xe0000000
#define PAGES 0x1000000
#define DEVFN(slot, fn) ((slot) << 3 | (fn))

typedef struct Writer {
    const char *name;
    const char *args;
    void (*prepare)(QTestState *qts);
    /* What it writes to is PAGES, or what this returns */
    uint64_t (*write)(QTestState *qts);
} Writer;

static void pci_write(QTestState *qts, uint8_t devfn, uint8_t reg, uint32_t val)
{
    qtest_outl(qts, 0xcf8, 0x80000000 | devfn << 8 | reg);
    qtest_outl(qts, 0xcfc, val);
}

/* Map a BAR, and let the device use the bus */
static void pci_map(QTestState *qts, uint8_t devfn, uint8_t bar, uint32_t at)
{
    pci_write(qts, devfn, 0x10 + bar * 4, at);
    pci_write(qts, devfn, 4, 7);
}

#define AHCI_PORT (MMIO + 0x100)

static void ahci_prepare(QTestState *qts)
{
    pci_map(qts, DEVFN(0x1f, 2), 5, MMIO);
    qtest_writel(qts, MMIO + 4, 0x80000000);          /* GHC: AHCI enable */
    qtest_writel(qts, AHCI_PORT + 0x00, PAGES + 0x1000); /* command list */
    qtest_writel(qts, AHCI_PORT + 0x04, 0);
    qtest_writel(qts, AHCI_PORT + 0x08, PAGES);       /* received FIS */
    qtest_writel(qts, AHCI_PORT + 0x0c, 0);
    qtest_writel(qts, AHCI_PORT + 0x30, 0xffffffff);  /* SERR */
    qtest_writel(qts, AHCI_PORT + 0x18, 0x17);        /* CMD: start both */
}

/* One command with the FIS @fis, which moves 512 bytes to PAGES + 0x3000 */
static void ahci_command(QTestState *qts, const uint8_t *fis, bool ncq)
{
    const uint64_t header = PAGES + 0x1000, table = PAGES + 0x2000;
    int i;

    qtest_writel(qts, header, 0x00010005);
    qtest_writel(qts, header + 8, table);
    qtest_writel(qts, header + 12, 0);
    qtest_memwrite(qts, table, fis, 20);
    qtest_writel(qts, table + 0x80, PAGES + 0x3000);
    qtest_writel(qts, table + 0x84, 0);
    qtest_writel(qts, table + 0x8c, 511);
    if (ncq) {
        qtest_writel(qts, AHCI_PORT + 0x34, 1);
    }
    qtest_writel(qts, AHCI_PORT + 0x38, 1);
    for (i = 0; i < 100; i++) {
        if (!qtest_readl(qts, AHCI_PORT + (ncq ? 0x34 : 0x38))) {
            return;
        }
        g_usleep(50 * 1000);
    }
    g_assert_not_reached();
}

/* PIO setup and D2H FIS */
static uint64_t ahci_identify(QTestState *qts)
{
    ahci_command(qts, (uint8_t[20]) { 0x27, 0x80, 0xec }, false);
    return PAGES;
}

/* Set device bits FIS.  Its first sector, by READ FPDMA QUEUED */
static uint64_t ahci_ncq(QTestState *qts)
{
    ahci_command(qts, (uint8_t[20]) { 0x27, 0x80, 0x60, 1, [7] = 0x40 }, true);
    return PAGES;
}

/* PRD byte count: all else in the page stays as it was prepared */
static void ahci_prepare_count(QTestState *qts)
{
    ahci_prepare(qts);
    ahci_identify(qts);
    qtest_writel(qts, PAGES + 0x1004, 0);
}

static uint64_t ahci_count(QTestState *qts)
{
    qtest_writel(qts, AHCI_PORT + 0x38, 1);
    g_assert_cmpint(qtest_readl(qts, PAGES + 0x1004), ==, 512);
    return PAGES + 0x1000;
}

/* That of a command without data, which is cleared only: FLUSH CACHE */
static void ahci_prepare_clear(QTestState *qts)
{
    ahci_prepare(qts);
    ahci_command(qts, (uint8_t[20]) { 0x27, 0x80, 0xe7 }, false);
    qtest_writel(qts, PAGES + 0x1004, 0x1234);
}

static uint64_t ahci_clear(QTestState *qts)
{
    qtest_writel(qts, AHCI_PORT + 0x38, 1);
    g_assert_cmpint(qtest_readl(qts, PAGES + 0x1004), ==, 0);
    return PAGES + 0x1000;
}

static void megasas_prepare(QTestState *qts)
{
    pci_map(qts, DEVFN(4, 0), 0, MMIO);
    qtest_writeb(qts, PAGES, 0xff); /* no such command */
}

static uint64_t megasas_frame(QTestState *qts)
{
    qtest_writel(qts, MMIO + 0x40, PAGES);
    return PAGES;
}

#define SVGA_FIFO (MMIO + 0x1000000)

static void svga_register(QTestState *qts, uint32_t reg, uint32_t value)
{
    qtest_outl(qts, 0xc000, reg);
    qtest_outl(qts, 0xc001, value);
}

static void svga_prepare(QTestState *qts)
{
    pci_write(qts, DEVFN(4, 0), 0x10, 0xc000);
    pci_write(qts, DEVFN(4, 0), 0x18, SVGA_FIFO);
    pci_map(qts, DEVFN(4, 0), 1, MMIO);
    svga_register(qts, 1, 1);               /* enable */
    svga_register(qts, 20, 1);              /* configured */
    qtest_writel(qts, SVGA_FIFO, 16);             /* first */
    qtest_writel(qts, SVGA_FIFO + 4, 0x8000);     /* behind the last */
    qtest_writel(qts, SVGA_FIFO + 8, 16 + 6 * 4); /* next of the guest */
    qtest_writel(qts, SVGA_FIFO + 12, 16);        /* next of the device */
    qtest_writel(qts, SVGA_FIFO + 16, 2);         /* fill a rectangle */
    qtest_writel(qts, SVGA_FIFO + 20, 0x55555555);
    qtest_writel(qts, SVGA_FIFO + 24, 0);
    qtest_writel(qts, SVGA_FIFO + 28, 0);
    qtest_writel(qts, SVGA_FIFO + 32, 8);
    qtest_writel(qts, SVGA_FIFO + 36, 8);
}

static uint64_t svga_fifo(QTestState *qts)
{
    svga_register(qts, 21, 1); /* sync */
    return SVGA_FIFO;
}

static uint64_t svga_fill(QTestState *qts)
{
    svga_register(qts, 21, 1);
    return MMIO;
}

static void vbe_register(QTestState *qts, uint16_t reg, uint16_t value)
{
    qtest_outw(qts, 0x1ce, reg);
    qtest_outw(qts, 0x1cf, value);
}

/* Memory for the screen, a line of 640 bytes, is where it is at the end too */
static void vbe_prepare(QTestState *qts)
{
    pci_map(qts, DEVFN(4, 0), 0, MMIO);
    vbe_register(qts, 1, 640);
    vbe_register(qts, 2, 1);
    vbe_register(qts, 3, 8);
    vbe_register(qts, 4, 1);                /* enable, and clear the screen */
    qtest_memset(qts, MMIO, 0x55, 4096);
}

static uint64_t vbe_clear(QTestState *qts)
{
    vbe_register(qts, 4, 0);
    vbe_register(qts, 4, 1);
    return MMIO;
}

static void erst_action(QTestState *qts, uint32_t action, uint64_t value)
{
    qtest_writel(qts, MMIO + 8, value);
    qtest_writel(qts, MMIO + 12, value >> 32);
    qtest_writel(qts, MMIO, action);
}

static void erst_prepare(QTestState *qts)
{
    const uint64_t exchange = MMIO + 0x10000;

    pci_map(qts, DEVFN(4, 0), 0, MMIO);
    pci_map(qts, DEVFN(4, 0), 1, exchange);
    qtest_memset(qts, exchange, 0x55, 256);
    qtest_writel(qts, exchange + 20, 256);  /* length of the record */
    qtest_writeq(qts, exchange + 96, 0x1234); /* and its name */
    erst_action(qts, 0, 0);                 /* begin to write */
    erst_action(qts, 4, 0);                 /* offset */
    erst_action(qts, 5, 0x9c);              /* execute */
    erst_action(qts, 3, 0);                 /* end */
    qtest_memset(qts, exchange, 0xaa, 256);
}

static uint64_t erst_read(QTestState *qts)
{
    erst_action(qts, 1, 0);
    erst_action(qts, 9, 0x1234);
    erst_action(qts, 4, 0);
    erst_action(qts, 5, 0x9c);
    erst_action(qts, 3, 0);
    return MMIO + 0x10000;
}

/* A UDP packet whose checksum the device is to put into it */
static void e1000e_prepare(QTestState *qts)
{
    static const uint8_t packet[60] = {
        0x52, 0x54, 0, 0, 0, 1, 0x52, 0x54, 0, 0, 0, 2, 8, 0,
        0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        0, 9, 0, 9, 0, 26, 0, 0, 'p', 'a', 'y', 'l', 'o', 'a', 'd',
    };
    const uint64_t ring = PAGES + 0x1000;

    pci_map(qts, DEVFN(4, 0), 0, MMIO);
    qtest_memwrite(qts, PAGES, packet, sizeof(packet));
    /* context: IP header at 14 with its checksum at 24, UDP's at 34 and 40 */
    qtest_writel(qts, ring, 14 | 24 << 8 | 33 << 16);
    qtest_writel(qts, ring + 4, 34 | 40 << 8);
    qtest_writel(qts, ring + 8, 0x20000000 | 0x02000000);
    qtest_writel(qts, ring + 12, 0);
    /* data, and the end of the packet: do put UDP's in */
    qtest_writeq(qts, ring + 16, PAGES);
    qtest_writel(qts, ring + 24, 0x20100000 | 0x01000000 | sizeof(packet));
    qtest_writel(qts, ring + 28, 2 << 8);
    qtest_writel(qts, MMIO + 0x3800, ring); /* TDBAL */
    qtest_writel(qts, MMIO + 0x3804, 0);
    qtest_writel(qts, MMIO + 0x3808, 128);  /* TDLEN */
    qtest_writel(qts, MMIO + 0x3810, 0);    /* TDH */
    qtest_writel(qts, MMIO + 0x400, 2);     /* TCTL: enable */
}

static uint64_t e1000e_checksum(QTestState *qts)
{
    qtest_writel(qts, MMIO + 0x3818, 2);    /* TDT */
    return PAGES;
}

#define DISK "-blockdev null-co,node-name=d,size=67108864,read-zeroes=on" \
             " -device ide-hd,drive=d,bus=ide.0"
#define CARD "-netdev hubport,id=n,hubid=0"

static const Writer writers[] = {
    { "ahci-fis", DISK, ahci_prepare, ahci_identify },
    { "ahci-ncq", DISK, ahci_prepare, ahci_ncq },
    { "ahci-count", DISK, ahci_prepare_count, ahci_count },
    { "ahci-clear", DISK, ahci_prepare_clear, ahci_clear },
    { "megasas", "-device megasas,addr=4", megasas_prepare, megasas_frame },
    { "vbe", "-vga none -device VGA,addr=4,romfile=", vbe_prepare, vbe_clear },
    { "vmware-svga-fifo", "-device vmware-svga,addr=4,romfile=", svga_prepare,
      svga_fifo },
    { "vmware-svga-fill", "-device vmware-svga,addr=4,romfile=", svga_prepare,
      svga_fill },
    { "erst", "-object memory-backend-ram,id=m,size=64K"
      " -device acpi-erst,memdev=m,addr=4", erst_prepare, erst_read },
    { "e1000e", CARD " -device e1000e,netdev=n,addr=4", e1000e_prepare,
      e1000e_checksum },
};

static void test_writer(const void *data)
{
    const Writer *w = data;
    QTestState *qts = qtest_initf("-machine q35 -m 64M %s", w->args);
    g_autofree char *generation = NULL;
    g_autofree char *image = NULL;
    uint8_t before[4096], after[4096];
    uint64_t at;
    QDict *mirror;
    gsize size;
    int fd;

    qtest_memset(qts, PAGES, 0, 16 * KiB);
    w->prepare(qts);
    mirror = dump(qts, "{'track': true, 'strategy': 'precopy'}");
    generation = g_strdup(qdict_get_str(mirror, "generation"));
    qobject_unref(mirror);
    fd = open(out, O_RDONLY);
    g_assert_cmpint(fd, >=, 0);

    at = w->write(qts);
    qtest_memread(qts, at, after, sizeof(after));
    g_assert(g_file_get_contents(out, &image, &size, NULL));
    memcpy(before, image + find_memory(image, at), sizeof(before));
    g_assert(memcmp(before, after, sizeof(after)));

    mirror = dump_on(qts, fd, generation, "precopy");
    g_assert(qdict_haskey(mirror, "base-generation"));
    qobject_unref(mirror);
    g_free(image);
    g_assert(g_file_get_contents(out, &image, &size, NULL));
    g_assert_nonnull(memmem(image, size, after, sizeof(after)));

    close(fd);
    unlink(out);
    qtest_quit(qts);
}

/* Where writes may be missed nothing relies on the log of them */
static void test_incomplete(void)
{
    static const char *const needs_log[] = { "precopy", "hybrid" };
    QTestState *qts = qtest_init("-machine q35 -m 64M -device qemu-xhci");
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    QDict *rsp, *mirror;
    size_t i;
    int fd;

    mirror = dump(qts, "{'track': true, 'strategy': 'precopy'}");
    first = g_strdup(qdict_get_str(mirror, "generation"));
    qobject_unref(mirror);
    fd = open(out, O_RDONLY);
    g_assert_cmpint(fd, >=, 0);
    unlink(out);

    /* a device that can't migrate comes, and nothing is tracked any more */
    qtest_qmp_device_add(qts, "usb-wacom-tablet", "w", "{}");
    rsp = qtest_qmp(qts, "{'execute': 'dump-untrack'}");
    g_assert(qdict_haskey(rsp, "error"));
    qobject_unref(rsp);
    for (i = 0; i < ARRAY_SIZE(needs_log); i++) {
        g_autofree char *args = g_strdup_printf("{'strategy': '%s'}",
                                                needs_log[i]);
        g_autofree char *track = g_strdup_printf("{'strategy': '%s',"
                                                 " 'track': true}",
                                                 needs_log[i]);

        assert_refused(qts, args, needs_log[i]);
        assert_refused(qts, args, "wacom");
        assert_refused(qts, track, "wacom");
    }
    if (have_userfaultfd()) {
        mirror = dump(qts, "{}");
        g_assert_cmpstr(qdict_get_str(mirror, "strategy"), ==, "protect");
        g_assert(!qdict_haskey(mirror, "full-reason"));
        qobject_unref(mirror);

        unlink(out);
        mirror = dump(qts, "{'track': true}");
        assert_full(mirror, "wacom");
        g_assert_cmpstr(qdict_get_str(mirror, "strategy"), ==, "protect");
        g_assert(!qdict_haskey(mirror, "generation"));
        qobject_unref(mirror);

        mirror = dump_on(qts, fd, first, "auto");
        assert_full(mirror, "wacom");
        g_assert(!qdict_haskey(mirror, "generation"));
        qobject_unref(mirror);
    }
    unlink(out);

    /* that it was there is not forgotten when it has gone */
    qtest_qmp_device_del(qts, "w");
    mirror = dump_on(qts, fd, first, "precopy");
    assert_full(mirror, "wacom");
    second = g_strdup(qdict_get_str(mirror, "generation"));
    qobject_unref(mirror);
    close(fd);
    fd = open(out, O_RDONLY);
    mirror = dump_on(qts, fd, second, "precopy");
    g_assert_cmpstr(qdict_get_str(mirror, "base-generation"), ==, second);
    g_free(second);
    second = g_strdup(qdict_get_str(mirror, "generation"));
    qobject_unref(mirror);
    close(fd);
    fd = open(out, O_RDONLY);

    /* nor if no dump has seen it */
    qtest_qmp_device_add(qts, "usb-wacom-tablet", "w", "{}");
    qtest_qmp_device_del(qts, "w");
    mirror = dump_on(qts, fd, second, "precopy");
    assert_full(mirror, "wacom");
    g_assert(qdict_haskey(mirror, "generation"));
    qobject_unref(mirror);

    close(fd);
    unlink(out);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_autofree char *dir = NULL;
    size_t i;
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
    for (i = 0; i < ARRAY_SIZE(writers); i++) {
        g_autofree char *path = g_strconcat("/dump-mirror/log/",
                                            writers[i].name, NULL);

        qtest_add_data_func(path, &writers[i], test_writer);
    }
    qtest_add_func("/dump-mirror/incomplete", test_incomplete);
    ret = g_test_run();

    unlink(out);
    rmdir(dir);
    g_free(out);
    return ret;
}
