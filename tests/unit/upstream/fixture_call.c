/* fixture_call: see fixture_call.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#include "fixture_call.h"

struct world w;

/* ------------------------------------------------------------ the transport */

static struct transfer *fake_start(void *site, struct transport_request *r,
                                   const struct transport_handlers *h, void *ctx)
{
    assert_true(w.sent_count < FAKES);
    struct transfer *t = mem_alloc(sizeof *t);
    t->site = mem_strdup(site);
    t->path = mem_strdup(r->path);
    t->body = mem_memdup(r->body.data, r->body.len);
    t->handlers = h;
    t->ctx = ctx;
    buf_free(&r->body);
    w.sent[w.sent_count++] = t;
    if (w.refuse_start) {
        t->handlers = NULL;
        return NULL;
    }
    return t;
}

static void fake_cancel(struct transfer *t)
{
    assert_non_null(t->handlers);
    t->handlers = NULL;
    t->cancelled = true;
}

static void fake_finish(struct transfer *t)
{
    assert_non_null(t->handlers);
    t->handlers = NULL;
    t->finished = true;
}

static const struct transport fake = {fake_start, fake_cancel, fake_finish};

struct transfer *last(void)
{
    assert_true(w.sent_count > 0);
    return w.sent[w.sent_count - 1];
}

static const struct transport_handlers *listening(void)
{
    assert_non_null(last()->handlers);
    return last()->handlers;
}

void head(int status, int64_t retry_after_ms, const char *type)
{
    listening()->on_head(last()->ctx, status, retry_after_ms, type);
}

void body(const char *bytes)
{
    listening()->on_body(last()->ctx, bytes, strlen(bytes));
    calls_flush(&w.calls);
}

void ended(enum transport_result result)
{
    struct transfer *t = last();
    const struct transport_handlers *h = listening();
    t->handlers = NULL;
    h->on_end(t->ctx, result, "test");
    calls_flush(&w.calls);
}

void delta(const char *text)
{
    struct buf b = {0};
    buf_printf(&b,
               "data: {\"model\":\"m-real\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"}}]}\n\n",
               text);
    body(buf_cstr(&b));
    buf_free(&b);
}

void finish(const char *reason, int prompt, int completion)
{
    struct buf b = {0};
    buf_printf(&b, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"%s\"}]}\n\n", reason);
    if (prompt >= 0)
        buf_printf(&b, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d}}\n\n",
                   prompt, completion);
    buf_add_lit(&b, "data: [DONE]\n\n");
    body(buf_cstr(&b));
    buf_free(&b);
}

/* ------------------------------------------------------------ the core */

static void event(void)
{
    if (w.told.len)
        buf_add_lit(&w.told, "; ");
    if (++w.events == w.cancel_at) {
        call_cancel(w.call);
        w.ended = true;
    } else {
        assert_false(w.ended); /* nothing after the end */
    }
    assert_non_null(w.call); /* nothing before call_start has returned */
}

static void on_start(void *ctx, enum start_mode mode, const char *model, const char *upstream)
{
    static const char *const modes[] = {"fresh", "reattach", "prefix", "restart"};
    (void)ctx;
    event();
    if (mode == START_RESTART)
        w.text.len = 0;
    buf_printf(&w.told, "start %s %s@%s", modes[mode], model, upstream);
}

static void on_text(void *ctx, enum answer_part part, const char *text, size_t len, unsigned tokens)
{
    (void)ctx;
    event();
    assert_true(len && utf8_valid(text, len));
    if (part == ANSWER_TEXT)
        buf_add(&w.text, text, len);
    buf_add_str(&w.told, part == ANSWER_TEXT ? "text " : "reasoning ");
    buf_add(&w.told, text, len);
    buf_printf(&w.told, "(%u)", tokens);
}

static void on_status(void *ctx, enum call_status status, uint64_t idle_ms)
{
    (void)ctx;
    event();
    buf_printf(&w.told, "%s %llu", status == CALL_STALLED ? "stalled" : "retrying",
               (unsigned long long)idle_ms);
}

static void on_end(void *ctx, const struct call_result *r)
{
    static const char *const names[] = {"complete", "length", "filtered", "truncated", "error"};
    (void)ctx;
    event();
    w.ended = true;
    w.result = *r;
    buf_printf(&w.told, "end %s", names[r->outcome]);
    if (r->error.code)
        buf_printf(&w.told, " %s", err_wire(r->error.code));
    if (r->error.after_ms)
        buf_printf(&w.told, " after %lld", (long long)r->error.after_ms);
    if (r->completion_tokens >= 0 || r->prompt_tokens >= 0)
        buf_printf(&w.told, " %lld/%lld", (long long)r->prompt_tokens, (long long)r->completion_tokens);
    if (r->spent_tokens)
        buf_printf(&w.told, " spent %lld", (long long)r->spent_tokens);
}

static void text_so_far(void *ctx, const char **text, size_t *len, bool *only_text)
{
    (void)ctx;
    assert_non_null(w.call);
    *text = w.text.data;
    *len = w.text.len;
    *only_text = w.only_text;
}

/* ------------------------------------------------------------ the world */

static uint64_t clock_us(void *clock)
{
    (void)clock;
    return w.now_ms * 1000;
}

static uint32_t middle(void)
{
    return UINT32_MAX / 2;
}

static struct config_upstream upstreams[2];
static struct config_target targets[2];
static struct config_route route;

static void routes(size_t count, enum config_continue how)
{
    static const char *const names[] = {"one", "two"};
    static const char *models[] = {"m"};
    static const struct breaker_limits limits = {.failures = 5, .wait_ms = 2000};
    struct site **sites = mem_alloc(2 * sizeof *sites);
    for (size_t i = 0; i < 2; i++) {
        upstreams[i] = (struct config_upstream){.name = names[i],
                                                .url = "http://x",
                                                .dialect = "openai",
                                                .key = "",
                                                .continuation = how,
                                                .models = {models, 1}};
        targets[i] =
            (struct config_target){.upstream = i, .model = "", .order = (int64_t)i, .weight = 1, .body = ""};
        sites[i] = site_new(&upstreams[i], &limits);
        sites[i]->transport = &fake;
        for (unsigned k = 0; k < sites[i]->keys.count; k++)
            sites[i]->wires[k] = sites[i]->name;
    }
    route = (struct config_route){.model = "m", .targets = targets, .target_count = count};
    w.config = (struct config){.upstreams = upstreams,
                               .upstream_count = 2,
                               .routes = &route,
                               .route_count = 1,
                               .upstream_default_model = ""};
    routes_init(&w.routes, &w.config, sites, 2);
}

void world_open(size_t count, enum config_continue how)
{
    static const struct call_limits limits = {.ladder = {.attempts = 4,
                                                         .total_ms = 120000,
                                                         .spend_tokens = 1000,
                                                         .backoff_ms = 200,
                                                         .backoff_max_ms = 2000},
                                              .first_token_ms = 10000,
                                              .between_tokens_ms = 5000,
                                              .stalled_ms = 2000,
                                              .event_bytes = 65536};
    memset(&w, 0, sizeof w);
    log_open(-1, LOG_LEVEL_ERROR, "test");
    w.now_ms = 1000000;
    w.only_text = true;
    routes(count, how);
    calls_init(&w.calls, &limits, clock_us, NULL, middle);
}

void world_close(void)
{
    calls_close(&w.calls);
    routes_free(&w.routes);
    for (int i = 0; i < w.sent_count; i++) {
        assert_null(w.sent[i]->handlers); /* no request outlives its call */
        mem_free(w.sent[i]->site);
        mem_free(w.sent[i]->path);
        mem_free(w.sent[i]->body);
        mem_free(w.sent[i]);
    }
    buf_free(&w.told);
    buf_free(&w.text);
    assert_int_equal(mem_alive(MEM_CALL), 0);
}

void world_ask(const char *params, bool resume)
{
    static const struct call_events events = {on_start, on_text, on_status, on_end, text_so_far};
    struct prompt_message m = {.role = PROMPT_USER, .text = "hi", .len = 2};
    struct prompt p = {.model = "m", .messages = &m, .count = 1, .params_json = params};
    struct pick pick;
    struct err e = {0};
    w.call = NULL;
    w.ended = false;
    assert_true(route_find(&w.routes, "m", middle, &pick, &e));
    w.call = call_start(&w.calls, &pick, &p, resume, &events, NULL, &e);
    pick_free(&pick);
    if (!w.call)
        buf_printf(&w.told, "refused %s after %lld", err_wire(e.code), (long long)e.after_ms);
}

void at(uint64_t ms)
{
    uint64_t until = w.now_ms + ms, next;
    while ((next = calls_next_ms(&w.calls)) <= until) {
        w.now_ms = next > w.now_ms ? next : w.now_ms;
        calls_tick(&w.calls);
    }
    w.now_ms = until;
    calls_sweep(&w.calls);
}

void retried(void)
{
    int sent = w.sent_count;
    for (int i = 0; i < 20 && w.sent_count == sent && calls_next_ms(&w.calls) != TIMER_NEVER; i++)
        at(calls_next_ms(&w.calls) > w.now_ms ? calls_next_ms(&w.calls) - w.now_ms : 0);
    assert_int_equal(w.sent_count, sent + 1);
}

void told(const char *want)
{
    assert_string_equal(buf_cstr(&w.told), want);
    w.told.len = 0;
}
