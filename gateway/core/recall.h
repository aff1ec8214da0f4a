/* recall: an answer that is no longer in memory, back from history. See send.h for the public half. */
#ifndef LASTWORD_CORE_RECALL_H
#define LASTWORD_CORE_RECALL_H

#include "core/send.h"

/* As recall_start, with `size` bytes of context copied: the copy is what done is handed. */
struct recall *recall_start_with(struct node *n, struct owner *owner, const struct uuid *gen, recall_fn done,
                                 const void *ctx, size_t size);
/* node_close's: all end, and nobody is told. */
void recall_stop(struct node *n);
/* node_tick's: those that the stores could not answer. */
void recall_tick(struct node *n);
/* g, in state RECORDING and with an empty log, becomes the finished answer as recorded, state DONE. False if
 * the record is of a running one: its text is gone. */
bool recall_fill(struct generation *g, const struct history_answer *a);
/* One part of a recorded answer, as if a producer said it. */
void recall_produce(struct generation *g, const struct history_answer *a, const struct history_part *part);
/* The text, parts and model of a recorded answer into g's empty log, as one producer at epoch a->epoch, if
 * there ever was one. `seq`: of the last record before done. */
void recall_fill_log(struct generation *g, const struct history_answer *a, uint64_t seq);

#endif
