/* listener_proxy: see listener_proxy.h.
 *
 * A `caller` is freed where its fate is decided, which may be in its own watcher's callback: the loop allows
 * that of a stopped watcher, and nobody else knows it. */
#include "edge/listener_proxy.h"

#include <errno.h>
#include <ev.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "edge/proxy.h"

struct listener_proxy {
    struct ev_loop *loop;
    struct ev_timer timer; /* runs while there is a caller: the deadline of the oldest */
    double deadline_s;
    struct listener_proxy_ops ops;
    struct list callers; /* oldest first */
    size_t count;
};

struct caller {
    struct list link;
    struct ev_io io;
    struct listener_proxy *owner;
    double since;
    struct address from;
    struct buf header; /* as far as it came */
};

enum progress { WAITS, WHOLE, MALFORMED, GONE };

/* ------------------------------------------------------------------ the end of a caller */

/* Forgets it; the socket is the caller's of this. */
static int release(struct caller *c)
{
    int fd = c->io.fd;
    ev_io_stop(c->owner->loop, &c->io);
    list_del(&c->link);
    c->owner->count--;
    buf_free(&c->header);
    mem_free(c);
    return fd;
}

static void refuse(struct caller *c)
{
    struct listener_proxy *p = c->owner;
    struct address from = c->from;
    close(release(c));
    p->ops.refused(p->ops.ctx, &from);
}

static void finish(struct caller *c)
{
    struct listener_proxy *p = c->owner;
    struct proxy_header header;
    if (!proxy_parse(c->header.data, c->header.len, &header)) {
        refuse(c);
        return;
    }
    struct address client = header.told ? header.client : c->from;
    p->ops.ready(p->ops.ctx, release(c), &client);
}

/* ------------------------------------------------------------------ reading */

static enum progress read_on(struct caller *c)
{
    for (;;) {
        size_t need = proxy_needs(c->header.data, c->header.len);
        if (!need)
            return MALFORMED;
        if (need == c->header.len)
            return WHOLE;
        size_t rest = need - c->header.len;
        buf_reserve_exact(&c->header, rest);
        ssize_t n = recv(c->io.fd, c->header.data + c->header.len, rest, 0);
        if (n > 0)
            c->header.len += (size_t)n;
        else if (n < 0 && errno == EAGAIN)
            return WAITS;
        else if (n == 0 || errno != EINTR)
            return c->header.len ? MALFORMED : GONE;
    }
}

static void on_bytes(struct ev_loop *loop, struct ev_io *watcher, int events)
{
    (void)loop;
    (void)events;
    struct caller *c = watcher->data;
    switch (read_on(c)) {
    case WAITS:
        break;
    case WHOLE:
        finish(c);
        break;
    case MALFORMED:
        refuse(c);
        break;
    case GONE:
        close(release(c));
        break;
    }
}

/* ------------------------------------------------------------------ deadlines */

static void start_timer(struct listener_proxy *p)
{
    struct list *oldest = list_first(&p->callers);
    if (!oldest || ev_is_active(&p->timer))
        return;
    double left = list_entry(oldest, struct caller, link)->since + p->deadline_s - ev_now(p->loop);
    ev_timer_set(&p->timer, left > 0 ? left : 0, 0);
    ev_timer_start(p->loop, &p->timer);
}

static void on_deadline(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)events;
    struct listener_proxy *p = timer->data;
    list_each_safe (pos, tmp, &p->callers) {
        struct caller *c = list_entry(pos, struct caller, link);
        if (ev_now(loop) < c->since + p->deadline_s)
            break;
        refuse(c);
    }
    start_timer(p);
}

/* ------------------------------------------------------------------ the whole */

struct listener_proxy *listener_proxy_open(struct ev_loop *loop, double deadline_s,
                                           const struct listener_proxy_ops *ops)
{
    struct listener_proxy *p = mem_alloc(sizeof *p);
    p->loop = loop;
    p->deadline_s = deadline_s;
    p->ops = *ops;
    list_init(&p->callers);
    ev_init(&p->timer, on_deadline);
    p->timer.data = p;
    return p;
}

void listener_proxy_take(struct listener_proxy *p, int fd, const struct address *from)
{
    struct caller *c = mem_alloc(sizeof *c);
    c->owner = p;
    c->since = ev_now(p->loop);
    c->from = *from;
    list_add_tail(&p->callers, &c->link);
    p->count++;
    ev_io_init(&c->io, on_bytes, fd, EV_READ);
    c->io.data = c;
    ev_io_start(p->loop, &c->io);
    start_timer(p);
    on_bytes(p->loop, &c->io, EV_READ); /* a balancer sends it at once */
}

size_t listener_proxy_count(const struct listener_proxy *p)
{
    return p->count;
}

void listener_proxy_close(struct listener_proxy *p)
{
    list_each_safe (pos, tmp, &p->callers)
        close(release(list_entry(pos, struct caller, link)));
    ev_timer_stop(p->loop, &p->timer);
    mem_free(p);
}
