/* postgres_read: reads, one at a time on each link of the pool.
 *
 *     waiting --writes of its owner are over--> a standby, which first says how far it has come
 *        ^                                        | far enough: done
 *        +---- behind, or lost ----> the primary <+
 *
 * A standby is asked as long as one is there; what it cannot know yet goes to the primary. Knows no loop. */
#ifndef LASTWORD_STORE_POSTGRES_READ_H
#define LASTWORD_STORE_POSTGRES_READ_H

#include "store/postgres_call.h"
#include "store/postgres_write.h"

struct pgreading {
    struct pglink link;
    struct pgreader *reader; /* borrowed */
    struct store_op *job;    /* owned while there is one */
    bool asked_how_far;      /* the first reply is of PGSQL_REPLAYED */
    bool behind;
    char code[6]; /* how a statement failed; "": none did */
    int replies;
    struct pgrows *rows[CALL_ROWS];
};

struct pgreader {
    struct pgreading *readings; /* owned */
    size_t count;
    struct list waiting; /* store_op.link */
    uint64_t now_us;     /* of this turn */
    uint64_t due_us;     /* not later than the first deadline of those that wait */
    /* A job is done: it is the callee's. */
    void (*done)(void *ctx, struct store_op *job);
    /* It has taken too long: to be answered, though it is still on its way. */
    void (*late)(void *ctx, struct store_op *job);
    void *ctx;
    const struct pgwriter *writer; /* borrowed: how far writes are over, and who wrote what */
};

/* Makes `each` links to the one and, unless it is NULL, to the other; their events are the reader's. */
void pgreader_init(struct pgreader *r, const struct pgwriter *writer, struct pghosts *primary,
                   struct pghosts *standby, size_t each, const struct pglink_settings *settings);
void pgreader_free(struct pgreader *r); /* jobs as well, none is completed */

/* Takes a job over. `ahead`: before those that wait. */
void pgreader_add(struct pgreader *r, struct store_op *job, bool ahead);
/* Gives out what can be given out, and answers UNAVAILABLE what has waited too long. */
void pgreader_turn(struct pgreader *r, uint64_t now_us);
/* When to call again at the latest; UINT64_MAX: nothing waits. */
uint64_t pgreader_due(const struct pgreader *r);

#endif
