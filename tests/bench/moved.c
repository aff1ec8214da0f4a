/* bench_moved: clients whose gateway goes. N connections in one epoll loop, an answer on each; when it is
 * told so, or its gateway dies, every client connects elsewhere and resumes what it has.
 *
 *     go           asks on every connection; says "running" when every answer has text
 *     killed PORT  the gateway was killed just now: all go to PORT at once. Says what they saw when every
 * answer has gone on under a later epoch:
 *                      {"streams": 1000, "missing": 0, "resumed_ms": {...}, "next_ms": {...}}
 *     move PORT    all drop their connections and go to PORT. Says the same when every resume was answered
 *     again K      every client resumes K times, one after the other, on the connection that it has
 *     quit
 *
 * It refuses to hold text: the position is what the last delta said, and a checksum is held by the tests. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/uuid.h"
#include "wire.h"

enum { EVENTS = 512, READ_MAX = 1 << 18, LINE = 1024, PATIENCE_MS = 30000 };

struct client {
    int fd;
    size_t nth;
    enum { OPENING, UPGRADING, WELCOMING, HERE } step;
    char *in; /* owned: the beginning of a frame */
    size_t in_len;
    char gen[UUID_TEXT + 1], crc[9];
    json_int_t epoch, old_epoch, off;
    uint64_t resumed_ns, next_ns; /* 0: not yet */
    unsigned left;                /* resumes to come */
    bool counted;                 /* what is awaited has come */
};

static struct client *clients;
static size_t count, waiting, owners = 1;
static uint16_t port;
static int loop_fd;
static uint64_t began_ns;
static const char *model = "bench";
static enum awaited { NOTHING, OPEN, RUNNING, LIVE, GOES_ON } awaited;
static char buffer[READ_MAX];

static void fail(const char *what, const char *detail)
{
    fprintf(stderr, "bench_moved: %s: %s\n", what, detail);
    exit(1);
}

/* ------------------------------------------------------------------ saying */

static void put(struct client *c, const char *p, size_t n)
{
    if (send(c->fd, p, n, MSG_NOSIGNAL) != (ssize_t)n && errno != EPIPE && errno != ECONNRESET)
        fail("send", strerror(errno));
}

static void say(struct client *c, const char *text)
{
    char out[LINE + WS_HEAD_MAX];
    put(c, out, ws_masked(out, WS_TEXT, text, strlen(text)));
}

static void upgrade(struct client *c)
{
    char out[LINE];
    int n =
        snprintf(out, sizeof out,
                 "GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                 "Sec-WebSocket-Protocol: lastword.v1.json\r\n\r\n",
                 port);
    c->step = UPGRADING;
    put(c, out, (size_t)n);
}

static int position(const struct client *c, char *out, size_t size)
{
    return snprintf(out, size, "\"gen\":\"%s\",\"epoch\":%lld,\"off\":%lld,\"crc\":\"%s\"}", c->gen,
                    (long long)c->epoch, (long long)c->off, c->crc);
}

static void hello(struct client *c)
{
    char out[LINE];
    int n = snprintf(out, sizeof out, "{\"type\":\"hello\",\"token\":\"bench-%zu\"", c->nth % owners);
    if (*c->gen) {
        n += snprintf(out + n, sizeof out - (size_t)n, ",\"resume\":[{");
        n += position(c, out + n, sizeof out - (size_t)n);
        n += snprintf(out + n, sizeof out - (size_t)n, "]");
    }
    snprintf(out + n, sizeof out - (size_t)n, "}");
    c->step = WELCOMING;
    say(c, out);
}

static void resume(struct client *c)
{
    char out[LINE];
    int n = snprintf(out, sizeof out, "{\"type\":\"resume\",");
    position(c, out + n, sizeof out - (size_t)n);
    say(c, out);
}

static void fresh_uuid(char out[UUID_TEXT + 1])
{
    uint8_t chance[10];
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (getrandom(chance, sizeof chance, 0) != (ssize_t)sizeof chance)
        abort();
    struct uuid u = uuid_v7((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000, chance);
    uuid_format(&u, out);
}

static void ask(struct client *c)
{
    char chat[UUID_TEXT + 1], out[LINE];
    fresh_uuid(c->gen);
    fresh_uuid(chat);
    strcpy(c->crc, "00000000");
    snprintf(out, sizeof out,
             "{\"type\":\"send\",\"gen\":\"%s\",\"chat\":\"%s\",\"input\":\"bench %zu\",\"model\":\"%s\"}",
             c->gen, chat, c->nth, model);
    say(c, out);
}

/* ------------------------------------------------------------------ what is awaited */

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void report_times(const char *name, size_t offset)
{
    uint64_t *ns = calloc(count, sizeof *ns);
    size_t n = 0;
    for (size_t i = 0; ns && i < count; i++) {
        uint64_t at = *(uint64_t *)(void *)((char *)&clients[i] + offset);
        if (at)
            ns[n++] = at - began_ns;
    }
    if (!n)
        fail(name, "none came");
    qsort(ns, n, sizeof *ns, by_size);
    size_t late = n - 1 - n / 100, middle = n / 2;
    printf(",\"%s\":{\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}", name, (double)ns[middle] / 1e6,
           (double)ns[late] / 1e6, (double)ns[n - 1] / 1e6);
    free(ns);
}

static void report(void)
{
    printf("{\"streams\":%zu,\"missing\":%zu", count, waiting);
    if (awaited >= LIVE)
        report_times("resumed_ms", offsetof(struct client, resumed_ns));
    if (awaited == GOES_ON)
        report_times("next_ms", offsetof(struct client, next_ns));
    printf("}\n");
    fflush(stdout);
    awaited = NOTHING;
}

static void await(enum awaited what)
{
    awaited = what;
    waiting = count;
    began_ns = now_ns();
    for (size_t i = 0; i < count; i++) {
        clients[i].counted = false;
        clients[i].resumed_ns = clients[i].next_ns = 0;
        clients[i].old_epoch = clients[i].epoch;
    }
}

static void came(struct client *c, int what)
{
    if ((int)awaited != what || c->counted)
        return;
    c->counted = true;
    if (--waiting == 0)
        report();
}

/* ------------------------------------------------------------------ hearing */

static void on_delta(struct client *c, const json_t *m)
{
    const json_t *text = json_object_get(m, "text");
    c->off = json_integer_value(json_object_get(m, "off")) + (json_int_t)json_string_length(text);
    c->epoch = json_integer_value(json_object_get(m, "epoch"));
    snprintf(c->crc, sizeof c->crc, "%s", json_string_value(json_object_get(m, "crc")));
    came(c, RUNNING);
    if (c->epoch > c->old_epoch && !c->next_ns && awaited == GOES_ON) {
        c->next_ns = now_ns();
        came(c, GOES_ON);
    }
}

static void on_live(struct client *c)
{
    if (!c->resumed_ns)
        c->resumed_ns = now_ns();
    if (c->left && --c->left) {
        resume(c);
        return;
    }
    c->resumed_ns = now_ns();
    came(c, LIVE);
}

static void on_message(struct client *c, const char *p, size_t n)
{
    json_t *m = json_loadb(p, n, JSON_ALLOW_NUL, NULL);
    const char *type = json_string_value(json_object_get(m, "type"));
    if (!type)
        fail("no message", p);
    if (strcmp(type, "delta") == 0) {
        on_delta(c, m);
    } else if (strcmp(type, "rewind") == 0) {
        c->off = json_integer_value(json_object_get(m, "off"));
        snprintf(c->crc, sizeof c->crc, "%s", json_string_value(json_object_get(m, "crc")));
    } else if (strcmp(type, "live") == 0) {
        on_live(c);
    } else if (strcmp(type, "welcome") == 0) {
        c->step = HERE;
        came(c, OPEN);
    } else if (strcmp(type, "ping") == 0) {
        say(c, "{\"type\":\"pong\"}");
    } else if (strcmp(type, "error") == 0) {
        fprintf(stderr, "bench_moved: %.*s\n", (int)n, p);
    } else if (strcmp(type, "done") == 0) {
        fail("an answer is over too soon", c->gen);
    }
    json_decref(m);
}

/* How much of p[0..n) was whole. */
static size_t take(struct client *c, char *p, size_t n)
{
    size_t at = 0;
    struct ws_frame f;
    if (c->step == UPGRADING) {
        const char *end = memmem(p, n, "\r\n\r\n", 4);
        if (!end)
            return 0;
        if (memcmp(p, "HTTP/1.1 101", 12) != 0)
            fail("no upgrade", p);
        at = (size_t)(end + 4 - p);
        hello(c);
    }
    while (at < n && ws_next(p + at, n - at, &f) > 0) {
        at += f.whole;
        if (f.op == WS_TEXT)
            on_message(c, f.payload, f.len);
    }
    return at;
}

static void go_to(struct client *c)
{
    if (c->fd > 0)
        close(c->fd);
    c->in_len = 0;
    c->step = OPENING;
    c->fd = tcp_connect(port, c->nth);
    struct epoll_event e = {.events = EPOLLOUT, .data.ptr = c};
    if (c->fd < 0 || epoll_ctl(loop_fd, EPOLL_CTL_ADD, c->fd, &e) != 0)
        fail("connect", strerror(errno));
}

static void on_readable(struct client *c)
{
    memcpy(buffer, c->in, c->in_len);
    ssize_t n = recv(c->fd, buffer + c->in_len, READ_MAX - c->in_len, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) { /* it waits to be told where to go */
        epoll_ctl(loop_fd, EPOLL_CTL_DEL, c->fd, NULL);
        return;
    }
    size_t all = c->in_len + (size_t)n, used = take(c, buffer, all);
    c->in_len = all - used;
    if (c->in_len > READ_MAX / 2)
        fail("frame too large", c->gen);
    c->in = realloc(c->in, c->in_len + 1);
    if (!c->in)
        abort();
    memcpy(c->in, buffer + used, c->in_len);
}

static void on_event(struct client *c)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    if (c->step != OPENING) {
        on_readable(c);
        return;
    }
    epoll_ctl(loop_fd, EPOLL_CTL_MOD, c->fd, &e);
    upgrade(c);
}

/* ------------------------------------------------------------------ commands */

static void all_go_to(const char *where, enum awaited what)
{
    port = (uint16_t)atoi(where);
    await(what);
    for (size_t i = 0; i < count; i++)
        go_to(&clients[i]);
}

static void resume_all(const char *times)
{
    await(LIVE);
    for (size_t i = 0; i < count; i++) {
        clients[i].left = (unsigned)atoi(times);
        resume(&clients[i]);
    }
}

static void command(const char *line)
{
    if (strncmp(line, "killed ", 7) == 0) {
        all_go_to(line + 7, GOES_ON);
    } else if (strncmp(line, "move ", 5) == 0) {
        all_go_to(line + 5, LIVE);
    } else if (strncmp(line, "again ", 6) == 0) {
        resume_all(line + 6);
    } else if (strncmp(line, "go", 2) == 0) {
        await(RUNNING);
        for (size_t i = 0; i < count; i++)
            ask(&clients[i]);
    } else {
        exit(0);
    }
}

static void on_stdin(void)
{
    char line[256];
    ssize_t n = read(0, line, sizeof line - 1);
    if (n <= 0)
        exit(0);
    line[n] = '\0';
    command(line);
}

static void run(void)
{
    struct epoll_event events[EVENTS];
    for (;;) {
        int n = epoll_wait(loop_fd, events, EVENTS, 100);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                on_event(events[i].data.ptr);
            else
                on_stdin();
        }
        if (awaited && now_ns() - began_ns > PATIENCE_MS * (uint64_t)1000000)
            report();
    }
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: bench_moved PORT CLIENTS OWNERS MODEL\n");
        return 2;
    }
    count = (size_t)atol(argv[2]);
    owners = (size_t)atol(argv[3]);
    model = argv[4];
    clients = calloc(count, sizeof *clients);
    loop_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!clients || !count || !owners || loop_fd < 0 || raise_fds() < 2 * count + 16)
        fail("start", "too many clients for this machine, or none");
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(loop_fd, EPOLL_CTL_ADD, 0, &e);
    for (size_t i = 0; i < count; i++)
        clients[i].nth = i;
    all_go_to(argv[1], OPEN);
    run();
}
