/* fuzz_sse: any bytes, whole and cut by a pattern of their own: the same events, also at the end, and nothing
 * read past it. The first byte is the seed of the cuts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "upstream/sse.h"

#define MAX_EVENT 300

static void add(struct buf *out, const struct sse_event *e)
{
    if (e->data_len > MAX_EVENT || e->name_len > MAX_EVENT)
        abort();
    buf_add(out, e->name, e->name_len);
    buf_add_char(out, '|');
    buf_add(out, e->data, e->data_len);
    buf_add_char(out, ';');
}

static bool feed(struct sse *s, struct buf *out, const uint8_t *p, size_t len)
{
    char *copy = malloc(len ? len : 1);
    if (len)
        memcpy(copy, p, len);
    struct sse_read r = sse_read(copy, len);
    struct sse_event e;
    enum sse_next got;
    while ((got = sse_next(s, &r, &e)) == SSE_EVENT)
        add(out, &e);
    if (got == SSE_MORE && r.p != r.end)
        abort();
    free(copy);
    return got == SSE_MORE;
}

/* The body ends. */
static void end(struct sse *s, struct buf *out)
{
    struct sse_event e;
    if (sse_end(s, &e))
        add(out, &e);
    sse_free(s);
}

/* False: an event was over the limit, and where that is noticed may depend on the cuts. */
static bool run(struct buf *out, const uint8_t *p, size_t len, uint32_t cuts)
{
    struct sse s;
    bool ok = true;
    sse_init(&s, MAX_EVENT);
    while (ok && len) {
        cuts = cuts * 1664525u + 1013904223u;
        size_t n = cuts >> 16 ? (cuts >> 24) % 23 + ((cuts >> 16) % 5 ? 0 : 100) : len;
        n = n < len ? n : len;
        ok = feed(&s, out, p, n);
        p += n;
        len -= n;
    }
    end(&s, out);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct buf whole = {0}, cut = {0};
    if (!len)
        return 0;
    struct sse s;
    sse_init(&s, MAX_EVENT);
    bool a = feed(&s, &whole, p + 1, len - 1);
    end(&s, &whole);
    bool b = run(&cut, p + 1, len - 1, p[0]);
    if (a && b && (whole.len != cut.len || (whole.len && memcmp(whole.data, cut.data, whole.len) != 0)))
        abort();
    buf_free(&whole);
    buf_free(&cut);
    return 0;
}
