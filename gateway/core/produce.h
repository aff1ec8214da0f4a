/* produce: what a producer says, on its way into the log.
 *
 *     log is memory   call -> produce_text -> tokenlog -> wake
 *     log is shared   call -> produce_text -> queue ──one append in flight──> store ──ok──> tokenlog -> wake
 *                     store away:            queue ──────────────────────────────────────> tokenlog -> wake
 *                                            and, when it is back, what it missed is appended again
 *
 *     LEASING ──> LEASED <──> DOWN ──> MENDING ──> LEASED       finish ──> gone
 *         \__________\___________\________\── fenced ──> relay (another gateway produces)
 *
 * Delivered after appended: a follower reads the token log, and nothing gets there before the store has it,
 * but for the time in which the store is away, of which followers are told. It refuses to know where text
 * comes from and who reads it. */
#ifndef LASTWORD_CORE_PRODUCE_H
#define LASTWORD_CORE_PRODUCE_H

#include "core/generation.h"

/* The producer of a shared log; lives from the first run of g on this node to its finish. */
struct produce;

/* Asks for the lease of a log that is to begin. Does nothing where the log is memory, or g has it already. */
void produce_open(struct generation *g);
/* The lease was given (a takeover): the store's log ends at `lease`, and so does g's. */
void produce_adopt(struct generation *g, const struct lease_result *lease);
/* Nothing more is heard of it; idempotent. The lease lapses. */
void produce_close(struct generation *g);
/* The same, and the lease is let go at once, so that another gateway need not wait for it. */
void produce_release(struct generation *g);

void produce_start(struct generation *g, enum log_mode mode, const char *model);
void produce_text(struct generation *g, enum log_part part, const char *text, size_t len);
void produce_rewind(struct generation *g, uint64_t off, enum log_reason reason);
/* g is ENDING: when all of it is in the shared log, so is done. Then generation_finished is called; or
 * generation_record_end, when the store is away. False where the log is memory. */
bool produce_finish(struct generation *g);

/* g is ENDING, and done is not in the shared log yet, which is there to take it. */
bool produce_awaits_store(const struct generation *g);

/* The epoch under which g's end is recorded: 0 where the lease was never had, so that whoever has it goes
 * over it. */
uint64_t produce_epoch(const struct generation *g);
/* A new follower is told, if the store is away. */
void produce_notice(const struct generation *g, struct follower *f);

/* Bytes of text, those on the way included. */
uint64_t produce_end(const struct generation *g);
/* The text, that on the way included; borrowed until the next call of any function here. */
void produce_so_far(struct generation *g, const char **text, size_t *len, bool *only_text);

/* The store is back: those who miss it ask at the next tick. */
void produce_look(struct node *n);
/* node_tick's: leases are renewed, stores that were away are looked for. */
void produce_tick(struct node *n);

#endif
