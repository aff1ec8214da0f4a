/* postgres_param: see postgres_param.h. Numbers are big-endian; an array is
 *
 *     dimensions (1, or 0 when empty)  has nulls  element type  | size  lower bound |  each: length or -1,
 * bytes */
#include "store/postgres_param.h"

static void put_u32(struct buf *b, uint32_t v)
{
    const unsigned char bytes[4] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16),
                                    (unsigned char)(v >> 8), (unsigned char)v};
    buf_add(b, bytes, sizeof(bytes));
}

static void put_u64(struct buf *b, uint64_t v)
{
    put_u32(b, (uint32_t)(v >> 32));
    put_u32(b, (uint32_t)v);
}

static void set_u32(struct buf *b, size_t at, uint32_t v)
{
    size_t len = b->len;
    b->len = at;
    put_u32(b, v);
    b->len = len;
}

void pgparams_free(struct pgparams *p)
{
    buf_free(&p->bytes);
    p->count = 0;
}

void pgparams_clear(struct pgparams *p)
{
    buf_clear(&p->bytes);
    p->count = 0;
}

/* ---- single values */

/* The next parameter, whose bytes are written from here on; closed by its length. */
static struct pgparam *next(struct pgparams *p)
{
    struct pgparam *item = &p->item[p->count++];
    *item = (struct pgparam){.at = p->bytes.len};
    return item;
}

static void close_item(const struct pgparams *p, struct pgparam *item)
{
    item->len = p->bytes.len - item->at;
}

void pgparam_null(struct pgparams *p)
{
    next(p)->null = true;
}

void pgparam_int(struct pgparams *p, int64_t v)
{
    struct pgparam *item = next(p);
    put_u64(&p->bytes, (uint64_t)v);
    close_item(p, item);
}

void pgparam_bool(struct pgparams *p, bool v)
{
    struct pgparam *item = next(p);
    buf_add_char(&p->bytes, v ? 1 : 0);
    close_item(p, item);
}

void pgparam_text(struct pgparams *p, const char *s, size_t len)
{
    struct pgparam *item = next(p);
    item->borrowed = s ? s : "";
    item->len = s ? len : 0;
}

void pgparam_str(struct pgparams *p, const char *s)
{
    if (s)
        pgparam_text(p, s, strlen(s));
    else
        pgparam_null(p);
}

void pgparam_bytes(struct pgparams *p, struct history_text t)
{
    pgparam_text(p, t.data, t.len);
}

void pgparam_copy(struct pgparams *p, struct history_text t)
{
    struct pgparam *item = next(p);
    buf_add(&p->bytes, t.data, t.len);
    close_item(p, item);
}

void pgparam_uuid(struct pgparams *p, const struct uuid *u)
{
    struct pgparam *item = next(p);
    buf_add(&p->bytes, u->b, sizeof(u->b));
    close_item(p, item);
}

void pgparam_bits(struct pgparams *p, struct history_text t)
{
    struct pgparam *item = next(p);
    put_u32(&p->bytes, (uint32_t)(t.len * 8));
    buf_add(&p->bytes, t.data, t.len);
    close_item(p, item);
}

/* ---- arrays */

void pgarray_start(struct pgparams *p, enum pgtype type)
{
    next(p);
    p->head = p->bytes.len;
    p->elements = 0;
    put_u32(&p->bytes, 1);
    put_u32(&p->bytes, 0);
    put_u32(&p->bytes, (uint32_t)type);
    put_u32(&p->bytes, 0);
    put_u32(&p->bytes, 1);
}

void pgarray_null(struct pgparams *p)
{
    p->elements++;
    set_u32(&p->bytes, p->head + 4, 1);
    put_u32(&p->bytes, UINT32_MAX);
}

void pgarray_int(struct pgparams *p, int64_t v)
{
    p->elements++;
    put_u32(&p->bytes, 8);
    put_u64(&p->bytes, (uint64_t)v);
}

void pgarray_bytes(struct pgparams *p, const void *data, size_t len)
{
    p->elements++;
    put_u32(&p->bytes, (uint32_t)len);
    buf_add(&p->bytes, data, len);
}

void pgarray_bits(struct pgparams *p, struct history_text t)
{
    p->elements++;
    put_u32(&p->bytes, (uint32_t)t.len + 4);
    put_u32(&p->bytes, (uint32_t)(t.len * 8));
    buf_add(&p->bytes, t.data, t.len);
}

void pgarray_end(struct pgparams *p)
{
    set_u32(&p->bytes, p->head + 12, (uint32_t)p->elements);
    if (!p->elements) { /* an empty array has no dimension */
        set_u32(&p->bytes, p->head, 0);
        p->bytes.len -= 8;
    }
    close_item(p, &p->item[p->count - 1]);
}

const char *pgparam_at(const struct pgparams *p, int i, int *len)
{
    const struct pgparam *item = &p->item[i];
    *len = (int)item->len;
    if (item->null)
        return NULL;
    if (!item->len)
        return "";
    return item->borrowed ? item->borrowed : p->bytes.data + item->at;
}
