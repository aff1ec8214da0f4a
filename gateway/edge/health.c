/* health: what a supervisor, a load balancer and a scraper ask. It never says anything about one user. */
#include <string.h>

#include "base/json.h"
#include "base/metrics.h"
#include "edge/routes.h"

static uint64_t started_us; /* of the first tick */

void health_tick(const struct node *n)
{
    if (!started_us)
        started_us = n->now_us;
}

void health_live(struct http_exchange *x)
{
    static const char body[] = "{\"status\":\"ok\"}";
    http_reply_json(x, 200, body, sizeof body - 1);
}

struct checks {
    bool accepting, history, upstream;
    bool detour; /* without history, prompts wait for it in the outbox */
};

static struct checks check(const struct node *n)
{
    const char *const *names;
    return (struct checks){.accepting = !n->draining,
                           .history = n->history->ops->healthy(n->history),
                           .detour = n->outbox_ops != NULL,
                           .upstream = n->upstream->ops->models(n->upstream, &names) > 0};
}

static bool is_ready(const struct checks *c)
{
    return c->accepting && (c->history || c->detour) && c->upstream;
}

static void add_checks(struct buf *out, const struct checks *c)
{
    static const char *const words[] = {"false", "true"};
    buf_printf(out, "\"checks\":{\"accepting\":%s,\"history\":%s,\"upstream\":%s}", words[c->accepting],
               words[c->history], words[c->upstream]);
}

void health_ready(struct http_exchange *x)
{
    struct checks c = check(x->node);
    struct buf out = {0};
    buf_printf(&out, "{\"status\":\"%s\",", is_ready(&c) ? "ready" : "not ready");
    add_checks(&out, &c);
    buf_add_char(&out, '}');
    http_reply_json(x, is_ready(&c) ? 200 : 503, out.data, out.len);
    buf_free(&out);
}

static void add_generations(struct buf *out)
{
    static const char *const states[] = {"recording", "queued", "running", "ending", "done"};
    buf_add_lit(out, "\"generations\":{");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        buf_printf(out, "%s\"%s\":%lld", i ? "," : "", states[i],
                   (long long)metric_get(METRIC_GENERATIONS, states[i]));
    buf_add_lit(out, "},");
}

void health_show(struct http_exchange *x)
{
    const struct node *n = x->node;
    struct checks c = check(n);
    struct buf out = {0};
    const char *status = n->draining ? "draining" : is_ready(&c) && c.history ? "ok" : "degraded";
    buf_printf(&out, "{\"status\":\"%s\",\"version\":\"%s\",\"node\":", status, LASTWORD_VERSION);
    json_add_cstring(&out, n->name);
    buf_printf(&out, ",\"uptime_s\":%llu,\"connections\":%lld,\"sessions\":%lld,",
               (unsigned long long)((started_us ? n->now_us - started_us : 0) / 1000000),
               (long long)metric_get(METRIC_CONNECTIONS, NULL), (long long)metric_get(METRIC_SESSIONS, NULL));
    add_generations(&out);
    add_checks(&out, &c);
    buf_add_char(&out, '}');
    http_reply_json(x, 200, out.data, out.len);
    buf_free(&out);
}

void health_metrics(struct http_exchange *x)
{
    static const struct http_field type = {"content-type", "text/plain; version=0.0.4; charset=utf-8"};
    struct buf out = {0};
    metrics_write(&out);
    http_reply(x, 200, &type, 1, out.data, out.len);
    buf_free(&out);
}
