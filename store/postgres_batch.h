/* postgres_batch: some writes on their way together, in one transaction, or each in its own.
 *
 *     whole:  [ends, all in one statement] [begin] [begin] [ends] ... commit   (LSN, commit)
 *     each:   [end] commit  [begin] commit ...                                 (LSN, commit)
 *
 * Takes jobs from a list, sends them, and notes what comes back. What follows from it is the writer's. */
#ifndef LASTWORD_STORE_POSTGRES_BATCH_H
#define LASTWORD_STORE_POSTGRES_BATCH_H

#include "store/postgres_call.h"
#include "store/postgres_link.h"

#define BATCH_JOBS 256

/* One statement: jobs that follow each other. */
struct pgstep {
    size_t first, count;
    struct pgrows *rows; /* owned */
    char code[6];        /* how it failed; "": it did not */
    bool committed;
    bool again; /* it is back in the queue */
};

struct pgbatch {
    struct store_op *jobs[BATCH_JOBS];
    size_t count;
    struct pgstep steps[BATCH_JOBS];
    size_t step_count;
    bool each;    /* a transaction for each step */
    bool ends;    /* nothing but ends: it does not matter whether those before it stand */
    bool tracks;  /* the LSN is asked for */
    uint64_t lsn; /* after the commit; LSN_UNKNOWN until it is */
    size_t replies, syncs;
};

/* The next jobs of the list, up to the limits of a batch. `careful`: so many are to go each by itself; 0:
 * none. */
void pgbatch_take(struct pgbatch *b, struct list *waiting, size_t careful);
/* How many ends could be taken as a batch of nothing else; 0 also where there is something else among them.
 */
size_t pgbatch_ends(const struct list *waiting);
void pgbatch_send(struct pgbatch *b, struct pglink *link, bool tracks);
/* A reply of it, taken over; true when it was the last. */
bool pgbatch_reply(struct pgbatch *b, struct pgreply *reply);
/* Whether a statement failed; *loss: so that the connection is of no use. */
bool pgbatch_failed(const struct pgbatch *b, bool *loss);
/* Frees rows that nobody took; the jobs are others'. */
void pgbatch_clear(struct pgbatch *b);

#endif
