/* What the halves of relay share. For relay*.c only. */
#ifndef LASTWORD_CORE_RELAY_INNER_H
#define LASTWORD_CORE_RELAY_INNER_H

#include "core/relay.h"

struct relay {
    struct generation *g;
    struct list link;            /* in node->relays */
    struct list waiters;         /* relay_waiter.link */
    struct store_op *op;         /* read in flight */
    struct store_op *lease_op;   /* acquire in flight */
    struct store_op *history_op; /* done: is the end recorded? */
    struct tokenlog *fresh;      /* read from the beginning beside g->log, which is shown meanwhile; owned */
    struct lease_result lease;   /* leased: what acquire said */
    struct outcome outcome;      /* done: of the log's last record */
    uint64_t told;               /* newest seq heard of */
    uint64_t done_us, look_us;   /* done: since when; when history is asked again */
    uint64_t heard_us;           /* last record */
    uint64_t read_us;            /* somebody followed */
    uint64_t ask_us, retry_us;   /* not before */
    bool ready, missing, leased, done, read_due;
};

/* relay.c */
struct relay *relay_new(struct generation *g);
/* relay_swap.c: fresh takes the place of g->log; followers are put where they agree with it. */
void relay_swap(struct generation *g);

#endif
