/* redis_link: see redis_link.h. What hiredis 0.14 makes one mind:
 *
 *   - its context frees itself on failure, from within HandleRead and HandleWrite; we know by the cleanup
 * hook
 *   - before that it calls every request awaited with NULL: nothing may be sent or completed there
 *   - not to be freed from within its callbacks: drop_due waits until hiredis has returned
 *   - its own libev adapter costs two epoll_ctl a command; ours writes once a turn, from ev_prepare
 *   - redisAsyncConnect would look names up on the loop: it is given numbers only
 *   - in a callback without pending subscriptions, PING of RESP2 confuses it: no PING on a subscribed link */
#include "store/redis_link.h"

#include <hiredis/async.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/log.h"
#include "base/metrics.h"
#include "store/redis_reply.h"
#include "store/redis_resolve.h"

#define BACKOFF_MS 50
#define BACKOFF_MAX_MS 2000
#define SETTLED_MS 1000 /* a connection that did not live so long was no success */

uint64_t link_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t link_now_ms(void)
{
    return link_now_us() / 1000;
}

static uint32_t chance(struct link *l)
{
    l->chance ^= l->chance << 13;
    l->chance ^= l->chance >> 17;
    return l->chance ^= l->chance << 5;
}

/* ---- down */

/* The first try after a connection that worked is at once, the further ones with full jitter. */
static uint64_t backoff(struct link *l)
{
    if (!l->failures)
        return 0;
    unsigned doublings = l->failures < 7 ? l->failures - 1 : 6;
    uint64_t most = (uint64_t)BACKOFF_MS << doublings;
    return chance(l) % ((most < BACKOFF_MAX_MS ? most : BACKOFF_MAX_MS) + 1);
}

/* hiredis has let go of the context. */
static void gone(struct link *l)
{
    bool was_ready = l->state == LINK_READY;
    l->state = LINK_DOWN;
    l->established = l->drop_due = l->write_due = l->subscribed = false;
    l->failures = was_ready && link_now_ms() - l->since_ms > SETTLED_MS ? 0 : l->failures + 1;
    l->retry_ms = link_now_ms() + backoff(l);
    if (was_ready || l->failures == 1)
        log_warn("redis.lost", LF_STR("host", l->at.host), LF_INT("port", l->at.port), LF_STR("why", l->why));
    l->owner.lost(l);
}

static void note(struct link *l, const char *why)
{
    if (!*l->why)
        snprintf(l->why, sizeof(l->why), "%s", why);
}

static void leave(struct link *l)
{
    if (l->resolve)
        resolve_cancel(l->resolve);
    l->resolve = NULL;
    if (l->ac) {
        l->inside = true;
        redisAsyncFree(l->ac); /* calls what is awaited with NULL, then on_cleanup */
        l->inside = false;
    }
}

void link_drop(struct link *l, const char *why)
{
    if (l->state == LINK_DOWN)
        return;
    note(l, why);
    if (l->inside) {
        l->drop_due = true;
        return;
    }
    leave(l);
    gone(l);
}

/* After hiredis has run: it may have freed the context, or somebody asked to. */
static void settle(struct link *l)
{
    if (!l->ac) {
        gone(l);
    } else if (l->drop_due) {
        leave(l);
        gone(l);
    } else if (l->established) {
        l->established = false;
        l->state = LINK_SETUP;
        l->owner.opened(l);
    }
}

void link_afresh(struct link *l)
{
    l->retry_ms = 0;
    l->failures = 0;
}

/* ---- libev */

static void run(struct link *l, void (*handle)(redisAsyncContext *ac))
{
    l->inside = true;
    handle(l->ac);
    l->inside = false;
    settle(l);
}

static void on_readable(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct link *l = io->data;
    (void)loop, (void)events; /* an error shows itself by reading, as a writable socket's by writing */
    l->heard_us = link_now_us();
    l->heard_ms = l->heard_us / 1000;
    run(l, redisAsyncHandleRead);
}

static void write_now(struct link *l)
{
    l->writing = true;
    run(l, redisAsyncHandleWrite);
    l->writing = false;
}

static void on_writable(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct link *l = io->data;
    (void)loop, (void)events;
    l->heard_ms = link_now_ms(); /* it was full, so the other side has taken something */
    write_now(l);
}

void link_flush(struct link *l)
{
    if (!l->write_due)
        return;
    l->write_due = false;
    if (l->ac && l->state >= LINK_SETUP)
        write_now(l);
}

static void add_read(void *data)
{
    struct link *l = data;
    ev_io_start(l->loop, &l->readable);
}

static void del_read(void *data)
{
    struct link *l = data;
    ev_io_stop(l->loop, &l->readable);
}

/* While connecting, and when the socket took only a part, the loop says when to write; else link_flush does.
 */
static void add_write(void *data)
{
    struct link *l = data;
    if (l->state < LINK_SETUP || (l->inside && l->writing))
        ev_io_start(l->loop, &l->writable);
    else
        l->write_due = true;
}

static void del_write(void *data)
{
    struct link *l = data;
    ev_io_stop(l->loop, &l->writable);
}

static void on_cleanup(void *data)
{
    struct link *l = data;
    ev_io_stop(l->loop, &l->readable);
    ev_io_stop(l->loop, &l->writable);
    if (l->ac->errstr && *l->ac->errstr)
        note(l, l->ac->errstr);
    l->ac = NULL;
}

static void on_connect(const redisAsyncContext *ac, int status)
{
    struct link *l = ac->data;
    l->established = status == REDIS_OK;
}

/* ---- up */

static void open_socket(struct link *l, const char *host)
{
    redisAsyncContext *ac = l->at.port ? redisAsyncConnect(host, l->at.port) : redisAsyncConnectUnix(host);
    if (!ac || ac->err) {
        note(l, ac ? ac->errstr : "out of memory");
        if (ac)
            redisAsyncFree(ac);
        gone(l);
        return;
    }
    l->ac = ac;
    ac->data = l;
    ac->ev.data = l;
    ac->ev.addRead = add_read;
    ac->ev.delRead = del_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    ac->ev.cleanup = on_cleanup;
    ev_io_init(&l->readable, on_readable, ac->c.fd, EV_READ);
    ev_io_init(&l->writable, on_writable, ac->c.fd, EV_WRITE);
    l->readable.data = l->writable.data = l;
    redisAsyncSetConnectCallback(ac, on_connect); /* waits for the socket to be writable */
}

static void on_resolved(void *ctx, const char *number)
{
    struct link *l = ctx;
    l->resolve = NULL;
    if (number) {
        open_socket(l, number);
        return;
    }
    note(l, "its name is not known");
    gone(l);
}

static void connect_now(struct link *l, uint64_t now_ms)
{
    if (!l->owner.where(l, &l->at))
        return;
    l->state = LINK_CONNECTING;
    l->since_ms = l->heard_ms = now_ms;
    l->why[0] = '\0';
    if (!l->at.port || resolve_is_number(l->at.host)) {
        open_socket(l, l->at.host);
        return;
    }
    l->resolve = resolve_start(l->loop, l->at.host, on_resolved, l);
    if (!l->resolve)
        on_resolved(l, NULL);
}

void link_ready(struct link *l)
{
    l->state = LINK_READY;
    l->since_ms = link_now_ms();
    metric_add(METRIC_REDIS_CONNECTIONS, 1);
    log_info("redis.ready", LF_STR("host", l->at.host), LF_INT("port", l->at.port));
}

/* ---- requests */

static void on_reply(redisAsyncContext *ac, void *reply, void *data)
{
    struct link_request *r = data;
    (void)ac;
    list_del(&r->link);
    r->on_answer(r, reply);
}

bool link_send(struct link *l, struct link_request *request, const char *command, size_t len)
{
    if (!l->ac || l->drop_due ||
        redisAsyncFormattedCommand(l->ac, on_reply, request, command, len) != REDIS_OK)
        return false;
    request->sent_us = link_now_us();
    request->sent_ms = request->sent_us / 1000;
    list_add_tail(&l->awaited, &request->link);
    return true;
}

static void on_message(redisAsyncContext *ac, void *data, void *ctx)
{
    const struct redisReply *reply = data;
    struct link *l = ctx;
    size_t kind_len, channel_len, len;
    (void)ac;
    if (!reply)
        return; /* the connection is lost: settle() says so */
    const char *kind = reply_text(reply_at(reply, 0), &kind_len);
    const char *channel = reply_text(reply_at(reply, 1), &channel_len);
    const char *text = reply_text(reply_at(reply, 2), &len);
    if (strcmp(kind, "message") == 0)
        l->owner.message(l, channel, channel_len, text, len);
    else if (strcmp(kind, "subscribe") == 0)
        l->owner.message(l, channel, channel_len, NULL, 0);
}

bool link_subscribe(struct link *l, const char *channel, size_t len, bool on)
{
    const char *words[] = {on ? "SUBSCRIBE" : "UNSUBSCRIBE", channel};
    const size_t lens[] = {strlen(words[0]), len};
    l->subscribed = true;
    return l->ac && !l->drop_due && redisAsyncCommandArgv(l->ac, on_message, l, 2, words, lens) == REDIS_OK;
}

/* ---- watchdog */

static void on_pong(struct link_request *request, const struct redisReply *reply)
{
    if (reply_is_error(reply)) /* LOADING */
        link_drop(list_entry(request, struct link, ping), reply_text(reply, NULL));
}

static void watch(struct link *l, uint64_t now_ms)
{
    static const char ping[] = "*1\r\n$4\r\nPING\r\n";
    if (!list_empty(&l->awaited)) {
        const struct link_request *oldest = list_entry(list_first(&l->awaited), struct link_request, link);
        uint64_t since = oldest->sent_ms > l->heard_ms ? oldest->sent_ms : l->heard_ms;
        if (now_ms - since > l->limits.timeout_ms)
            link_drop(l, "no answer in time");
        return;
    }
    if (l->state == LINK_READY && !l->subscribed && now_ms - l->heard_ms > l->limits.timeout_ms / 2)
        link_send(l, &l->ping, ping, sizeof(ping) - 1);
}

void link_tick(struct link *l, uint64_t now_ms)
{
    switch (l->state) {
    case LINK_DOWN:
        if (now_ms >= l->retry_ms)
            connect_now(l, now_ms);
        break;
    case LINK_CONNECTING:
    case LINK_SETUP:
        if (now_ms - l->since_ms > l->limits.connect_ms)
            link_drop(l, l->state == LINK_SETUP ? "not set up in time" : "not connected in time");
        break;
    case LINK_READY:
        watch(l, now_ms);
        break;
    }
}

void link_init(struct link *l, struct ev_loop *loop, const struct link_limits *limits,
               const struct link_owner *owner)
{
    memset(l, 0, sizeof(*l));
    l->loop = loop;
    l->limits = *limits;
#ifdef LASTWORD_PLANT_WATCHDOG
    l->limits.timeout_ms *= 1000;
#endif
    l->owner = *owner;
    l->ping.on_answer = on_pong;
    list_init(&l->awaited);
    if (getrandom(&l->chance, sizeof(l->chance), GRND_NONBLOCK) != (ssize_t)sizeof(l->chance) || !l->chance)
        l->chance = 1;
}

void link_close(struct link *l)
{
    leave(l);
    l->state = LINK_DOWN;
}
