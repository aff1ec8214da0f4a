/* redis_world: see redis_world.h. */
#include "contract/redis_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "store/redis.h"

#define PATIENCE_MS 30000

static struct redis_world *world_open_now; /* close has no other way to it */

static void forget(struct session_store *s)
{
    for (size_t i = 0; i < REDIS_WORLD_NODES; i++)
        if (world_open_now->nodes[i] == s)
            world_open_now->nodes[i] = NULL;
    redis_close(s);
}

static struct session_store *open_node(void *ctx, const char *node, const struct session_store_events *events,
                                       void (*wake)(void *), void *wake_ctx)
{
    struct redis_world *w = ctx;
    char error[256] = "";
    const struct session_redis_options options = {
        .url = w->url, .node = node, .timeout_ms = 5000, .connect_ms = 5000};
    struct session_store *s = session_redis_open(&options, w->loop, events, error, sizeof(error));
    (void)wake, (void)wake_ctx;
    if (!s)
        fail_msg("%s: %s", w->url, error);
    s->ops = &w->ops;
    for (size_t i = 0; i < REDIS_WORLD_NODES; i++) {
        if (!w->nodes[i]) {
            w->nodes[i] = s;
            return s;
        }
    }
    fail_msg("too many nodes");
    return NULL;
}

static void clean(void *ctx)
{
    struct redis_world *w = ctx;
    for (size_t i = 0; i < w->server_count; i++)
        redis_server_ask(&w->servers[i], "FLUSHALL");
}

static void pass_time(void *ctx, uint64_t ms)
{
    struct redis_world *w = ctx;
    for (size_t i = 0; i < w->server_count; i++)
        atomic_fetch_add(w->servers[i].clock_us, (int64_t)ms * 1000);
}

void redis_world_until(struct redis_world *w, bool (*done)(void *ctx), void *ctx)
{
    uint64_t until = link_now_ms() + PATIENCE_MS;
    while (!done(ctx)) {
        ev_run(w->loop, EVRUN_ONCE);
        if (link_now_ms() > until)
            fail_msg("waited in vain");
    }
}

static bool quiet(void *ctx)
{
    const struct redis_world *w = ctx;
    for (size_t i = 0; i < REDIS_WORLD_NODES; i++)
        if (w->nodes[i] && !redis_settled(w->nodes[i]))
            return false;
    return true;
}

/* First what is under way, then whatever it published, which is before the probe. */
static bool settle(void *ctx)
{
    struct redis_world *w = ctx;
    redis_world_until(w, quiet, w);
    for (size_t i = 0; i < REDIS_WORLD_NODES; i++)
        if (w->nodes[i])
            redis_settle_begin(w->nodes[i]);
    redis_world_until(w, quiet, w);
    return false;
}

struct session_factory redis_world_open(struct redis_world *w)
{
    w->loop = ev_loop_new(EVFLAG_AUTO);
    w->ops = redis_ops;
    w->ops.close = forget;
    world_open_now = w;
    log_set_level(getenv("REDIS_TEST_LOG") ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR);
    return (struct session_factory){.name = "redis",
                                    .open = open_node,
                                    .clean = clean,
                                    .pass = pass_time,
                                    .settle = settle,
                                    .outbox = session_redis_outbox(),
                                    .ctx = w};
}

void redis_world_close(struct redis_world *w)
{
    ev_loop_destroy(w->loop);
    for (size_t i = 0; i < w->server_count; i++)
        redis_server_free(&w->servers[i]);
}
