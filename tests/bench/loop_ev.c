/* libev under lws and curl. See loop.h. */
#include "loop.h"

#include <ev.h>

enum { FDS = 65536 };
static struct ev_loop *ev;
static ev_io ios[FDS];
static bool used[FDS];
static ev_timer timers[LOOP_TIMERS];

static void prepare(struct lws_context_creation_info *info)
{
    static void *foreign[1];
    ev = ev_default_loop(EVBACKEND_EPOLL);
    foreign[0] = ev;
    info->foreign_loops = foreign;
    info->options |= LWS_SERVER_OPTION_LIBEV;
}

static void begin(struct lws_vhost *vhost)
{
    (void)vhost;
}

static void on_io(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    int got = (revents & EV_READ ? LOOP_READ : 0) | (revents & EV_WRITE ? LOOP_WRITE : 0) |
              (revents & EV_ERROR ? LOOP_ERROR : 0);
    ((io_fn)w->data)(w->fd, got);
}

static void watch(int fd, int events, io_fn fn)
{
    ev_io *w = &ios[fd];
    if (used[fd])
        ev_io_stop(ev, w);
    used[fd] = events != 0;
    if (!events)
        return;
    ev_io_init(w, on_io, fd, (events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0));
    w->data = (void *)fn;
    ev_io_start(ev, w);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    ((timer_fn)w->data)();
}

static void timer(int nth, long ms, timer_fn fn)
{
    ev_timer *w = &timers[nth];
    if (ev_is_active(w))
        ev_timer_stop(ev, w);
    if (ms < 0)
        return;
    ev_now_update(ev);
    ev_timer_init(w, on_timer, (double)ms / 1000, 0);
    w->data = (void *)fn;
    ev_timer_start(ev, w);
}

static void run(struct lws_context *context)
{
    (void)context;
    ev_run(ev, 0);
}

const struct loop loop_ev = {"libev", prepare, begin, watch, timer, run};
