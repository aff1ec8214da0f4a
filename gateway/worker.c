/* worker: see worker.h. */
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"
#include "clock.h"
#include "core/takeover.h"
#include "edge/routes.h"
#include "worker_inner.h"

#define TICK_S 0.05
#define START_US 1000000   /* for an upstream to name its models */
#define LINGER_MS 1000     /* after drain.spread_ms, for those whose moment was the last */
#define CLOSING_US 4000000 /* for the last close frames; edge_tick ends each connection sooner */

/* ------------------------------------------------------------------ the turn */

static void move(struct worker *w, enum worker_state to)
{
    w->state = to;
    w->since_us = w->node.now_us;
}

/* After the poll, before any event of it. */
static void turn_begin(struct worker *w)
{
    w->turn_us = clock_us();
    node_turn(&w->node, w->turn_us, clock_unix_ms());
    w->node.sessions->ops->turn(w->node.sessions, node_ms(&w->node));
}

/* The pipe takes it: it holds thousands, and there is one for each start. If the supervisor is gone, SIGTERM
 * is on its way. */
static void tell_supervisor(const struct worker_slot *slot)
{
    const unsigned char number = (unsigned char)slot->number;
    ssize_t done = write(slot->ready, &number, 1);
    (void)done;
}

/* Clients may come when what was running is in memory again and the models are known; they wait in the kernel
 * meanwhile, but not for ever for an upstream that is down. */
static void serve_when_ready(struct worker *w)
{
    bool waited = w->turn_us - w->since_us >= START_US;
    const struct session_store *s = w->node.sessions;
    bool ready = upstream_ready(w->node.upstream) && worker_keys_ready(w) &&
                 (!s->shared || s->ops->healthy(w->node.sessions));
    if (w->state != WORKER_STARTING || !w->taken_over || (!waited && !ready))
        return;
    move(w, WORKER_SERVING);
    if (!listener_start(w->listener, w->config)) {
        log_error("gateway.cannot_start", LF_STR("part", "listen"), LF_STR("error", strerror(errno)));
        w->exit_code = 1;
        ev_break(w->loop, EVBREAK_ALL);
        return;
    }
    const char *address = listener_address(w->listener);
    log_info("gateway.ready", LF_STR("address", address), LF_STR("version", LASTWORD_VERSION));
    if (w->slot) {
        tell_supervisor(w->slot);
        return;
    }
    printf("lastword: listening on http://%s\n", address);
    fflush(stdout);
}

/* After every event, before the next poll: what they made ready goes out, one write a connection. */
static void turn_end(struct worker *w)
{
    serve_when_ready(w);
    if (edge_flush(&w->edge))
        ev_idle_start(w->loop, &w->again);
    metric_observe_us(METRIC_LOOP_TURN, clock_us() - w->turn_us);
}

static void on_check(struct ev_loop *loop, struct ev_check *watcher, int events)
{
    (void)loop;
    (void)events;
    turn_begin(watcher->data);
}

static void on_prepare(struct ev_loop *loop, struct ev_prepare *watcher, int events)
{
    (void)loop;
    (void)events;
    turn_end(watcher->data);
}

/* The next poll does not wait. */
static void on_again(struct ev_loop *loop, struct ev_idle *watcher, int events)
{
    (void)events;
    ev_idle_stop(loop, watcher);
}

static void wake_turn(void *ctx)
{
    struct worker *w = ctx;
    ev_idle_start(w->loop, &w->again);
}

/* ------------------------------------------------------------------ ending */

/* The port stays open: a balancer's probe is answered 503, and so is whoever comes meanwhile. */
static void begin_draining(struct worker *w)
{
    move(w, WORKER_DRAINING);
    log_info("gateway.draining", LF_INT("connections", w->edge.connections),
             LF_INT("deadline_ms", w->config->drain_deadline_ms));
    node_drain(&w->node);
    edge_leave(&w->edge);
}

static void begin_closing(struct worker *w)
{
    move(w, WORKER_CLOSING);
    node_hand_over(&w->node);
    listener_close(w->listener);
    w->listener = NULL;
    edge_close(&w->edge, 4001, "going away");
}

static void tick_ending(struct worker *w)
{
    uint64_t age_us = w->node.now_us - w->since_us;
    /* Who has not moved when the spread is over was told and did not listen; nobody waits for them. */
    uint64_t patience_us = ((uint64_t)w->config->drain_spread_ms + LINGER_MS) * 1000;
    bool quiet = node_idle(&w->node) && (!w->edge.connections || age_us >= patience_us);
    if (w->state == WORKER_DRAINING && (quiet || age_us >= (uint64_t)w->config->drain_deadline_ms * 1000))
        begin_closing(w);
    bool closed = !w->edge.connections && !w->node.releasing;
    if (w->state == WORKER_CLOSING && (closed || age_us >= CLOSING_US))
        ev_break(w->loop, EVBREAK_ALL);
}

static void on_tick(struct ev_loop *loop, struct ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    struct worker *w = watcher->data;
    worker_keys_take(w);
    worker_tokens_tick(w);
    node_tick(&w->node);
    http_routes_tick(&w->node);
    edge_tick(&w->edge);
    tick_ending(w);
}

/* The first signal drains, the second closes, the third is obeyed at once. */
static void on_end_signal(struct ev_loop *loop, struct ev_signal *watcher, int events)
{
    (void)events;
    struct worker *w = watcher->data;
    w->signals++;
    if (w->signals == 1 && w->state == WORKER_SERVING)
        begin_draining(w);
    else if (w->signals <= 2 && w->state != WORKER_CLOSING)
        begin_closing(w);
    else
        ev_break(loop, EVBREAK_ALL);
}

/* ------------------------------------------------------------------ reloading */

static void log_each_line(char *lines, const char *event)
{
    for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n"))
        log_warn(event, LF_STR("setting", line));
}

static void set_log_level(const struct config *config)
{
    enum log_level level;
    if (log_level_parse(config->log_level, &level))
        log_set_level(level);
}

/* Everything that holds on to the configuration is given the new one; then the old one goes. */
static void use_config(struct worker *w, struct config *config)
{
    struct auth *auth = auth_new(config, w->ticket_secret);
    auth_set_keys(auth, w->keys);
    auth_set_tokens(auth, w->tokens);
    w->node.config = config;
    w->node.authenticate_ctx = auth;
    upstream_reload(w->node.upstream, config);
    if (w->listener)
        listener_reload(w->listener, config);
    set_log_level(config);
    metrics_limit((size_t)config->limits_label_values);
    auth_free(w->auth);
    config_free(w->config);
    w->auth = auth;
    w->config = config;
}

static void on_hangup(struct ev_loop *loop, struct ev_signal *watcher, int events)
{
    (void)loop;
    (void)events;
    struct worker *w = watcher->data;
    struct config_error error;
    struct config *next = config_load(w->config_path, w->env, &error);
    if (!next) {
        log_error("config.refused", LF_STR("error", error.text));
        return;
    }
    struct buf restart = {0};
    struct config *merged = config_reload(w->config, next, &restart);
    config_free(next);
    if (restart.len)
        log_each_line(buf_cstr(&restart), "config.needs_restart");
    buf_free(&restart);
    use_config(w, merged);
    log_info("config.reloaded", LF_STR("path", w->config_path ? w->config_path : ""));
}

/* ------------------------------------------------------------------ starting */

static void start_signal(struct worker *w, struct ev_signal *watcher, int signal,
                         void (*on_signal)(struct ev_loop *, struct ev_signal *, int))
{
    ev_signal_init(watcher, on_signal, signal);
    watcher->data = w;
    ev_signal_start(w->loop, watcher);
}

/* What the supervisor blocked while nobody here would have heard it. */
static void let_signals_in(void)
{
    sigset_t heard;
    sigemptyset(&heard);
    sigaddset(&heard, SIGTERM);
    sigaddset(&heard, SIGINT);
    sigaddset(&heard, SIGHUP);
    sigaddset(&heard, SIGCHLD);
    sigprocmask(SIG_UNBLOCK, &heard, NULL);
}

static void start_watchers(struct worker *w)
{
    ev_check_init(&w->check, on_check);
    ev_set_priority(&w->check, EV_MAXPRI);
    ev_prepare_init(&w->prepare, on_prepare);
    ev_set_priority(&w->prepare, EV_MINPRI);
    ev_timer_init(&w->tick, on_tick, TICK_S, TICK_S);
    w->check.data = w->prepare.data = w->tick.data = w;
    ev_check_start(w->loop, &w->check);
    ev_prepare_start(w->loop, &w->prepare);
    ev_timer_start(w->loop, &w->tick);
    start_signal(w, &w->terminate, SIGTERM, on_end_signal);
    start_signal(w, &w->interrupt, SIGINT, on_end_signal);
    start_signal(w, &w->hangup, SIGHUP, on_hangup);
    if (w->slot)
        let_signals_in();
}

/* The answers found running are in memory again: from here on a resume finds them. */
static void on_taken_over(void *ctx)
{
    struct worker *w = ctx;
    w->taken_over = true;
}

/* ------------------------------------------------------------------ the whole */

int worker_run_slot(struct config *config, const char *path, char *const *env, const struct worker_slot *slot)
{
    struct worker w = {.config = config, .slot = slot, .config_path = path, .env = env, .exit_code = 1};
    w.loop = ev_loop_new(EVFLAG_AUTO);
    ev_idle_init(&w.again, on_again);
    if (worker_open(&w, wake_turn)) {
        w.exit_code = 0;
        w.since_us = w.node.now_us;
        start_watchers(&w);
        turn_begin(&w);
        if (w.node.sessions->shared)
            on_taken_over(&w); /* what ran here has others, or waits in the shared store */
        else
            takeover_start(&w.node, on_taken_over, &w);
        ev_run(w.loop, 0);
        log_info("gateway.stopped", LF_INT("connections", w.edge.connections));
    }
    worker_close(&w);
    ev_loop_destroy(w.loop);
    return w.exit_code;
}

int worker_run(struct config *config, const char *path, char *const *env)
{
    return worker_run_slot(config, path, env, NULL);
}
