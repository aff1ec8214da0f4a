/* upstream: the real one, glued together: routes, calls, models and libcurl on one libev loop.
 *
 *     prepare (each turn, before waiting): sweep what is over, arm the one timer for the next deadline
 *
 * It refuses to decide anything: call.c and its ladder do. */
#include "upstream/upstream.h"

#include <ev.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "upstream/call.h"
#include "upstream/http.h"
#include "upstream/models.h"
#include "upstream/plain.h"
#include "upstream/route.h"
#include "upstream/wake.h"
#include "upstream/websocket.h"

#define STILL_MS 200 /* a timer that comes so late */
#define PATIENCE_MS 100

struct real {
    struct upstream base;
    const struct config *config;
    struct ev_loop *loop;
    uint32_t (*random)(void);
    struct http *http;
    struct plain *plain;
    struct calls calls;
    struct routes routes;
    struct models models;
    struct wake wake;
    ev_prepare turn;
    uint64_t armed_ms, patience_ms; /* when the timer comes; nothing is judged before */
};

static struct real *real(struct upstream *u)
{
    return list_entry(u, struct real, base);
}

static uint64_t monotonic_us(void *clock)
{
    struct timespec t;
    (void)clock;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ------------------------------------------------------------ the loop */

static uint64_t next_ms(const struct real *r)
{
    uint64_t a = calls_next_ms(&r->calls), b = models_next_ms(&r->models), next = a < b ? a : b;
    return next < r->patience_ms ? r->patience_ms : next;
}

/* So late we stood still ourselves (SIGSTOP, a paused machine): what came meanwhile is read before anyone is
 * judged to have been silent. */
static bool stood_still(struct real *r)
{
    uint64_t now = monotonic_us(NULL) / 1000;
    if (r->armed_ms == TIMER_NEVER || now < r->armed_ms + STILL_MS)
        return false;
    r->patience_ms = now + PATIENCE_MS;
    return true;
}

static void arm(struct real *r)
{
    uint64_t next = next_ms(r);
    if (next == r->armed_ms)
        return;
    r->armed_ms = next;
    if (next == TIMER_NEVER) {
        wake_stop(&r->wake);
        return;
    }
    uint64_t now_us = monotonic_us(NULL);
    wake_in_us(&r->wake, next * 1000 > now_us ? next * 1000 - now_us : 0);
}

static void on_wake(void *ctx)
{
    struct real *r = ctx;
    bool judges = !stood_still(r);
    r->armed_ms = TIMER_NEVER;
    if (judges) {
        calls_tick(&r->calls);
        models_tick(&r->models);
    }
    calls_sweep(&r->calls);
    arm(r);
}

static void on_turn(struct ev_loop *loop, ev_prepare *w, int events)
{
    struct real *r = w->data;
    (void)loop;
    (void)events;
    calls_sweep(&r->calls);
    arm(r);
}

static void on_read(void *ctx)
{
    struct real *r = ctx;
    calls_flush(&r->calls);
}

static void on_models(void *ctx)
{
    struct real *r = ctx;
    routes_changed(&r->routes);
}

/* ------------------------------------------------------------ sites */

static struct breaker_limits breaker_limits(const struct config *c)
{
    return (struct breaker_limits){.failures = c->upstream_breaker_failures,
                                   .wait_ms = c->upstream_breaker_ms};
}

static struct websocket_limits websocket_limits(const struct config *c)
{
    return (struct websocket_limits){.connect_ms = c->upstream_connect_ms,
                                     .message_max = (size_t)c->upstream_event_bytes};
}

static int64_t backstop_ms(const struct config *c)
{
    return c->upstream_total_ms + 1000; /* the call's own clock strikes first */
}

static bool is_secure(const struct config_upstream *u)
{
    return strncasecmp(u->url, "https:", 6) == 0;
}

static void *wire_http(struct real *r, const struct config *c, const struct config_upstream *u,
                       struct site *s, const char *key)
{
    struct buf head = {0};
    s->dialect->head(&head, key);
    struct http_options o = {.url = u->url,
                             .private_too = u->private_too,
                             .head = buf_cstr(&head),
                             .connect_ms = c->upstream_connect_ms,
                             .total_ms = backstop_ms(c)};
    bool secure = is_secure(u);
    s->transport = secure ? &http_transport : &plain_transport;
    s->close_wire = secure ? http_site_close : plain_site_close;
    void *wire = secure ? (void *)http_site_open(r->http, &o) : (void *)plain_site_open(r->plain, &o);
    explicit_bzero(head.data, head.len);
    buf_free(&head);
    return wire;
}

/* This dialect has no list of models to ask for: the configuration names them. */
static void *wire_websocket(struct real *r, const struct config *c, const struct config_upstream *u,
                            struct site *s, const char *key)
{
    struct websocket_limits limits = websocket_limits(c);
    limits.private_too = u->private_too;
    s->transport = &websocket_transport;
    s->close_wire = websocket_site_close;
    s->asks = false;
    s->models_known = true;
    return websocket_site_open(r->loop, u->url, key, &limits);
}

/* Each key has connections of its own. False: the upstream cannot be used. */
static bool open_wires(struct real *r, const struct config *c, const struct config_upstream *u,
                       struct site *s)
{
    bool ok = s->dialect != NULL;
    for (unsigned i = 0; ok && i < s->keys.count; i++) {
        const char *key = i ? u->more_keys.items[i - 1] : u->key;
        s->wires[i] =
            s->dialect == &dialect_richierich ? wire_websocket(r, c, u, s, key) : wire_http(r, c, u, s, key);
        ok = s->wires[i] != NULL;
    }
    return ok;
}

static struct site *open_site(struct real *r, const struct config *c, const struct config_upstream *u)
{
    struct breaker_limits limits = breaker_limits(c);
    struct site *s = site_new(u, &limits);
    if (!open_wires(r, c, u, s)) {
        log_error("upstream.unusable", LF_STR("upstream", u->name));
        site_drop(s);
        return NULL;
    }
    return s;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool same_upstream(const struct config_upstream *a, const struct config_upstream *b)
{
    bool same = a->more_keys.count == b->more_keys.count && same_text(a->name, b->name) &&
                same_text(a->url, b->url) && same_text(a->key, b->key) && same_text(a->dialect, b->dialect) &&
                a->continuation == b->continuation && a->max_tokens == b->max_tokens &&
                a->private_too == b->private_too && a->first_token_ms == b->first_token_ms &&
                a->between_tokens_ms == b->between_tokens_ms && a->models.count == b->models.count;
    for (size_t i = 0; same && i < a->models.count; i++)
        same = same_text(a->models.items[i], b->models.items[i]);
    for (size_t i = 0; same && i < a->more_keys.count; i++)
        same = same_text(a->more_keys.items[i], b->more_keys.items[i]);
    return same;
}

/* The settings of all upstreams that a reload may have changed. */
static void new_limits(struct site *s, const struct config *c)
{
    struct websocket_limits limits = websocket_limits(c);
    s->limits = breaker_limits(c);
    for (unsigned i = 0; i < s->keys.count && s->wires[i]; i++)
        if (s->dialect == &dialect_richierich)
            websocket_site_limits(s->wires[i], &limits);
        else if (s->transport == &plain_transport)
            plain_site_limits(s->wires[i], c->upstream_connect_ms);
        else
            http_site_limits(s->wires[i], c->upstream_connect_ms, backstop_ms(c));
}

/* An upstream that a reload did not change keeps its connections, its models and its circuits. */
static struct site *find_site(struct real *r, const struct config *c, const struct config_upstream *u)
{
    for (size_t i = 0; r->config && i < r->routes.site_count; i++)
        if (same_upstream(&r->config->upstreams[i], u)) {
            struct site *s = r->routes.sites[i];
            new_limits(s, c);
            site_hold(s);
            return s;
        }
    return NULL;
}

/* An upstream that cannot be used still has its place, so that targets keep their index: nothing reaches it.
 */
static struct site *empty_site(const struct config_upstream *u)
{
    struct config_upstream none = *u;
    none.models = (struct config_strings){0};
    struct breaker_limits limits = {.failures = 1, .wait_ms = 1000};
    struct site *s = site_new(&none, &limits);
    s->dialect = &dialect_openai;
    s->transport = &http_transport;
    s->models_known = true;
    s->asks = false;
    return s;
}

static void load(struct real *r, const struct config *config)
{
    struct routes next;
    struct call_limits limits;
    struct site **sites = mem_alloc((config->upstream_count + 1) * sizeof(struct site *));
    for (size_t i = 0; i < config->upstream_count; i++) {
        sites[i] = find_site(r, config, &config->upstreams[i]);
        if (!sites[i])
            sites[i] = open_site(r, config, &config->upstreams[i]);
        if (!sites[i])
            sites[i] = empty_site(&config->upstreams[i]);
    }
    routes_init(&next, config, sites, config->upstream_count);
    models_clear(&r->models);
    r->models.refresh_ms = config->upstream_models_s * 1000;
    for (size_t i = 0; i < next.site_count; i++)
        if (sites[i]->asks)
            models_add(&r->models, sites[i]);
    calls_limits(&limits, config);
    r->calls.limits = limits;
    if (r->config)
        routes_free(&r->routes);
    r->routes = next;
    r->config = config;
}

/* ------------------------------------------------------------ the interface */

static struct call *op_start(struct upstream *u, const struct prompt *prompt, bool resume,
                             const struct call_events *events, void *ctx, struct err *error)
{
    struct real *r = real(u);
    struct pick pick;
    if (!route_find(&r->routes, prompt->model, r->random, &pick, error))
        return NULL;
    struct call *c = call_start(&r->calls, &pick, prompt, resume, events, ctx, error);
    pick_free(&pick);
    arm(r);
    return c;
}

static void op_cancel(struct call *c)
{
    call_cancel(c);
}

static bool op_knows(struct upstream *u, const char *model, struct err *error)
{
    return route_knows(&real(u)->routes, model, error);
}

static size_t op_models(struct upstream *u, const char *const **names)
{
    return routes_names(&real(u)->routes, names);
}

static const struct upstream_ops ops = {op_start, op_cancel, op_knows, op_models};

struct upstream *upstream_open(const struct config *config, struct ev_loop *loop, uint32_t (*random)(void))
{
    struct real *r = mem_alloc(sizeof *r);
    struct call_limits limits;
    r->base.ops = &ops;
    r->loop = loop;
    r->random = random;
    r->armed_ms = TIMER_NEVER;
    wake_init(&r->wake, loop, on_wake, r);
    r->http = http_open(loop, on_read, r);
    r->plain = plain_open(loop, on_read, r);
    calls_limits(&limits, config);
    calls_init(&r->calls, &limits, monotonic_us, NULL, random);
    models_init(&r->models, monotonic_us, NULL, on_models, r);
    load(r, config);
    ev_prepare_init(&r->turn, on_turn);
    r->turn.data = r;
    ev_prepare_start(loop, &r->turn);
    ev_unref(loop); /* the prepare watcher alone keeps no loop alive */
    arm(r);
    return &r->base;
}

void upstream_reload(struct upstream *u, const struct config *config)
{
    load(real(u), config);
    arm(real(u));
}

bool upstream_ready(struct upstream *u)
{
    const struct routes *t = &real(u)->routes;
    bool asks = false, known = false;
    for (size_t i = 0; i < t->site_count; i++) {
        asks |= t->sites[i]->asks;
        known |= t->sites[i]->models_known;
    }
    return known || !asks;
}

void upstream_close(struct upstream *u)
{
    struct real *r = real(u);
    calls_close(&r->calls);
    models_clear(&r->models);
    routes_free(&r->routes);
    wake_stop(&r->wake);
    ev_ref(r->loop);
    ev_prepare_stop(r->loop, &r->turn);
    http_close(r->http);
    plain_close(r->plain);
    mem_free(r);
}
