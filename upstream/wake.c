/* wake: see wake.h. */
#include "upstream/wake.h"

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct wake *w = timer->data;
    (void)events;
    ev_timer_stop(loop, timer);
    w->fn(w->arg);
}

static void on_again(struct ev_loop *loop, ev_idle *again, int events)
{
    struct wake *w = again->data;
    (void)events;
    ev_idle_stop(loop, again);
    w->fn(w->arg);
}

void wake_init(struct wake *w, struct ev_loop *loop, void (*fn)(void *arg), void *arg)
{
    *w = (struct wake){.loop = loop, .fn = fn, .arg = arg, .fed = ev_iteration(loop) - 1};
    ev_init(&w->timer, on_timer);
    ev_idle_init(&w->again, on_again);
    ev_set_priority(&w->again, EV_MAXPRI); /* or a busy loop would never come to it */
    w->timer.data = w->again.data = w;
}

void wake_in_us(struct wake *w, uint64_t us)
{
    wake_stop(w);
    if (us) {
        ev_timer_set(&w->timer, (double)us / 1e6, 0);
        ev_timer_start(w->loop, &w->timer);
    } else if (w->fed != ev_iteration(w->loop)) {
        w->fed = ev_iteration(w->loop);
        ev_feed_event(w->loop, &w->timer, EV_TIMER);
    } else {
        ev_idle_start(w->loop, &w->again);
    }
}

void wake_stop(struct wake *w)
{
    ev_timer_stop(w->loop, &w->timer);
    ev_idle_stop(w->loop, &w->again);
}
