/* buf: a growable array of bytes. The one place that appends; nothing here knows what the bytes mean
 * (JSON strings are written by json.h). */
#ifndef LASTWORD_BASE_BUF_H
#define LASTWORD_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
    char *data; /* owned; NULL while cap is 0 */
    size_t len, cap;
};

void buf_free(struct buf *b);                        /* frees the bytes and zeroes *b; not b itself */
void buf_reserve(struct buf *b, size_t extra);       /* room for `extra` more bytes */
void buf_reserve_exact(struct buf *b, size_t extra); /* the same, and no more than that */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_add_u64(struct buf *b, uint64_t v); /* decimal */
void buf_add_i64(struct buf *b, int64_t v);
void hex32(uint32_t v, char out[8]);           /* the digits alone, no NUL */
void buf_add_hex32(struct buf *b, uint32_t v); /* 8 lower-case digits */
void buf_drop(struct buf *b, size_t n);        /* forget the first n bytes (memmove) */
char *buf_cstr(struct buf *b);                 /* NUL-terminates (not counted in len); borrowed from b */

static inline void buf_clear(struct buf *b)
{
    b->len = 0;
}

static inline void buf_add(struct buf *b, const void *p, size_t n)
{
    if (b->cap - b->len < n)
        buf_reserve(b, n);
    if (n)
        memcpy(b->data + b->len, p, n);
    b->len += n;
}

static inline void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

static inline void buf_add_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

/* A string literal, its length known to the compiler. */
#define buf_add_lit(b, lit) buf_add((b), "" lit, sizeof(lit) - 1)

#endif
