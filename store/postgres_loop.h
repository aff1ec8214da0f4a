/* postgres_loop: the links of the Postgres store on the event loop: descriptors, one timer, and a wake-up
 * from other threads. Whatever happens, it ends in one call of `turn`. Knows no history. */
#ifndef LASTWORD_STORE_POSTGRES_LOOP_H
#define LASTWORD_STORE_POSTGRES_LOOP_H

#include "store/postgres_link.h"

struct ev_loop;
struct pgloop;

/* `turn` is called on the loop, never inside one of these calls. The loop is borrowed. */
struct pgloop *pgloop_new(struct ev_loop *loop, void (*turn)(void *ctx, uint64_t now_us), void *ctx);
void pgloop_free(struct pgloop *l);
/* Watches a link from now on; borrowed. */
void pgloop_add(struct pgloop *l, struct pglink *link);
/* Asks for a turn soon. Any thread; `ctx` is a struct pgloop. */
void pgloop_wake(void *ctx);

/* Within a turn: first what is due at the links, and at the end when the next turn must come, at the latest.
 */
void pgloop_links(struct pgloop *l, uint64_t now_us);
void pgloop_arm(struct pgloop *l, uint64_t due_us, uint64_t now_us);

/* One step of one link without the loop, waiting for 10 ms at most: for closing. */
void pgloop_step_alone(struct pglink *link);

uint64_t pgloop_now_us(void);

#endif
