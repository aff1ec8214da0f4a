/* worker_open: what a worker is made of, opened in order and closed in the reverse. See worker.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "clock.h"
#include "core/cluster.h"
#include "edge/http_socket.h"
#include "edge/page.h"
#include "worker_inner.h"

void worker_name(const struct config *config, char out[WORKER_NAME])
{
    char host[40] = "gateway";
    if (*config->listen_node) {
        snprintf(out, WORKER_NAME, "%s", config->listen_node);
        return;
    }
    gethostname(host, sizeof host - 1);
    host[sizeof host - 1] = '\0';
    snprintf(out, WORKER_NAME, "%s-%d", host, (int)getpid());
}

static void name_node(struct worker *w)
{
    _Static_assert(sizeof w->node.name == WORKER_NAME, "a name of a worker is a name of a node");
    if (w->slot)
        memcpy(w->node.name, w->slot->node, sizeof w->node.name);
    else
        worker_name(w->config, w->node.name);
    metric_set_for(METRIC_INFO, w->node.name, 1);
}

static bool fail(const char *what, const char *error)
{
    log_error("gateway.cannot_start", LF_STR("part", what), LF_STR("error", error));
    fprintf(stderr, "lastword: %s: %s\n", what, error);
    return false;
}

static void adopt(void *ctx, int fd, const struct address *peer, bool overload)
{
    struct worker *w = ctx;
    http_socket_open(&w->edge, w->loop, fd, peer, overload);
}

static size_t connections(void *ctx)
{
    const struct worker *w = ctx;
    return w->edge.connections;
}

static bool open_sessions(struct worker *w, void (*wake)(void *ctx))
{
    char error[512];
    const struct config *c = w->config;
    const struct session_store_events events = cluster_events(&w->node);
    struct session_redis_options redis = {
        .url = c->session_url, .node = w->node.name, .timeout_ms = (uint64_t)c->session_timeout_ms};
    if (strcmp(c->session_store, "redis") == 0) {
        w->node.sessions = session_redis_open(&redis, w->loop, &events, error, sizeof error);
        w->node.outbox_ops = session_redis_outbox();
        return w->node.sessions || fail("session store", error);
    }
    w->memory = session_memory_new();
    w->node.sessions = session_memory_store(w->memory, w->node.name, false, &events, wake, w);
    return true;
}

static bool open_history(struct worker *w)
{
    char error[512];
    const struct config *c = w->config;
    struct history_sqlite_options sqlite = {
        .path = c->history_path, .fsync = c->history_fsync, .queue = (size_t)c->history_queue};
    struct history_postgres_options postgres = {.primary = c->history_url,
                                                .standby = *c->history_read_url ? c->history_read_url : NULL,
                                                .prepared = c->history_prepared,
                                                .queue = (size_t)c->history_queue};
    if (strcmp(c->history_store, "postgres") == 0)
        w->node.history = history_postgres_open(&postgres, w->loop, error, sizeof error);
    else
        w->node.history = history_sqlite_open(&sqlite, w->loop, error, sizeof error);
    return w->node.history || fail("history", error);
}

static bool open_node(struct worker *w, void (*wake)(void *ctx))
{
    const struct config *c = w->config;
    w->node.config = c;
    w->node.random = clock_random;
    clock_random(w->ticket_secret, sizeof w->ticket_secret);
    w->auth = auth_new(c, w->ticket_secret);
    w->node.ticket = auth_ticket;
    w->node.authenticate = auth_check;
    w->node.authenticate_ctx = w->auth;
    if (!open_sessions(w, wake) || !open_history(w))
        return false;
    char error[512];
    if (!worker_tokens_open(w, error, sizeof error))
        return fail("jwt.jwks", error);
    if (!worker_keys_open(w))
        return fail("keys", "no thread can be had");
    w->node.upstream = upstream_open(c, w->loop, clock_random_32);
    if (!w->node.upstream)
        return fail("upstream", "cannot be set up");
    w->node.now_us = clock_us();
    w->node.unix_ms = clock_unix_ms();
    node_init(&w->node);
    return true;
}

static bool open_edge(struct worker *w)
{
    char error[512];
    const struct listener_ops ops = {.adopt = adopt, .connections = connections, .ctx = w};
    if (!page_open(w->config->page_dir, error, sizeof error))
        return fail("page", error);
    listener_raise_limit((size_t)w->config->limits_connections);
    edge_init(&w->edge, &w->node, &http_socket_wire);
    w->websocket = websocket_open(w->loop);
    if (!w->websocket)
        return fail("websocket", "libwebsockets cannot start; is libwebsockets-evlib-ev installed?");
    w->listener = listener_open(w->config, w->slot ? w->slot->port : 0, w->loop, &ops, error, sizeof error);
    if (!w->listener)
        return fail("listen", error);
    return true;
}

bool worker_open(struct worker *w, void (*wake)(void *ctx))
{
    enum log_level level = LOG_LEVEL_INFO;
    log_level_parse(w->config->log_level, &level);
    name_node(w);
    log_open(STDERR_FILENO, level, w->node.name);
    metrics_limit((size_t)w->config->limits_label_values);
    return open_node(w, wake) && open_edge(w);
}

void worker_close(struct worker *w)
{
    listener_close(w->listener);
    if (w->edge.connections)
        _exit(w->exit_code); /* the library cannot be taken down under open connections */
    if (w->websocket)
        websocket_close(w->websocket);
    if (w->edge.wire)
        edge_free(&w->edge);
    if (w->node.upstream) {
        node_close(&w->node);
        upstream_close(w->node.upstream);
    }
    if (w->node.history)
        w->node.history->ops->close(w->node.history);
    if (w->node.sessions)
        w->node.sessions->ops->close(w->node.sessions);
    if (w->memory)
        session_memory_free(w->memory);
    auth_free(w->auth);
    worker_keys_close(w);
    jwks_free(w->tokens);
    page_close();
    config_free(w->config);
}
