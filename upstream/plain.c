/* plain: see plain.h.
 *
 * While a connection's bytes are handed over (plain->reading) its transfer is not freed: a cancel from inside
 * marks it, and it goes when the read is over. */
#include "upstream/plain.h"

#include <errno.h>
#include <ev.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "upstream/dial.h"
#include "upstream/response.h"
#include "upstream/url.h"

#define READ_BYTES 65536
#define READS_MAX 4          /* full ones in a row, before the others' turn */
#define POOL_CONNECTIONS 256 /* idle ones kept per upstream */
#define LINGER_S 1.0         /* an answered request may take this long to end properly */
#define LINGER_BYTES 65536

struct plain {
    struct ev_loop *loop;
    void (*on_read)(void *ctx);
    void *ctx;
    struct transfer *reading;
    char room[READ_BYTES];
};

struct plain_site {
    struct plain *plain;
    struct dialer *dialer;
    struct url url;
    struct buf head; /* the lines every request has; borrowed by none */
    ev_timer linger;
    struct list running, lingering, idle; /* transfers, transfers, connections */
    size_t idle_count;
};

struct connection {
    ev_io io;
    struct list node; /* while idle */
    struct plain_site *site;
    struct transfer *t; /* NULL: idle */
};

struct transfer {
    struct list node;
    struct plain_site *site;
    struct connection *connection; /* or */
    struct dial *dial;
    struct buf request; /* owned until the response begins */
    size_t sent;
    const struct transport_handlers *handlers; /* NULL: nobody listens any more */
    void *ctx;
    struct response *response; /* owned */
    size_t lingered;
    bool kept, heard; /* on a connection that had been used; something came */
    bool doomed;      /* cancelled while its bytes were handed over */
};

/* ------------------------------------------------------------ connections */

static void connection_close(struct connection *c)
{
    if (!c->t)
        c->site->idle_count--;
    list_del(&c->node);
    ev_io_stop(c->site->plain->loop, &c->io);
    close(c->io.fd);
    mem_free(c);
}

/* Idle, and watched: whatever comes now ends it. */
static void connection_rest(struct connection *c)
{
    struct plain_site *s = c->site;
    c->t = NULL;
    s->idle_count++;
    list_add_tail(&s->idle, &c->node);
    if (s->idle_count > POOL_CONNECTIONS)
        connection_close(list_entry(list_first(&s->idle), struct connection, node));
}

static void watch(struct connection *c, int events)
{
    if (c->io.events == events)
        return;
    ev_io_stop(c->site->plain->loop, &c->io);
    ev_io_set(&c->io, c->io.fd, events);
    ev_io_start(c->site->plain->loop, &c->io);
}

/* ------------------------------------------------------------ a transfer's end */

static void transfer_free(struct transfer *t)
{
    list_del(&t->node);
    if (t->dial)
        dial_cancel(t->dial);
    if (t->connection)
        connection_close(t->connection);
    response_free(t->response);
    buf_free(&t->request);
    mem_free(t);
    mem_died(MEM_HTTP_TRANSFER);
}

static void ended(struct transfer *t, enum transport_result result, const char *reason)
{
    const struct transport_handlers *h = t->handlers;
    void *ctx = t->ctx;
    transfer_free(t);
    if (h)
        h->on_end(ctx, result, reason);
}

static void ended_whole(struct transfer *t, bool keep)
{
    if (keep && t->sent == t->request.len) {
        connection_rest(t->connection);
        t->connection = NULL;
    }
    ended(t, TRANSPORT_OK, "whole");
}

/* ------------------------------------------------------------ out */

/* What cannot be sent is not the end: the upstream may have answered before it closed. The read says. */
static void push(struct transfer *t)
{
    struct connection *c = t->connection;
    size_t left = t->request.len - t->sent;
    ssize_t n = send(c->io.fd, t->request.data + t->sent, left, MSG_NOSIGNAL);
    if (n > 0)
        t->sent += (size_t)n;
    bool again = n >= 0 || errno == EAGAIN || errno == EINTR;
    watch(c, again && t->sent < t->request.len ? EV_READ | EV_WRITE : EV_READ);
}

static void dial(struct transfer *t);

static void on_io(struct ev_loop *loop, ev_io *io, int events);

static void use(struct transfer *t, struct connection *c)
{
    t->connection = c;
    t->sent = 0;
    c->t = t;
    push(t);
}

static void dialled(void *ctx, int fd)
{
    struct transfer *t = ctx;
    t->dial = NULL;
    if (fd < 0) {
        ended(t, TRANSPORT_CONNECT, "no connection");
        return;
    }
    struct connection *c = mem_alloc(sizeof *c);
    c->site = t->site;
    list_init(&c->node);
    ev_io_init(&c->io, on_io, fd, EV_READ);
    ev_io_start(t->site->plain->loop, &c->io);
    use(t, c);
}

static void dial(struct transfer *t)
{
    t->kept = false;
    t->dial = dial_start(t->site->dialer, dialled, t);
}

/* The last one used is the least likely to have been closed. */
static void connect_or_dial(struct transfer *t)
{
    struct plain_site *s = t->site;
    if (list_empty(&s->idle)) {
        dial(t);
        return;
    }
    struct connection *c = list_entry(s->idle.prev, struct connection, node);
    list_del(&c->node);
    s->idle_count--;
    t->kept = true;
    use(t, c);
}

/* ------------------------------------------------------------ in */

static void on_head(void *ctx, const struct head *head)
{
    struct transfer *t = ctx;
    if (t->handlers)
        t->handlers->on_head(t->ctx, head->status, head->retry_after_ms, head->type);
}

static void on_body(void *ctx, const char *bytes, size_t len)
{
    struct transfer *t = ctx;
    if (t->handlers)
        t->handlers->on_body(t->ctx, bytes, len);
    else
        t->lingered += len;
}

/* The connection is gone, or as good as. False: there is nothing to read. */
static bool lost(struct transfer *t, bool closed)
{
    if (t->kept && !t->heard) { /* it was closed while it was kept */
        connection_close(t->connection);
        t->connection = NULL;
        dial(t);
        return false;
    }
    if (closed && response_end(t->response) == RESPONSE_CLOSE)
        ended_whole(t, false);
    else
        ended(t, TRANSPORT_RESET, closed ? "closed early" : "reset");
    return false;
}

/* True while t lives and wants more. */
static bool take(struct transfer *t, char *bytes, size_t len)
{
    static const struct response_handlers handlers = {on_head, on_body};
    struct plain *p = t->site->plain;
    t->heard = true;
    if (t->request.len && t->sent == t->request.len) { /* it is not sent again from here on */
        buf_free(&t->request);
        t->sent = 0;
    }
    p->reading = t;
    enum response_verdict verdict = response_feed(t->response, bytes, len, &handlers, t);
    p->reading = NULL;
    if (t->doomed || t->lingered > LINGER_BYTES)
        transfer_free(t);
    else if (verdict == RESPONSE_BAD)
        ended(t, TRANSPORT_RESET, "not a response");
    else if (verdict != RESPONSE_MORE)
        ended_whole(t, verdict == RESPONSE_KEEP);
    else
        return true;
    return false;
}

static void pull(struct connection *c)
{
    struct plain *p = c->site->plain;
    bool more = true;
    for (int i = 0; more && i < READS_MAX; i++) {
        ssize_t n = recv(c->io.fd, p->room, sizeof p->room, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        more = n > 0 ? take(c->t, p->room, (size_t)n) && (size_t)n == sizeof p->room : lost(c->t, n == 0);
    }
    p->on_read(p->ctx);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    struct connection *c = (struct connection *)io;
    (void)loop;
    if (!c->t) {
        connection_close(c);
        return;
    }
    if (events & EV_WRITE)
        push(c->t);
    if (events & (EV_READ | EV_ERROR))
        pull(c);
}

/* ------------------------------------------------------------ the transport */

static void build(struct transfer *t, const char *path, const struct buf *body)
{
    const struct plain_site *s = t->site;
    struct buf *q = &t->request;
    buf_reserve_exact(q, strlen(s->url.path) + strlen(path) + s->head.len + body->len + 64);
    buf_printf(q, "%s %s%s HTTP/1.1\r\n", body->len ? "POST" : "GET", s->url.path, path);
    buf_add(q, s->head.data, s->head.len);
    if (body->len)
        buf_printf(q, "Content-Length: %zu\r\n", body->len);
    buf_add_lit(q, "\r\n");
    buf_add(q, body->data, body->len);
}

static struct transfer *plain_start(void *site, struct transport_request *r,
                                    const struct transport_handlers *h, void *ctx)
{
    struct plain_site *s = site;
    if (!s) {
        buf_free(&r->body);
        return NULL;
    }
    struct transfer *t = mem_alloc(sizeof *t);
    mem_born(MEM_HTTP_TRANSFER);
    t->site = s;
    t->handlers = h;
    t->ctx = ctx;
    list_init(&t->node);
    list_add_tail(&s->running, &t->node);
    t->response = response_new();
    build(t, r->path, &r->body);
    buf_free(&r->body);
    connect_or_dial(t);
    return t;
}

static void plain_cancel(struct transfer *t)
{
    t->handlers = NULL;
    if (t->site->plain->reading == t)
        t->doomed = true;
    else
        transfer_free(t);
}

/* One timer for all: a transfer lingers between one and two periods. */
static void plain_finish(struct transfer *t)
{
    struct plain_site *s = t->site;
    t->handlers = NULL;
    list_move_tail(&s->lingering, &t->node);
    if (!ev_is_active(&s->linger)) {
        ev_timer_set(&s->linger, LINGER_S, 0);
        ev_timer_start(s->plain->loop, &s->linger);
    }
}

const struct transport plain_transport = {plain_start, plain_cancel, plain_finish};

/* ------------------------------------------------------------ opening and closing */

static void free_all(struct list *transfers)
{
    while (!list_empty(transfers))
        transfer_free(list_entry(list_first(transfers), struct transfer, node));
}

static void on_linger(struct ev_loop *loop, ev_timer *w, int events)
{
    struct plain_site *s = w->data;
    (void)loop;
    (void)events;
    free_all(&s->lingering);
}

static void make_head(struct plain_site *s, const char *head)
{
    const char *authority = strstr(s->url.base, "://") + 3;
    buf_printf(&s->head, "Host: %.*s\r\nUser-Agent: lastword/" LASTWORD_VERSION "\r\n",
               (int)(s->url.path - authority), authority);
    buf_add_lit(&s->head,
                "Content-Type: application/json\r\nAccept: text/event-stream, application/json\r\n");
    buf_add_str(&s->head, head);
}

struct plain *plain_open(struct ev_loop *loop, void (*on_read)(void *ctx), void *ctx)
{
    struct plain *p = mem_alloc(sizeof *p);
    p->loop = loop;
    p->on_read = on_read;
    p->ctx = ctx;
    return p;
}

void plain_close(struct plain *p)
{
    mem_free(p);
}

struct plain_site *plain_site_open(struct plain *p, const struct http_options *o)
{
    struct plain_site *s = mem_alloc(sizeof *s);
    if (!url_parse(&s->url, o->url) || s->url.tls) {
        url_free(&s->url);
        mem_free(s);
        return NULL;
    }
    s->plain = p;
    list_init(&s->running);
    list_init(&s->lingering);
    list_init(&s->idle);
    ev_init(&s->linger, on_linger);
    s->linger.data = s;
    make_head(s, o->head);
    s->dialer = dialer_open(p->loop, s->url.base, reach_allowed(s->url.host, o->private_too), o->connect_ms);
    return s;
}

void plain_site_limits(struct plain_site *s, int64_t connect_ms)
{
    dialer_limits(s->dialer, connect_ms);
}

void plain_site_close(void *site)
{
    struct plain_site *s = site;
    free_all(&s->running);
    free_all(&s->lingering);
    while (!list_empty(&s->idle))
        connection_close(list_entry(list_first(&s->idle), struct connection, node));
    dialer_close(s->dialer);
    ev_timer_stop(s->plain->loop, &s->linger);
    memset(s->head.data, 0, s->head.len); /* the key is in it */
    buf_free(&s->head);
    url_free(&s->url);
    mem_free(s);
}
