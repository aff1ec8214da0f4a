/* redis: the session store on Redis: opening, closing, its turns of the loop, and whether it is up. See
 * redis.h.
 *
 *     ev_idle, when asked for:   what waits without hope, answers that were deferred
 *     ev_prepare, last of all:   gathered appends, what the links have to write
 *     every 50 ms:               connections, watchdogs, what waits, follows that are due */
#include "store/redis.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

#define TICK_MS 50
/* A tick so late means that we were stopped ourselves: what has come meanwhile is read before it is judged.
 */
#define ASLEEP_MS 500
#define OUTBOX_MOST 100000
#define GATHER_US 250

void redis_wake(struct redis_store *s)
{
    ev_idle_start(s->loop, &s->again);
}

void redis_health(struct redis_store *s)
{
    bool up = s->server_count > 0;
    for (size_t i = 0; i < s->server_count; i++)
        up = up && s->servers[i]->link.state == LINK_READY;
    for (unsigned slot = 0; up && slot < REDIS_SLOTS && !server_single(s); slot++)
        up = s->slots[slot] != 0;
    if (up == s->up)
        return;
    s->up = up;
    metric_set(METRIC_REDIS_UP, up);
    log_info("redis.health", LF_STR("state", up ? "up" : "down"));
    if (s->events.on_health)
        s->events.on_health(s->events.ctx, up);
}

/* ---- turns */

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Appends that come within gather_us of the last bundle wait for the rest of that time, so that Redis is not
 * asked for each one by itself; the first after a pause goes at once. libev's timers are too coarse for that.
 */
static void flush_gathered(struct redis_store *s)
{
    uint64_t now = now_us(), due = s->flushed_us + s->gather_us;
    if (list_empty(&s->gathered))
        return;
    if (now >= due) {
        s->flushed_us = now;
        ops_flush(s, false);
    } else if (!s->window_open) {
        struct itimerspec in = {.it_value = {.tv_sec = (time_t)((due - now) / 1000000),
                                             .tv_nsec = (long)((due - now) % 1000000) * 1000}};
        s->window_open = timerfd_settime(s->window.fd, 0, &in, NULL) == 0;
    }
}

static void on_window(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct redis_store *s = io->data;
    uint64_t times;
    (void)loop, (void)events;
    s->window_open = read(io->fd, &times, sizeof(times)) < 0; /* ev_prepare does the rest */
}

static void on_prepare(struct ev_loop *loop, struct ev_prepare *prepare, int events)
{
    struct redis_store *s = prepare->data;
    (void)loop, (void)events;
    flush_gathered(s);
    servers_flush(s);
    link_flush(&s->scout.link);
    link_flush(&s->hearing.link);
}

static void on_again(struct ev_loop *loop, struct ev_idle *idle, int events)
{
    struct redis_store *s = idle->data;
    (void)events;
    ev_idle_stop(loop, idle);
    if (s->pump_due)
        ops_pump(s, link_now_ms());
    ops_deliver(s);
}

static void on_tick(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct redis_store *s = timer->data;
    uint64_t now = link_now_ms();
    bool awake = now - s->ticked_ms < ASLEEP_MS;
    (void)loop, (void)events;
    s->ticked_ms = now;
    scout_tick(s, now);
    servers_tick(s, now, awake);
    hearing_tick(s, now, awake);
    ops_pump(s, now);
}

static void start(struct redis_store *s)
{
    ev_prepare_init(&s->prepare, on_prepare);
    ev_set_priority(&s->prepare, EV_MINPRI); /* after whoever has something to send in this turn */
    ev_idle_init(&s->again, on_again);
    ev_set_priority(&s->again, EV_MAXPRI); /* or a busy loop would never come to it */
    ev_timer_init(&s->tick, on_tick, 0., TICK_MS / 1000.);
    ev_io_init(&s->window, on_window, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), EV_READ);
    s->prepare.data = s->again.data = s->tick.data = s->window.data = s;
    ev_io_start(s->loop, &s->window);
    ev_prepare_start(s->loop, &s->prepare);
    ev_timer_start(s->loop, &s->tick);
    s->ticked_ms = link_now_ms();
}

/* ---- life */

/* A server that goes away while something is written to it is an error like another, not a signal. */
static void ignore_sigpipe(void)
{
    struct sigaction is;
    if (sigaction(SIGPIPE, NULL, &is) == 0 && is.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
}

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
    return value ? value : otherwise;
}

struct session_store *session_redis_open(const struct session_redis_options *options, struct ev_loop *loop,
                                         const struct session_store_events *events, char *error,
                                         size_t error_size)
{
    struct redis_url url;
    if (!redis_url_parse(options->url, &url, error, error_size))
        return NULL;
    struct redis_store *s = mem_alloc(sizeof(*s));
    s->base.ops = &redis_ops;
    s->base.shared = true;
    s->url = url;
    s->loop = loop;
    if (events)
        s->events = *events;
    s->limits = (struct link_limits){.connect_ms = or_default(options->connect_ms, 1000),
                                     .timeout_ms = or_default(options->timeout_ms, 1000)};
    s->gather_us = or_default(options->gather_us, GATHER_US);
    size_t most = (size_t)or_default(options->outbox, OUTBOX_MOST);
    s->outbox_most = most < REDIS_SHARDS ? 1 : most / REDIS_SHARDS;
    snprintf(s->node, sizeof(s->node), "%s", options->node);
    list_init(&s->waiting);
    list_init(&s->gathered);
    list_init(&s->deferred);
    list_init(&s->parents);
    ignore_sigpipe();
    scout_open(s);
    servers_open(s);
    hearing_open(s);
    start(s);
    return &s->base;
}

bool session_redis_check(const char *url, char *error, size_t error_size)
{
    struct redis_url out;
    return redis_url_parse(url, &out, error, error_size);
}

void redis_close(struct session_store *base)
{
    struct redis_store *s = redis_self(base);
    s->events = (struct session_store_events){0};
    ev_prepare_stop(s->loop, &s->prepare);
    ev_timer_stop(s->loop, &s->tick);
    ev_io_stop(s->loop, &s->window);
    close(s->window.fd);
    link_close(&s->scout.link);
    hearing_close(s);
    servers_close(s); /* what is out is deferred */
    ev_idle_stop(s->loop, &s->again);
    ops_drop(s);
    buf_free(&s->scratch);
    mem_free(s);
}

/* ---- for tests */

void redis_settle_begin(struct session_store *base)
{
    hearing_probe(redis_self(base));
}

bool redis_settled(const struct session_store *base)
{
    const struct redis_store *s = (const struct redis_store *)base;
    bool probing = s->hearing.probes > 0;
    for (size_t i = 0; i < s->server_count; i++)
        probing = probing || s->servers[i]->probed;
    return s->up && s->hearing.link.state == LINK_READY && !s->op_count && !probing;
}
