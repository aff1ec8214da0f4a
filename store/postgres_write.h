/* postgres_write: all writes, in their order, on one link: what waits goes as one transaction, and while it
 * is on its way the next gathers.
 *
 *     waiting ────> batch, one transaction ──committed──> done
 *        ^              | one failed: none stands            \──> a begin that goes on as a read
 *        |              v
 *        |          the same again, each by itself: one spoils no other
 *        +────────── lost
 *
 * Batches of nothing but ends may follow each other closely, since an end needs none before it. A connection
 * lost before the answer to the commit leaves the outcome unknown: everything is sent again, and the
 * functions of the schema take a repeat for what it is. Knows no loop. */
#ifndef LASTWORD_STORE_POSTGRES_WRITE_H
#define LASTWORD_STORE_POSTGRES_WRITE_H

#include "store/postgres_batch.h"
#include "store/postgres_owner.h"

#define WRITER_BATCHES 3 /* on their way, at most */

struct pgwriter {
    struct pglink link;
    struct pgowners *owners;                /* borrowed */
    bool tracks;                            /* standbys need to know how far a commit went */
    struct list waiting;                    /* store_op.link, in order */
    struct pgbatch batches[WRITER_BATCHES]; /* a ring: on their way, in order */
    size_t first, sent;
    size_t careful; /* so many of those that wait are to go each by itself */
    bool useless;   /* the connection, by what a statement said */
    enum writer_doing { WRITER_WRITES, WRITER_PROBES, WRITER_TIDIES } doing;
    bool did;     /* the probe, or the tidying, went well */
    char code[6]; /* else why not */
    uint64_t last_order;
    uint64_t now_us, probe_us, tidy_us;
    enum store_status trouble; /* OK, or how writing fails */
    bool outdated;             /* the schema is: somebody should migrate */
    /* A job is done: it is the callee's. */
    void (*done)(void *ctx, struct store_op *job);
    /* It has taken too long: to be answered, though it is still on its way. */
    void (*late)(void *ctx, struct store_op *job);
    /* A begin that goes on as a read; the callee's. */
    void (*read_on)(void *ctx, struct store_op *job);
    void *ctx;
};

void pgwriter_init(struct pgwriter *w, struct pghosts *primary, const struct pglink_settings *settings,
                   struct pgowners *owners);
void pgwriter_free(struct pgwriter *w); /* jobs as well, none is completed */

/* Takes a job over and gives it its place in the order. */
void pgwriter_add(struct pgwriter *w, struct store_op *job);
/* Sends what can be sent, and answers UNAVAILABLE what has waited too long. */
void pgwriter_turn(struct pgwriter *w, uint64_t now_us);
uint64_t pgwriter_due(const struct pgwriter *w);
/* All writes up to this place are over. */
uint64_t pgwriter_settled(const struct pgwriter *w);
bool pgwriter_busy(const struct pgwriter *w); /* something waits or is on its way */

#endif
