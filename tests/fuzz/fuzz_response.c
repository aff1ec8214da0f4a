/* fuzz_response: any bytes, whole and cut by a pattern of their own: the same heads, body and verdict, and
 * nothing read past the end. The first byte is the seed of the cuts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "upstream/response.h"

static void on_head(void *ctx, const struct head *head)
{
    buf_printf(ctx, "%d %s;", head->status, head->type);
}

static void on_body(void *ctx, const char *bytes, size_t len)
{
    buf_add(ctx, bytes, len);
}

static enum response_verdict feed(struct response *r, struct buf *out, const uint8_t *p, size_t len)
{
    static const struct response_handlers handlers = {on_head, on_body};
    char *copy = malloc(len);
    memcpy(copy, p, len);
    enum response_verdict v = response_feed(r, copy, len, &handlers, out);
    free(copy);
    return v;
}

static enum response_verdict run(struct buf *out, const uint8_t *p, size_t len, uint32_t cuts)
{
    struct response *r = response_new();
    enum response_verdict v = RESPONSE_MORE;
    while (v == RESPONSE_MORE && len) {
        cuts = cuts * 1664525u + 1013904223u;
        size_t n = cuts ? 1 + (cuts >> 24) % 23 + ((cuts >> 16) % 5 ? 0 : 100) : len;
        n = n < len ? n : len;
        v = feed(r, out, p, n);
        p += n;
        len -= n;
    }
    if (v == RESPONSE_MORE)
        v = response_end(r);
    response_free(r);
    /* Whether more follows the end shows only if it came with it. */
    return v == RESPONSE_KEEP ? RESPONSE_CLOSE : v;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct buf whole = {0}, cut = {0};
    if (len < 2)
        return 0;
    struct response *r = response_new();
    enum response_verdict a = feed(r, &whole, p + 1, len - 1);
    if (a == RESPONSE_MORE)
        a = response_end(r);
    response_free(r);
    if (a == RESPONSE_KEEP)
        a = RESPONSE_CLOSE;
    enum response_verdict b = run(&cut, p + 1, len - 1, p[0]);
    if (a != b || whole.len != cut.len || (whole.len && memcmp(whole.data, cut.data, whole.len) != 0))
        abort();
    buf_free(&whole);
    buf_free(&cut);
    return 0;
}
