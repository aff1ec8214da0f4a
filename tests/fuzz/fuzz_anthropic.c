/* fuzz_anthropic: the same response body whole and cut: text, reasoning, finish, usage, errors and counts
 * must be the same, and all text is UTF-8. The first byte is the seed of the cuts. The same bytes are then
 * the messages of a request: what is built is JSON, whatever they are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "upstream/anthropic.h"

#define MAX_EVENT 4096

struct result {
    struct buf text[2];
    struct answer answer;
    bool too_large;
};

static struct result *filling;

static void flush(struct gather *g, void *owner)
{
    (void)owner;
    if (!utf8_valid(g->text.data, g->text.len))
        abort();
    buf_add(&filling->text[g->part], g->text.data, g->text.len);
    g->tokens = 0;
    g->text.len = 0;
}

static size_t piece(uint32_t *cuts, size_t len)
{
    *cuts = *cuts * 1664525u + 1013904223u;
    size_t n = (*cuts >> 20) % 4 ? (*cuts >> 24) + 200u : (*cuts >> 24) % 17;
    return n < len ? n : len;
}

static void decode(struct result *r, const char *p, size_t len, uint32_t cuts)
{
    struct anthropic_stream s;
    struct gather g = {.flush = flush};
    memset(r, 0, sizeof *r);
    r->answer.prompt_tokens = r->answer.completion_tokens = -1;
    filling = r;
    anthropic_stream_init(&s, MAX_EVENT, "\n ", cuts % 3);
    while (len) {
        size_t n = cuts > 2 ? piece(&cuts, len) : len;
        char *copy = malloc(n ? n : 1);
        memcpy(copy, p, n);
        anthropic_feed(&s, &g, &r->answer, copy, n);
        free(copy);
        p += n;
        len -= n;
    }
    anthropic_end(&s, &g, &r->answer);
    flush(&g, NULL);
    r->too_large = s.sse.over;
    anthropic_stream_free(&s);
    buf_free(&g.text);
}

static bool same_text(const struct buf *a, const struct buf *b)
{
    return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

static void compare(const struct result *a, const struct result *b)
{
    const struct answer *x = &a->answer, *y = &b->answer;
    bool model = (!x->model && !y->model) || (x->model && y->model && !strcmp(x->model, y->model));
    if (a->too_large || b->too_large)
        return; /* where that is noticed depends on the cuts */
    if (!same_text(&a->text[0], &b->text[0]) || !same_text(&a->text[1], &b->text[1]) || !model ||
        x->finish != y->finish || x->failure != y->failure || strcmp(x->detail, y->detail) ||
        x->prompt_tokens != y->prompt_tokens || x->completion_tokens != y->completion_tokens ||
        x->events != y->events || x->malformed != y->malformed || x->done != y->done || x->other != y->other)
        abort();
}

static void result_free(struct result *r)
{
    buf_free(&r->text[0]);
    buf_free(&r->text[1]);
    mem_free(r->answer.model);
}

static void build(const char *p, size_t len, uint32_t how)
{
    struct buf b = {0};
    struct ask a = {.model = "m", .messages = p, .messages_len = len, .max_tokens = 16, .produced = 3};
    if (how & 1) {
        a.prefix = " x\n";
        a.prefix_len = 3;
    }
    anthropic_build(&b, &a);
    json_t *root = json_loadb(b.data, b.len, JSON_ALLOW_NUL, NULL);
    if (!json_is_array(json_object_get(root, "messages")) || !json_object_get(root, "max_tokens"))
        abort();
    json_decref(root);
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct result whole, cut;
    if (len < 2)
        return 0;
    decode(&whole, (const char *)p + 1, len - 1, p[0] % 3u);
    decode(&cut, (const char *)p + 1, len - 1, p[0] % 3u + 3u * (p[0] + 1u));
    compare(&whole, &cut);
    result_free(&whole);
    result_free(&cut);
    build((const char *)p + 1, len - 1, p[0]);
    return 0;
}
