/* models: see models.h. */
#include "upstream/models.h"

#include "base/log.h"
#include "base/mem.h"
#include "upstream/timers.h"

#define BODY_MAX 1048576 /* bytes of a list */
#define ANSWER_MS 10000  /* for the answer */
#define AGAIN_MS 100     /* after the first failure; doubles */
#define AGAIN_MAX_MS 5000

struct asker {
    struct list node;
    struct models *m;
    struct site *site; /* held */
    struct transfer *transfer;
    struct buf body;
    int status;
    unsigned key; /* of the site */
    int64_t again_ms;
    uint64_t at_ms; /* next asking, or the deadline of this one */
};

static uint64_t now_ms(const struct models *m)
{
    return m->now_us(m->clock) / 1000;
}

void models_init(struct models *m, uint64_t (*now_us)(void *), void *clock, void (*changed)(void *),
                 void *ctx)
{
    *m = (struct models){
        .now_us = now_us, .clock = clock, .changed = changed, .ctx = ctx, .refresh_ms = 60000};
    list_init(&m->askers);
}

void models_add(struct models *m, struct site *s)
{
    struct asker *a = mem_alloc(sizeof *a);
    a->m = m;
    a->site = s;
    a->at_ms = 0;
    site_hold(s);
    list_add_tail(&m->askers, &a->node);
}

static void asker_free(struct asker *a)
{
    list_del(&a->node);
    if (a->transfer)
        a->site->transport->cancel(a->transfer);
    buf_free(&a->body);
    site_drop(a->site);
    mem_free(a);
}

void models_clear(struct models *m)
{
    while (!list_empty(&m->askers))
        asker_free(list_entry(list_first(&m->askers), struct asker, node));
}

static void failed(struct asker *a, const char *reason)
{
    a->again_ms = a->again_ms ? a->again_ms * 2 : AGAIN_MS;
    if (a->again_ms > AGAIN_MAX_MS)
        a->again_ms = AGAIN_MAX_MS;
    a->at_ms = now_ms(a->m) + (uint64_t)a->again_ms;
    log_warn("upstream.models.failed", LF_STR("upstream", a->site->name), LF_INT("status", a->status),
             LF_STR("reason", reason), LF_INT("again_ms", a->again_ms));
}

static void on_head(void *ctx, int status, int64_t retry_after_ms, const char *content_type)
{
    struct asker *a = ctx;
    (void)retry_after_ms;
    (void)content_type;
    a->status = status;
}

static void on_body(void *ctx, const char *bytes, size_t len)
{
    struct asker *a = ctx;
    if (a->body.len + len <= BODY_MAX)
        buf_add(&a->body, bytes, len);
}

static void on_end(void *ctx, enum transport_result result, const char *reason)
{
    struct asker *a = ctx;
    a->transfer = NULL;
    bool known = a->site->models_known;
    bool ok = result == TRANSPORT_OK && a->status == 200 &&
              site_parse_models(a->site, a->body.data ? a->body.data : "", a->body.len);
    buf_free(&a->body);
    if (a->status >= 400 &&
        site_key_failed(a->site, a->key, failure_of_status(a->status, NULL, NULL, NULL), -1, now_ms(a->m)))
        a->again_ms = 0; /* with another key it may be had soon */
    if (!ok) {
        failed(a, result == TRANSPORT_OK ? "not a list of models" : reason);
        return;
    }
    if (!known)
        log_info("upstream.models.known", LF_STR("upstream", a->site->name),
                 LF_INT("count", a->site->model_count));
    a->again_ms = 0;
    a->at_ms = now_ms(a->m) + (uint64_t)a->m->refresh_ms;
    a->m->changed(a->m->ctx);
}

static void ask(struct asker *a)
{
    static const struct transport_handlers handlers = {on_head, on_body, on_end};
    struct transport_request r = {.path = a->site->dialect->models_path};
    a->status = 0;
    a->at_ms = now_ms(a->m) + ANSWER_MS;
    a->key = keys_pick(&a->site->keys, now_ms(a->m));
    a->transfer = a->site->transport->start(a->site->wires[a->key], &r, &handlers, a);
    if (!a->transfer)
        failed(a, "cannot be asked");
}

void models_tick(struct models *m)
{
    uint64_t now = now_ms(m);
    list_each (n, &m->askers) {
        struct asker *a = list_entry(n, struct asker, node);
        if (a->at_ms > now)
            continue;
        if (a->transfer) {
            a->site->transport->cancel(a->transfer);
            a->transfer = NULL;
            failed(a, "no answer in time");
        } else {
            ask(a);
        }
    }
}

uint64_t models_next_ms(const struct models *m)
{
    uint64_t next = TIMER_NEVER;
    list_each (n, &m->askers) {
        const struct asker *a = list_entry(n, struct asker, node);
        next = a->at_ms < next ? a->at_ms : next;
    }
    return next;
}
