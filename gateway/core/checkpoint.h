/* checkpoint: where the session store does not outlive this process, the text of running answers is saved in
 * history every history.checkpoint_ms, so that a gateway started again goes on from there. */
#ifndef LASTWORD_CORE_CHECKPOINT_H
#define LASTWORD_CORE_CHECKPOINT_H

#include "core/node.h"

/* Saves what of the queued and running answers is not, epochs included; for done to be called once. NULL:
 * nothing, and done is not. */
struct store_op *checkpoint_save(struct node *n, store_done_fn done, void *ctx);
/* A save failed: what was saved of whom is not known, so the next one brings each text whole. */
void checkpoint_failed(struct node *n, enum store_status status);
/* node_tick's: saves what has grown, if it is time and the last save is done. */
void checkpoint_tick(struct node *n);
/* node_close's: saves all that has grown, with no completion; the store finishes what is queued when it
 * closes. */
void checkpoint_final(struct node *n);

#endif
