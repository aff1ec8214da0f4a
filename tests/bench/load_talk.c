/* The three protocols of the load client. See load.h.
 *
 *   gateway   101 -> hello, welcome -> send, accepted, start, delta..., (ack), done -> send ...
 *   floor     101 -> the JSON body -> one frame per event ... "[DONE]" -> the next body ...
 *   direct    POST -> SSE ... [DONE], end of the answer -> POST ...
 *
 * Messages are searched for the members needed, not parsed: the client shares a processor with the
 * mock, and the tests of the gateway hold the protocol elsewhere. */
#include "load.h"

#include "base/uuid.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

enum { READ_MAX = 1 << 18, ACK_EVERY = 64 * 1024, LINE = 2048 };
static char read_buf[READ_MAX];
static uint64_t read_ns;

static void put(struct conn *c, const char *p, size_t n)
{
    if (send(c->fd, p, n, MSG_NOSIGNAL) != (ssize_t)n) {
        stat_error("send", strerror(errno), 64);
        load_lost(c);
    }
}

static void say(struct conn *c, unsigned op, const char *text, size_t n)
{
    static char out[1 << 16];
    if (n + WS_HEAD_MAX <= sizeof out)
        put(c, out, ws_masked(out, op, text, n));
}

static void fresh_uuid(char out[UUID_TEXT + 1])
{
    static uint8_t pool[4000];
    static size_t at = sizeof pool;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (at + 10 > sizeof pool) {
        at = 0;
        if (getrandom(pool, sizeof pool, 0) != (ssize_t)sizeof pool)
            abort();
    }
    struct uuid u = uuid_v7((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000, pool + at);
    at += 10;
    uuid_format(&u, out);
}

void talk_open(struct conn *c)
{
    if (opt.target == TARGET_DIRECT) {
        c->step = IDLE;
        load_idle(c, false);
        return;
    }
    char out[LINE];
    int n = snprintf(out, sizeof out,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
                     opt.target == TARGET_GATEWAY ? "/v1/ws" : "/", opt.port,
                     opt.target == TARGET_GATEWAY ? "Sec-WebSocket-Protocol: lastword.v1.json\r\n" : "");
    c->step = UPGRADING;
    put(c, out, (size_t)n);
}

static void ask_gateway(struct conn *c)
{
    char chat[UUID_TEXT + 1], out[LINE];
    fresh_uuid(c->gen);
    fresh_uuid(chat);
    int n = snprintf(out, sizeof out,
                     "{\"type\":\"send\",\"gen\":\"%s\",\"chat\":\"%s\",\"input\":\"bench\",\"model\":\"%s\","
                     "\"on_disconnect\":\"cancel\"}",
                     c->gen, chat, opt.model);
    say(c, WS_TEXT, out, (size_t)n);
}

void talk_ask(struct conn *c)
{
    c->step = RUNNING;
    c->off = c->acked = 0;
    c->crc = 0;
    c->first_seen = false;
    c->asked_ns = now_ns();
    if (opt.target == TARGET_GATEWAY) {
        ask_gateway(c);
    } else if (opt.target == TARGET_FLOOR) {
        say(c, WS_TEXT, opt.body, strlen(opt.body));
    } else {
        char out[1 << 14];
        http_again(&c->http);
        put(c, out, http_post(out, sizeof out, "/v1/chat/completions", opt.body, strlen(opt.body)));
    }
}

static void take_text(struct conn *c, const char *p, size_t n)
{
    size_t len = text_take(p, n, read_ns, &c->crc);
    c->off += len;
    stat_now.frames += len > 0;
    if (len && !c->first_seen) {
        c->first_seen = true;
        hist_add(&stat_now.first, read_ns - c->asked_ns);
    }
}

static void answered(struct conn *c)
{
    stat_now.answers++;
    c->step = IDLE;
    load_idle(c, true);
}

/* --- gateway -------------------------------------------------------------------------------- */

static const char *member(const char *p, size_t n, const char *name)
{
    const char *at = memmem(p, n, name, strlen(name));
    return at ? at + strlen(name) : NULL;
}

static void ack(struct conn *c)
{
    char out[LINE];
    int n = snprintf(out, sizeof out, "{\"type\":\"ack\",\"gen\":\"%s\",\"off\":%zu}", c->gen, c->off);
    c->acked = c->off;
    say(c, WS_TEXT, out, (size_t)n);
}

static void hold(struct conn *c, const char *p, size_t n, const char *what)
{
    const char *crc = member(p, n, "\"crc\":\"");
    if (opt.verify && (!crc || strtoul(crc, NULL, 16) != c->crc))
        stat_error(what, p, n);
}

static void on_delta(struct conn *c, const char *p, size_t n)
{
    const char *text = member(p, n, "\"text\":\""), *off = member(p, n, "\"off\":");
    if (!text)
        return;
    if (opt.verify && (!off || strtoul(off, NULL, 10) != c->off))
        stat_error("wrong off", p, n);
    take_text(c, text, n - (size_t)(text - p));
    if (opt.verify) {
        /* the crc member comes after the text, which may hold the same letters: take the last */
        const char *last = memrchr(p, '}', n), *crc = NULL;
        for (const char *at = text; (at = member(at, (size_t)(last - at), "\"crc\":\"")) != NULL;)
            crc = at;
        if (!crc || strtoul(crc, NULL, 16) != c->crc)
            stat_error("wrong crc", p, n);
    }
    if (c->off - c->acked >= ACK_EVERY)
        ack(c);
}

static void on_done(struct conn *c, const char *p, size_t n)
{
    hold(c, p, n, "wrong crc at done");
    if (!member(p, n, "\"state\":\"complete\"") && !member(p, n, "\"state\":\"length\""))
        stat_error("answer failed", p, n);
    ack(c);
    answered(c);
}

static void on_gateway(struct conn *c, const char *p, size_t n)
{
    static const char delta[] = "{\"type\":\"delta\"";
    if (n >= sizeof delta && memcmp(p, delta, sizeof delta - 1) == 0) {
        on_delta(c, p, n);
        return;
    }
    const char *type = member(p, n, "\"type\":\"");
    if (!type)
        stat_error("no type", p, n);
    else if (memcmp(type, "delta\"", 6) == 0)
        on_delta(c, p, n);
    else if (memcmp(type, "done\"", 5) == 0)
        on_done(c, p, n);
    else if (memcmp(type, "ping\"", 5) == 0)
        say(c, WS_TEXT, "{\"type\":\"pong\"}", 15);
    else if (memcmp(type, "welcome", 7) == 0) {
        c->step = IDLE;
        load_idle(c, false);
    } else if (memcmp(type, "error\"", 6) == 0) {
        stat_error("error", p, n);
        if (c->step == RUNNING)
            load_lost(c);
    }
}

static void hello(struct conn *c)
{
    char out[LINE];
    int n = snprintf(out, sizeof out, "{\"type\":\"hello\",\"client\":\"bench\"%s%s%s}",
                     opt.token ? ",\"token\":\"" : "", opt.token ? opt.token : "", opt.token ? "\"" : "");
    c->step = WELCOMING;
    say(c, WS_TEXT, out, (size_t)n);
}

/* --- floor, direct -------------------------------------------------------------------------- */

/* One chunk of the upstream's JSON, or the end mark. */
static void on_chunk(void *arg, char *p, size_t n)
{
    struct conn *c = arg;
    if (n && *p != '{') {
        if (n != 6 || memcmp(p, "[DONE]", 6) != 0)
            stat_error("answer failed", p, n);
        if (opt.target == TARGET_FLOOR)
            answered(c);
        return;
    }
    const char *text = member(p, n, "\"content\":\"");
    if (text)
        take_text(c, text, n - (size_t)(text - p));
}

/* --- reading -------------------------------------------------------------------------------- */

static void on_frame(struct conn *c, struct ws_frame *f)
{
    if (f->op == WS_PING)
        say(c, WS_PONG, f->payload, f->len);
    else if (f->op == WS_CLOSE) {
        stat_error("closed", f->len > 2 ? f->payload + 2 : "", f->len > 2 ? f->len - 2 : 0);
        load_lost(c);
    } else if (f->op == WS_TEXT && opt.target == TARGET_GATEWAY)
        on_gateway(c, f->payload, f->len);
    else if (f->op == WS_TEXT)
        on_chunk(c, f->payload, f->len);
}

/* The answer to the upgrade; how many bytes it took, 0 while it is not whole. */
static size_t upgraded(struct conn *c, const char *p, size_t n)
{
    const char *end = memmem(p, n, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (n < 12 || memcmp(p, "HTTP/1.1 101", 12) != 0) {
        stat_error("no upgrade", p, n);
        load_lost(c);
        return n;
    }
    if (opt.target == TARGET_GATEWAY) {
        hello(c);
    } else {
        c->step = IDLE;
        load_idle(c, false);
    }
    return (size_t)(end + 4 - p);
}

/* Takes what is whole of p[0..n); how much that was. */
static size_t take(struct conn *c, char *p, size_t n)
{
    size_t at = 0;
    while (at < n && c->step != CLOSED) {
        struct ws_frame f;
        if (c->step == UPGRADING) {
            size_t used = upgraded(c, p + at, n - at);
            if (!used)
                break;
            at += used;
            continue;
        }
        int got = ws_next(p + at, n - at, &f);
        if (got == 0)
            break;
        if (got < 0) {
            stat_error("bad frame", p + at, 0);
            load_lost(c);
            break;
        }
        at += f.whole;
        on_frame(c, &f);
    }
    return at;
}

static void keep(struct conn *c, const char *p, size_t n)
{
    free(c->in);
    c->in = NULL;
    c->in_len = n;
    if (!n)
        return;
    c->in = malloc(n);
    if (!c->in)
        abort();
    memcpy(c->in, p, n);
}

void talk_read(struct conn *c)
{
    size_t had = c->in_len;
    if (had > READ_MAX / 2) {
        stat_error("frame too large", "", 0);
        load_lost(c);
        return;
    }
    if (had)
        memcpy(read_buf, c->in, had);
    ssize_t n = recv(c->fd, read_buf + had, READ_MAX - had, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        stat_error("lost", strerror(n ? errno : 0), 64);
        load_lost(c);
        return;
    }
    stat_now.reads++;
    read_ns = now_ns();
    if (opt.target != TARGET_DIRECT) {
        size_t all = had + (size_t)n, used = take(c, read_buf, all);
        if (c->step != CLOSED)
            keep(c, read_buf + used, all - used);
        return;
    }
    int end = http_feed(&c->http, read_buf, (size_t)n, on_chunk, c);
    if (end < 0) {
        stat_error("answer refused", c->http.head, c->http.head_len);
        load_lost(c);
    } else if (end > 0) {
        answered(c);
    }
}
