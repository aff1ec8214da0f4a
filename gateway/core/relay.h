/* relay: a generation whose producer is elsewhere: its log is read from the shared store, and taken over when
 * nobody writes it any more.
 *
 *     store: on_grown ─> read ─> record_apply ─> g->log ─> wake         (a session cannot tell)
 *     silence ─> acquire ─held─> wait
 *                        ─ok──> the lease is ours: read to the end, produce_adopt, and up the ladder
 *
 * Whoever produced it waited a moment with done, for history (history.done_wait_ms); so does a relay, so that
 * `persisted` is as true here as there.
 *
 * It refuses to trust the store's records: what does not follow, or whose checksum does not agree, is read
 * anew. */
#ifndef LASTWORD_CORE_RELAY_H
#define LASTWORD_CORE_RELAY_H

#include "core/generation.h"

struct relay;

/* Waits until the log of a generation has been read to its present end. Embedded in the waiter. */
struct relay_waiter {
    struct list link;
    /* e NULL: g is as the store has it. Otherwise g is not to be had. Called once; unlinked before it. */
    void (*ready)(struct relay_waiter *w, struct generation *g, const struct err *e);
};

/* g, RECORDING and with an empty log, becomes one that is read from the store. `first`: records read already,
 * from seq 1 on (0: none). */
void relay_open(struct generation *g, const struct log_record *first, size_t count);
/* The lease was acquired already: g is taken over when it has been read. */
void relay_leased(struct generation *g, const struct lease_result *lease);
/* g's lease is another's: what is produced here ends, and the store's log takes the place of g's own. Whoever
 * has read what that does not have is told to go back. Also of a generation whose outcome stands. */
void relay_instead(struct generation *g);
/* Stops reading. Waiters are told that the store is away. Idempotent. */
void relay_close(struct generation *g);

/* Is all of g here that the store had when it was asked? True of whatever is no relay. */
bool relay_is_ready(const struct generation *g);
/* The log's done was read: g->outcome is set, though g is DONE only when history has been asked. */
bool relay_has_end(const struct generation *g);
/* Calls w->ready when g can be read; true: it can be now (ready is not called). */
bool relay_ready(struct generation *g, struct relay_waiter *w);
/* Idempotent. */
void relay_forget(struct relay_waiter *w);

/* The store's on_grown. */
void relay_grown(struct node *n, const struct gen_key *key, uint64_t seq);
/* Its lease was seen to have lapsed: it is asked for, if g is read here to its end. */
void relay_lapsed(struct generation *g);
/* node_tick's. */
void relay_tick(struct node *n);

#endif
