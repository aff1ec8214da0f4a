/* fuzz_openai: the same response body by the fast path and by jansson alone, whole and cut: text, reasoning,
 * finish, usage, errors and counts must be the same. The first byte is the seed of the cuts.
 *
 * Random bytes rarely make two events alike, so the input is also read as a recipe: each byte 0x01 stands for
 * a whole ordinary event, into whose text the bytes up to the next 0x02 go as they are. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "upstream/openai.h"

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

static void decode(struct result *r, const char *p, size_t len, bool fast, uint32_t cuts)
{
    struct openai_stream s;
    struct gather g = {.flush = flush};
    memset(r, 0, sizeof *r);
    r->answer.prompt_tokens = r->answer.completion_tokens = -1;
    filling = r;
    openai_stream_init(&s, MAX_EVENT);
    openai_stream_type(&s, "text/event-stream");
    if (!fast)
        s.fast.credit = 0;
    while (len) {
        size_t n = cuts ? piece(&cuts, len) : len;
        char *copy = malloc(n ? n : 1);
        memcpy(copy, p, n);
        openai_feed(&s, &g, &r->answer, copy, n);
        free(copy);
        p += n;
        len -= n;
    }
    openai_end(&s, &g, &r->answer);
    flush(&g, NULL);
    r->too_large = s.sse.over;
    openai_stream_free(&s);
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
        x->events != y->events || x->malformed != y->malformed || x->done != y->done ||
        x->other != y->other || x->usage_after_finish != y->usage_after_finish)
        abort();
}

static void result_free(struct result *r)
{
    buf_free(&r->text[0]);
    buf_free(&r->text[1]);
    mem_free(r->answer.model);
}

static void compare_all(const char *p, size_t len, uint32_t cuts)
{
    struct result sure, r;
    decode(&sure, p, len, false, 0);
    decode(&r, p, len, true, 0);
    compare(&sure, &r);
    result_free(&r);
    decode(&r, p, len, true, cuts + 1);
    compare(&sure, &r);
    result_free(&r);
    decode(&r, p, len, false, cuts + 1);
    compare(&sure, &r);
    result_free(&r);
    result_free(&sure);
}

static void cook(struct buf *b, const uint8_t *p, size_t len)
{
    static const char *const kinds[] = {"content", "reasoning_content", "reasoning"};
    static const char *const ends[] = {"\n\n", "\r\n\r\n", "\r\r"};
    for (size_t i = 0; i < len; i++) {
        if (p[i] != 1) {
            buf_add_char(b, (char)p[i]);
            continue;
        }
        uint8_t how = i + 1 < len ? p[++i] : 0;
        buf_printf(b, "data:%s{\"id\":\"%d\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"%s\":\"",
                   how & 8 ? "" : " ", how >> 5 & 1, kinds[how & 1 ? how >> 6 & 1 : 0]);
        while (++i < len && p[i] != 2)
            buf_add_char(b, (char)p[i]);
        buf_printf(b, "\"},\"finish_reason\":null}]}%s", ends[(how >> 1 & 3) % 3]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct buf b = {0};
    if (len < 2)
        return 0;
    compare_all((const char *)p + 1, len - 1, p[0]);
    cook(&b, p + 1, len - 1);
    compare_all(buf_cstr(&b), b.len, p[0]);
    buf_free(&b);
    return 0;
}
