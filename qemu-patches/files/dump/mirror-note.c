/*
 * The figures of a mirror dump, and the note in the file that explains it to
 * its reader: which domain, which instant, what it cost.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/uuid.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-dump.h"
#include "qapi/qobject-output-visitor.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "elf.h"
#include "system/system.h"
#include "mirror.h"

#define NOTE_NAME "VTHUNDER"
#define NOTE_TYPE 0x56544844 /* not one that a reader of core files knows */
#define NOTE_TEXT 8192
#define NOTE_HEAD (sizeof(Elf64_Nhdr) + ROUND_UP(sizeof(NOTE_NAME), 4))

DumpMirrorInfo *mirror_info(DumpMirror *m)
{
    DumpMirrorInfo *info = g_new0(DumpMirrorInfo, 1);
    uint64List **tail = &info->stall_histogram;
    int64_t now = get_clock();
    int i;

    info->t0_ns = m->t0_wall_ns;
    info->pause_ns = m->pause_ns;
    info->t0_tries = m->t0_tries;
    info->protect_calls = m->protect_calls;
    info->capture_ns = m->capture_ns ?: now - m->t0_ns;
    info->total_ns = m->total_ns ?: now - m->start_ns;
    WITH_QEMU_LOCK_GUARD(&m->phase_lock) {
        info->stall_max_ns = m->stalls.max_ns;
        info->stall_count = m->stalls.count;
        for (i = 0; i < MIRROR_HISTOGRAM_BUCKETS; i++) {
            QAPI_LIST_APPEND(tail, m->stalls.histogram[i]);
        }
    }
    info->pages_zero = qatomic_read(&m->pages_zero);
    info->pages_copied = qatomic_read(&m->pages_copied);
    info->pages_fault_copied = qatomic_read(&m->pages_fault_copied);
    info->pages_total = m->npages;
    info->pages_dirty = m->pages_dirty;
    info->strategy = m->strategy;
    info->storage = m->storage;
    info->generation = g_strdup(m->generation);
    if (m->delta) {
        info->base_generation = g_strdup(m->base->generation);
    }
    info->full_reason = g_strdup(m->full_reason);
    info->mirror_limit = m->limit;
    info->mirror_peak = mirror_pool_peak(&m->pool);
    info->bytes_written = qatomic_read(&m->bytes_written);
    return info;
}

size_t mirror_note_size(void)
{
    return NOTE_HEAD + NOTE_TEXT;
}

static Elf64_Nhdr note_header(DumpState *s)
{
    return (Elf64_Nhdr) {
        .n_namesz = cpu_to_dump32(s, sizeof(NOTE_NAME)),
        .n_descsz = cpu_to_dump32(s, NOTE_TEXT),
        .n_type = cpu_to_dump32(s, NOTE_TYPE),
    };
}

/* An empty note.  Returns where its text goes in the head */
static size_t append_note(DumpMirror *m)
{
    const Elf64_Nhdr nhdr = note_header(m->s);
    size_t at = m->head->len;

    g_byte_array_set_size(m->head, at + NOTE_HEAD + NOTE_TEXT);
    memset(m->head->data + at, 0, NOTE_HEAD + NOTE_TEXT);
    memcpy(m->head->data + at, &nhdr, sizeof(nhdr));
    memcpy(m->head->data + at + sizeof(nhdr), NOTE_NAME, sizeof(NOTE_NAME));
    return at + NOTE_HEAD;
}

char *mirror_note_find(DumpMirror *m, const char *head, size_t size)
{
    const Elf64_Nhdr nhdr = note_header(m->s);
    size_t at;

    for (at = 0; at + NOTE_HEAD + NOTE_TEXT <= size; at += 4) {
        if (!memcmp(head + at, &nhdr, sizeof(nhdr)) &&
            !memcmp(head + at + sizeof(nhdr), NOTE_NAME, sizeof(NOTE_NAME))) {
            return g_strndup(head + at + NOTE_HEAD, NOTE_TEXT);
        }
    }
    return NULL;
}

void mirror_note_append(DumpMirror *m)
{
    size_t at = append_note(m);
    g_autoptr(DumpMirrorInfo) info = mirror_info(m);
    g_autoptr(QDict) note = qdict_new();
    g_autoptr(GString) text = NULL;
    char uuid[UUID_STR_LEN];
    Visitor *v;
    QObject *obj;

    qdict_put_int(note, "version", 1);
    if (qemu_get_vm_name()) {
        qdict_put_str(note, "domain", qemu_get_vm_name());
    }
    if (qemu_uuid_set) {
        qemu_uuid_unparse(&qemu_uuid, uuid);
        qdict_put_str(note, "uuid", uuid);
    }
    qdict_put_str(note, "mode", DumpGuestMemoryMode_str(
                  DUMP_GUEST_MEMORY_MODE_MIRROR));
    qdict_put_str(note, "format", DumpGuestMemoryFormat_str(mirror_format(m)));
    if (m->caller_note) {
        qdict_put_obj(note, "caller",
                      qobject_from_json(m->caller_note, &error_abort));
    }
    v = qobject_output_visitor_new(&obj);
    visit_type_DumpMirrorInfo(v, NULL, &info, &error_abort);
    visit_complete(v, &obj);
    visit_free(v);
    qdict_put_obj(note, "mirror", obj);

    text = qobject_to_json(QOBJECT(note));
    if (text->len >= NOTE_TEXT) {
        /* only a very long name or note can do that; the figures matter */
        qdict_del(note, "caller");
        g_string_free(text, true);
        text = qobject_to_json(QOBJECT(note));
    }
    memcpy(m->head->data + at, text->str,
           MIN(text->len, NOTE_TEXT - 1));
}
