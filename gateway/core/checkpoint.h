/* checkpoint: where the session store does not outlive this process, the text of running answers is saved in
 * history every history.checkpoint_ms, so that a gateway started again goes on from there. */
#ifndef LASTWORD_CORE_CHECKPOINT_H
#define LASTWORD_CORE_CHECKPOINT_H

#include "core/node.h"

/* node_tick's: saves what has grown, if it is time and the last save is done. */
void checkpoint_tick(struct node *n);
/* node_close's: saves all that has grown, with no completion; the store finishes what is queued when it
 * closes. */
void checkpoint_final(struct node *n);

#endif
