/* history_parts: the parts of an answer's text, packed and unpacked. */
#include <string.h>

#include "store/history_job.h"

#define PART_BYTES 17

static void put_u64(unsigned char *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}

static uint64_t get_u64(const unsigned char *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

struct history_text job_pack_parts(struct store_op *job, const struct history_part *parts, size_t n)
{
    unsigned char *out = job_alloc(job, n * PART_BYTES + 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char *p = out + i * PART_BYTES;
        p[0] = parts[i].part;
        put_u64(p + 1, parts[i].off);
        put_u64(p + 9, parts[i].len);
    }
    return (struct history_text){.data = (char *)out, .len = n * PART_BYTES};
}

const struct history_part *job_unpack_parts(struct store_op *job, struct history_text packed, size_t *n)
{
    *n = packed.len / PART_BYTES;
    struct history_part *parts = job_alloc(job, (*n + 1) * sizeof(*parts));
    for (size_t i = 0; i < *n; i++) {
        const unsigned char *p = (const unsigned char *)packed.data + i * PART_BYTES;
        parts[i] = (struct history_part){.part = p[0], .off = get_u64(p + 1), .len = get_u64(p + 9)};
    }
    return parts;
}

struct history_text job_visible(struct store_op *job, struct history_text text, struct history_text packed)
{
    size_t n, len = 0;
    if (packed.len == 0)
        return job_copy_text(job, text);
    const struct history_part *parts = job_unpack_parts(job, packed, &n);
    char *out = job_alloc(job, text.len + 1);
    for (size_t i = 0; i < n; i++) {
        if (parts[i].part != 0 || parts[i].off > text.len || parts[i].len > text.len - parts[i].off)
            continue;
        memcpy(out + len, text.data + parts[i].off, (size_t)parts[i].len);
        len += (size_t)parts[i].len;
    }
    return (struct history_text){.data = out, .len = len};
}

size_t parts_visible(const struct history_answer *answer)
{
    size_t len = 0;
    if (answer->part_count == 0)
        return answer->text.len;
    for (size_t i = 0; i < answer->part_count; i++) {
        const struct history_part *p = &answer->parts[i];
        if (p->part == 0 && p->off <= answer->text.len && p->len <= answer->text.len - p->off)
            len += (size_t)p->len;
    }
    return len;
}
