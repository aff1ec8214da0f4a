/* timers: a heap of deadlines, soonest first. Pure: it is asked what is due, it waits for nothing. */
#ifndef LASTWORD_UPSTREAM_TIMERS_H
#define LASTWORD_UPSTREAM_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#define TIMER_NEVER UINT64_MAX

struct timer {
    uint64_t at_ms;
    size_t slot; /* 1-based place in the heap; 0: not in it */
};

struct timers {
    struct timer **heap; /* owned array; the timers belong to their objects */
    size_t count, cap;
};

void timers_free(struct timers *h);
void timer_set(struct timers *h, struct timer *t, uint64_t at_ms); /* adds or moves */
void timer_clear(struct timers *h, struct timer *t);               /* idempotent */
struct timer *timers_first(const struct timers *h);                /* NULL when empty */
uint64_t timers_next_ms(const struct timers *h);                   /* TIMER_NEVER when empty */

#endif
