/* The floor: the least a relay from an OpenAI-style stream to a WebSocket can do on one thread.
 *
 *   client --text frame: a JSON body--> floor --POST /v1/chat/completions--> upstream
 *   client <--one frame per event------ floor <--------SSE, chunked--------- upstream
 *
 * One epoll, one recv per wake, every frame that this read brought in one send, TCP_NODELAY, kept
 * upstream connections. It looks into no JSON, keeps no log, knows no owner, retries nothing and
 * limits nothing: it is what the gateway's cost is measured against, not a thing to run. The last
 * frame of an answer is "[DONE]", or "[ERROR]". */
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_MAX = 1 << 16, OUT_MAX = 1 << 18, IN_MAX = 1 << 16, EVENTS = 256 };
enum kind { LISTENER, CLIENT, UPSTREAM };

struct peer {
    enum kind kind;
    int fd;
    struct peer *other; /* the client's upstream, the upstream's client; NULL while idle */
    char *rest;         /* owned: what the socket did not take */
    size_t rest_at, rest_len;
    bool open; /* client: the upgrade is done */
    char *in;  /* client, owned: bytes not yet a whole request or frame */
    size_t in_len;
    struct http_in http;    /* upstream */
    struct peer *next_idle; /* upstream: in the pool; later any: in the list of the dead */
};

static int loop_fd;
static uint16_t upstream_port;
static struct peer *idle_upstreams, *dead;
static char read_buf[READ_MAX], out_buf[OUT_MAX + WS_HEAD_MAX];
static size_t out_len;

static void watch(struct peer *p, uint32_t events, int op)
{
    struct epoll_event e = {.events = events, .data.ptr = p};
    epoll_ctl(loop_fd, op, p->fd, &e);
}

static struct peer *peer_new(enum kind kind, int fd)
{
    struct peer *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    p->kind = kind;
    p->fd = fd;
    watch(p, EPOLLIN, EPOLL_CTL_ADD);
    return p;
}

/* Closes now, frees at the end of the turn: the batch of events may name it again. */
static void peer_close(struct peer *p)
{
    if (p->fd < 0)
        return;
    close(p->fd);
    p->fd = -1;
    for (struct peer **at = &idle_upstreams; *at; at = &(*at)->next_idle) {
        if (*at == p) {
            *at = p->next_idle;
            break;
        }
    }
    if (p->other) {
        struct peer *other = p->other;
        other->other = p->other = NULL;
        peer_close(other);
    }
    p->next_idle = dead;
    dead = p;
}

static void sweep(void)
{
    while (dead) {
        struct peer *p = dead;
        dead = p->next_idle;
        free(p->in);
        free(p->rest);
        sse_free(&p->http.sse);
        free(p);
    }
}

/* Sends to p; what the socket does not take waits, and the one who sends it too. */
static void push(struct peer *p, const char *data, size_t len)
{
    ssize_t n = send(p->fd, data, len, MSG_NOSIGNAL);
    size_t sent = n > 0 ? (size_t)n : 0;
    if (n < 0 && errno != EAGAIN) {
        peer_close(p);
        return;
    }
    if (sent == len)
        return;
    p->rest = malloc(len - sent);
    if (!p->rest)
        abort();
    memcpy(p->rest, data + sent, len - sent);
    p->rest_at = 0;
    p->rest_len = len - sent;
    watch(p, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    if (p->kind == CLIENT && p->other)
        watch(p->other, 0, EPOLL_CTL_MOD);
}

static void on_writable(struct peer *p)
{
    ssize_t n = send(p->fd, p->rest + p->rest_at, p->rest_len - p->rest_at, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        peer_close(p);
        return;
    }
    p->rest_at += n > 0 ? (size_t)n : 0;
    if (p->rest_at < p->rest_len)
        return;
    free(p->rest);
    p->rest = NULL;
    watch(p, EPOLLIN, EPOLL_CTL_MOD);
    if (p->kind == CLIENT && p->other)
        watch(p->other, EPOLLIN, EPOLL_CTL_MOD);
}

static bool is_end(const char *data, size_t len)
{
    return len == 6 && memcmp(data, "[DONE]", 6) == 0;
}

/* One event in, one frame gathered. A read is 64 KiB and a header 4 bytes, so it always fits. The end
 * mark waits for the end of the answer, or the client could ask again too early. */
static void on_event(void *arg, char *data, size_t len)
{
    if ((!arg && is_end(data, len)) || out_len + len + WS_HEAD_MAX > OUT_MAX)
        return;
    out_len += ws_head((unsigned char *)out_buf + out_len, WS_TEXT, len);
    memcpy(out_buf + out_len, data, len);
    out_len += len;
}

static void upstream_rest(struct peer *up)
{
    up->other->other = NULL;
    up->other = NULL;
    http_again(&up->http);
    up->next_idle = idle_upstreams;
    idle_upstreams = up;
}

static void on_upstream(struct peer *up)
{
    struct peer *client = up->other;
    if (client && client->rest)
        return; /* stopped by the client within this batch */
    ssize_t n = recv(up->fd, read_buf, sizeof read_buf, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 || !client) {
        peer_close(up);
        return;
    }
    out_len = 0;
    int end = http_feed(&up->http, read_buf, (size_t)n, on_event, NULL);
    if (end < 0) {
        on_event(NULL, (char[]){"[ERROR]"}, 7);
        client->other = up->other = NULL;
        peer_close(up);
    } else if (end > 0) {
        on_event(up, (char[]){"[DONE]"}, 6);
        upstream_rest(up);
    }
    if (out_len)
        push(client, out_buf, out_len);
}

static void ask(struct peer *client, const char *body, size_t len)
{
    static char request[IN_MAX + 512];
    size_t n = http_post(request, sizeof request, "/v1/chat/completions", body, len);
    struct peer *up = idle_upstreams;
    if (client->other || !n)
        return;
    if (up) {
        idle_upstreams = up->next_idle;
    } else {
        int fd = tcp_connect(upstream_port, 0);
        if (fd < 0) {
            peer_close(client);
            return;
        }
        up = peer_new(UPSTREAM, fd);
    }
    up->other = client;
    client->other = up;
    push(up, request, n);
}

/* Answers a whole upgrade request; how many bytes it took, 0 while it is not whole. */
static size_t upgrade(struct peer *c)
{
    char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4), reply[256], sum[WS_ACCEPT_SIZE];
    if (!end)
        return 0;
    *end = '\0';
    char *key = strcasestr(c->in, "sec-websocket-key:");
    if (!key) {
        peer_close(c);
        return 0;
    }
    key += strspn(key + 18, " ") + 18;
    ws_accept(key, strcspn(key, "\r"), sum);
    int n = snprintf(reply, sizeof reply,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: %s\r\n\r\n",
                     sum);
    if (send(c->fd, reply, (size_t)n, MSG_NOSIGNAL) != n)
        peer_close(c);
    c->open = true;
    return (size_t)(end + 4 - c->in);
}

static size_t one_frame(struct peer *c)
{
    struct ws_frame f;
    int got = ws_next(c->in, c->in_len, &f);
    if (got < 0 || (got > 0 && f.op == WS_CLOSE)) {
        peer_close(c);
        return 0;
    }
    if (got == 0)
        return 0;
    if (f.op == WS_TEXT)
        ask(c, f.payload, f.len);
    return f.whole;
}

static void on_client(struct peer *c)
{
    ssize_t n = recv(c->fd, read_buf, sizeof read_buf, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 || c->in_len + (size_t)n > IN_MAX) {
        peer_close(c);
        return;
    }
    c->in = realloc(c->in, c->in_len + (size_t)n);
    if (!c->in)
        abort();
    memcpy(c->in + c->in_len, read_buf, (size_t)n);
    c->in_len += (size_t)n;
    for (size_t used = 1; used && c->fd >= 0 && c->in_len;) {
        used = c->open ? one_frame(c) : upgrade(c);
        c->in_len -= used;
        memmove(c->in, c->in + used, c->in_len);
    }
    if (!c->in_len) {
        free(c->in);
        c->in = NULL;
    }
}

static void on_listener(struct peer *l)
{
    for (int fd; (fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        tcp_nodelay(fd);
        peer_new(CLIENT, fd);
    }
}

static void dispatch(struct peer *p, uint32_t events)
{
    if (p->fd < 0)
        return;
    if (events & EPOLLOUT && p->rest)
        on_writable(p);
    else if (p->kind == LISTENER)
        on_listener(p);
    else if (p->kind == UPSTREAM)
        on_upstream(p);
    else
        on_client(p);
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    if (argc != 3) {
        fprintf(stderr, "usage: bench_floor PORT UPSTREAM_PORT\n");
        return 2;
    }
    raise_fds();
    loop_fd = epoll_create1(EPOLL_CLOEXEC);
    upstream_port = (uint16_t)atoi(argv[2]);
    int fd = tcp_listen((uint16_t)atoi(argv[1]));
    if (fd < 0) {
        perror("bench_floor: listen");
        return 1;
    }
    peer_new(LISTENER, fd);
    for (;;) {
        int n = epoll_wait(loop_fd, events, EVENTS, -1);
        for (int i = 0; i < n; i++)
            dispatch(events[i].data.ptr, events[i].events);
        sweep();
    }
}
