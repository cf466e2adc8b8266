/*
 * Compressing the pages of a kdump file
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef DUMP_COMPRESS_H
#define DUMP_COMPRESS_H

/* What one thread needs to compress pages in one format */
typedef struct DumpCompress DumpCompress;

/* @method is one of DUMP_DH_COMPRESSED_*.  NULL if it is not built in */
DumpCompress *dump_compress_new(uint32_t method, size_t page_size);
void dump_compress_free(DumpCompress *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DumpCompress, dump_compress_free)

/* Bytes to have in dump_compress_page()'s @out */
size_t dump_compress_bound(const DumpCompress *c);

/*
 * Compress @page into @out.  Returns bytes, fewer than the page has, or 0 for
 * a page that does not get smaller; @out is undefined then.
 */
size_t dump_compress_page(DumpCompress *c, const uint8_t *page, uint8_t *out);

#endif
