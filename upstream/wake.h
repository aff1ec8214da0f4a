/* wake: one deadline on the loop, which may be now.
 *
 * libev waits at least a millisecond for any timer. So a wake for now is fed as an event; a further one in
 * the same turn of the loop waits for the next turn, or whoever always has more to do would have the loop for
 * himself. */
#ifndef LASTWORD_UPSTREAM_WAKE_H
#define LASTWORD_UPSTREAM_WAKE_H

#include <ev.h>
#include <stdint.h>

struct wake {
    struct ev_loop *loop;
    void (*fn)(void *arg);
    void *arg;
    ev_timer timer;
    ev_idle again; /* for the next turn */
    unsigned fed;  /* turn in which the last one was fed */
};

void wake_init(struct wake *w, struct ev_loop *loop, void (*fn)(void *arg), void *arg);
void wake_in_us(struct wake *w, uint64_t us); /* in place of what was set before; 0: now, but not from here */
void wake_stop(struct wake *w);

#endif
