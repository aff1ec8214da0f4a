/* redis_resp: words of a command, as RESP wants them: "$3\r\nfoo\r\n". Everything has its length, so that no
 * byte that came from outside can mean anything. Pure. */
#ifndef LASTWORD_STORE_REDIS_RESP_H
#define LASTWORD_STORE_REDIS_RESP_H

#include <string.h>

#include "base/buf.h"

/* "*<words>\r\n", before the words. */
static inline void resp_head(struct buf *b, size_t words)
{
    buf_add_char(b, '*');
    buf_add_u64(b, words);
    buf_add_lit(b, "\r\n");
}

/* "$<len>\r\n", before bytes that the caller adds; then resp_end. */
static inline void resp_begin(struct buf *b, size_t len)
{
    buf_add_char(b, '$');
    buf_add_u64(b, len);
    buf_add_lit(b, "\r\n");
}

static inline void resp_end(struct buf *b)
{
    buf_add_lit(b, "\r\n");
}

static inline void resp_word(struct buf *b, const void *p, size_t len)
{
    resp_begin(b, len);
    buf_add(b, p, len);
    resp_end(b);
}

static inline void resp_str(struct buf *b, const char *s)
{
    resp_word(b, s, strlen(s));
}

void resp_u64(struct buf *b, uint64_t v);

#endif
