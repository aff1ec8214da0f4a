/* postgres_loop: see postgres_loop.h. */
#include "store/postgres_loop.h"

#include <ev.h>
#include <poll.h>
#include <time.h>

#include "base/mem.h"

struct watch {
    struct ev_io io;
    struct pgloop *owner;
    struct pglink *link;
    int fd, events; /* watched now; fd -1: none */
};

struct pgloop {
    struct ev_loop *loop;
    struct ev_async async;
    struct ev_timer timer;
    struct watch **watches; /* owned, each by itself: the loop points at them */
    size_t count;
    void (*turn)(void *ctx, uint64_t now_us);
    void *ctx;
};

uint64_t pgloop_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void on_async(struct ev_loop *loop, struct ev_async *async, int events)
{
    struct pgloop *l = async->data;
    (void)loop, (void)events;
    l->turn(l->ctx, pgloop_now_us());
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct pgloop *l = timer->data;
    (void)loop, (void)events;
    l->turn(l->ctx, pgloop_now_us());
}

static void on_io(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct watch *w = io->data;
    struct pgloop *l = w->owner;
    uint64_t now = pgloop_now_us();
    (void)loop;
    pglink_step(w->link, events & EV_READ, now);
    l->turn(l->ctx, now);
}

struct pgloop *pgloop_new(struct ev_loop *loop, void (*turn)(void *ctx, uint64_t now_us), void *ctx)
{
    struct pgloop *l = mem_alloc(sizeof(*l));
    l->loop = loop;
    l->turn = turn;
    l->ctx = ctx;
    ev_async_init(&l->async, on_async);
    l->async.data = l;
    ev_async_start(loop, &l->async);
    ev_timer_init(&l->timer, on_timer, 0.0, 0.0);
    l->timer.data = l;
    return l;
}

void pgloop_free(struct pgloop *l)
{
    for (size_t i = 0; i < l->count; i++) {
        ev_io_stop(l->loop, &l->watches[i]->io);
        mem_free(l->watches[i]);
    }
    ev_timer_stop(l->loop, &l->timer);
    ev_async_stop(l->loop, &l->async);
    mem_free(l->watches);
    mem_free(l);
}

void pgloop_add(struct pgloop *l, struct pglink *link)
{
    struct watch *w = mem_alloc(sizeof(*w));
    w->owner = l;
    w->link = link;
    w->fd = -1;
    ev_io_init(&w->io, on_io, -1, EV_READ);
    w->io.data = w;
    l->watches = mem_realloc(l->watches, (l->count + 1) * sizeof(struct watch *));
    l->watches[l->count++] = w;
}

void pgloop_wake(void *ctx)
{
    struct pgloop *l = ctx;
    ev_async_send(l->loop, &l->async);
}

void pgloop_links(struct pgloop *l, uint64_t now_us)
{
    for (size_t i = 0; i < l->count; i++)
        pglink_turn(l->watches[i]->link, now_us);
}

/* The descriptor may be another one of the same number while the connection is being made. */
static void watch(struct watch *w)
{
    int fd = pglink_fd(w->link);
    int events = (pglink_wants_read(w->link) ? EV_READ : 0) | (pglink_wants_write(w->link) ? EV_WRITE : 0);
    if (fd == w->fd && events == w->events && w->link->state != LINK_CONNECTING)
        return;
    ev_io_stop(w->owner->loop, &w->io);
    w->fd = fd;
    w->events = events;
    if (fd < 0)
        return;
    ev_io_set(&w->io, fd, events);
    ev_io_start(w->owner->loop, &w->io);
}

void pgloop_arm(struct pgloop *l, uint64_t due_us, uint64_t now_us)
{
    for (size_t i = 0; i < l->count; i++) {
        uint64_t due = pglink_due(l->watches[i]->link);
        due_us = due < due_us ? due : due_us;
        watch(l->watches[i]);
    }
    ev_timer_stop(l->loop, &l->timer);
    if (due_us == UINT64_MAX)
        return;
    ev_timer_set(&l->timer, due_us > now_us ? (double)(due_us - now_us) / 1e6 : 0.0, 0.0);
    ev_timer_start(l->loop, &l->timer);
}

void pgloop_step_alone(struct pglink *link)
{
    struct pollfd p = {.fd = pglink_fd(link), .events = 0};
    p.events = (short)((pglink_wants_read(link) ? POLLIN : 0) | (pglink_wants_write(link) ? POLLOUT : 0));
    if (poll(&p, 1, 10) > 0)
        pglink_step(link, p.revents & (POLLIN | POLLERR | POLLHUP), pgloop_now_us());
}
