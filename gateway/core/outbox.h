/* outbox: prompts and finished answers on their way from the shared session store into history.
 *
 *     prompt (detour.h) ─> outbox of the store ─take─> history begin ─ok─> forget the turn ─> ack
 *     finish (done and entry in one step) ─> ..  ─take─> history finish ─ok────────────────> ack
 *                                            whoever takes it; a gateway that dies lets another take it
 *
 * An entry may come before what it needs (a finish before its prompt, a prompt before the one it follows),
 * because another gateway has that in hand: then it is left, and comes again. Whether there is something to
 * wait for the chat's turns say; what is in neither was deleted.
 *
 * Idempotent at both ends: an entry may be taken twice, history keeps one. Bounded: so many at a time, and
 * the next are taken when these are done. It refuses to acknowledge what history has not taken. */
#ifndef LASTWORD_CORE_OUTBOX_H
#define LASTWORD_CORE_OUTBOX_H

#include "core/node.h"

struct outbox;

/* NULL where the session store has no outbox (n->outbox_ops). */
struct outbox *outbox_open(struct node *n);
void outbox_close(struct outbox *o); /* NULL is fine */
/* There is something to take: at once, and not only at the next tick. */
void outbox_kick(struct outbox *o);
/* node_tick's. */
void outbox_tick(struct outbox *o);

#endif
