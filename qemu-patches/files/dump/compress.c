/*
 * Compressing the pages of a kdump file
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "system/dump.h"
#include "compress.h"
#include <zlib.h>
#ifdef CONFIG_LZO
#include <lzo/lzo1x.h>
#endif
#ifdef CONFIG_SNAPPY
#include <snappy-c.h>
#endif
#ifdef CONFIG_ZSTD
#include <zstd.h>
/* Twice as fast as level 1, and still smaller than what LZO makes of a page */
#define ZSTD_LEVEL (-1)
#endif

struct DumpCompress {
    uint32_t method;
    size_t page_size;
    size_t bound;
    z_stream zlib;
#ifdef CONFIG_LZO
    void *lzo;
#endif
#ifdef CONFIG_ZSTD
    ZSTD_CCtx *zstd;
#endif
};

DumpCompress *dump_compress_new(uint32_t method, size_t page_size)
{
    g_autoptr(DumpCompress) c = g_new0(DumpCompress, 1);

    c->page_size = page_size;
    switch (method) {
    case DUMP_DH_COMPRESSED_ZLIB:
        if (deflateInit(&c->zlib, Z_BEST_SPEED) != Z_OK) {
            return NULL;
        }
        c->bound = compressBound(page_size);
        break;
#ifdef CONFIG_LZO
    case DUMP_DH_COMPRESSED_LZO:
        c->lzo = g_try_malloc(LZO1X_1_MEM_COMPRESS);
        if (!c->lzo) {
            return NULL;
        }
        /*
         * LZO will expand incompressible data by a little amount. Please check
         * the following URL to see the expansion calculation:
         * http://www.oberhumer.com/opensource/lzo/lzofaq.php
         */
        c->bound = page_size + page_size / 16 + 64 + 3;
        break;
#endif
#ifdef CONFIG_SNAPPY
    case DUMP_DH_COMPRESSED_SNAPPY:
        c->bound = snappy_max_compressed_length(page_size);
        break;
#endif
#ifdef CONFIG_ZSTD
    case DUMP_DH_COMPRESSED_ZSTD:
        c->zstd = ZSTD_createCCtx();
        if (!c->zstd ||
            ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd,
                                                ZSTD_c_compressionLevel,
                                                ZSTD_LEVEL))) {
            return NULL;
        }
        c->bound = ZSTD_compressBound(page_size);
        break;
#endif
    default:
        return NULL;
    }
    c->method = method;
    return g_steal_pointer(&c);
}

void dump_compress_free(DumpCompress *c)
{
    if (!c) {
        return;
    }
    if (c->method == DUMP_DH_COMPRESSED_ZLIB) {
        deflateEnd(&c->zlib);
    }
#ifdef CONFIG_LZO
    g_free(c->lzo);
#endif
#ifdef CONFIG_ZSTD
    ZSTD_freeCCtx(c->zstd);
#endif
    g_free(c);
}

size_t dump_compress_bound(const DumpCompress *c)
{
    return c->bound;
}

static size_t compress_zlib(DumpCompress *c, const uint8_t *page, uint8_t *out)
{
    c->zlib.next_in = (uint8_t *)page;
    c->zlib.avail_in = c->page_size;
    c->zlib.next_out = out;
    c->zlib.avail_out = c->bound;
    if (deflateReset(&c->zlib) != Z_OK ||
        deflate(&c->zlib, Z_FINISH) != Z_STREAM_END) {
        return 0;
    }
    return c->bound - c->zlib.avail_out;
}

size_t dump_compress_page(DumpCompress *c, const uint8_t *page, uint8_t *out)
{
    size_t size = 0;

    switch (c->method) {
    case DUMP_DH_COMPRESSED_ZLIB:
        size = compress_zlib(c, page, out);
        break;
#ifdef CONFIG_LZO
    case DUMP_DH_COMPRESSED_LZO: {
        lzo_uint n = c->bound;

        if (lzo1x_1_compress(page, c->page_size, out, &n, c->lzo) ==
            LZO_E_OK) {
            size = n;
        }
        break;
    }
#endif
#ifdef CONFIG_SNAPPY
    case DUMP_DH_COMPRESSED_SNAPPY:
        size = c->bound;
        if (snappy_compress((const char *)page, c->page_size, (char *)out,
                            &size) != SNAPPY_OK) {
            size = 0;
        }
        break;
#endif
#ifdef CONFIG_ZSTD
    case DUMP_DH_COMPRESSED_ZSTD:
        size = ZSTD_compress2(c->zstd, out, c->bound, page, c->page_size);
        if (ZSTD_isError(size)) {
            size = 0;
        }
        break;
#endif
    }
    return size < c->page_size ? size : 0;
}
