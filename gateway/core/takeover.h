/* takeover: at start, the answers that history has as running are taken up again by the ladder, or end as
 * truncated.
 *
 *     history running() -> generation with the text last saved, epoch + 1 -> context() -> generation_run
 *                                                               \-> save: no two lives have one epoch
 *     older than upstream.takeover_age_s, or not to be asked again -> truncated */
#ifndef LASTWORD_CORE_TAKEOVER_H
#define LASTWORD_CORE_TAKEOVER_H

#include "core/node.h"

/* Once, before connections are taken; `done` when every such answer is in memory (resumes find it from then
 * on). */
void takeover_start(struct node *n, void (*done)(void *ctx), void *ctx);
/* g, QUEUED, was another gateway's: reads from history what was asked, and goes on (generation_advance). */
void takeover_ask(struct generation *g);
void takeover_stop(struct node *n); /* idempotent; done is not called any more */

#endif
