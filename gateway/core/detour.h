/* detour: how a prompt is accepted while history is away, or slow.
 *
 *     send ─> history begin ──────────────────────────────────────ok─> accepted
 *               │ UNAVAILABLE, or silent for a while                      ^
 *               v                                                         │
 *             shared log: known? ─> chat's turns: may it go on? ─> prompt ┘   (outbox entry and turn, one
 * step) │ yes: read it        │ no: history's word, or STORE_DEGRADED
 *
 *     outbox ─take─> history begin, then the turn is forgotten, then acknowledged          (outbox.c)
 *
 * `accepted` means durably recorded all the same: in the session store, from where history is told, once and
 * in order. What the model is sent comes from the turns that history has not got, and above them from this
 * node's memory (memo). It refuses to guess: where the conversation is not known, the prompt is refused. */
#ifndef LASTWORD_CORE_DETOUR_H
#define LASTWORD_CORE_DETOUR_H

#include "core/generation.h"

/* History is being asked to record this of g. */
void detour_asked(struct generation *g, const struct history_send *send);
/* History has recorded it. */
void detour_recorded(struct generation *g);
/* History could not be told. True: g is accepted or refused later. */
bool detour_refused(struct generation *g);
/* node_tick's: who has waited for history long enough. */
void detour_tick(struct node *n);

/* g's turn in the chat has come, and history may not have what is before it: generation_run when the
 * conversation is found, detour_unknown otherwise. */
void detour_context(struct generation *g);
/* g was accepted by another gateway. OK: g->asked is what it was asked; NOT_FOUND: history has it, or nobody;
 * UNAVAILABLE. */
void detour_find(struct generation *g, void (*done)(struct generation *g, enum store_status status));
/* g's text stands, and is about to end the shared log: whoever goes on with the chat may need it. */
void detour_answered(const struct generation *g);
/* Whatever is asked for is given up. Idempotent. */
void detour_stop(struct generation *g);

#endif
