/* postgres_chore: something that blocks, done once on a thread of its own: looking names up, migrating.
 *
 *     loop: start ──> thread: run, then wake(ctx) ──> loop: pgchore_done, use the result, pgchore_drop
 *
 * A chore that is dropped before it is done goes on alone, wakes nobody, and is freed by its thread. */
#ifndef LASTWORD_STORE_POSTGRES_CHORE_H
#define LASTWORD_STORE_POSTGRES_CHORE_H

#include <stdbool.h>

struct pgchore;

/* `run` and then `drop_work` are called with `work` on the thread or, the latter, by pgchore_drop. `wake` may
 * be called on the thread. NULL when no thread can be had; `work` is then still the caller's. */
struct pgchore *pgchore_start(void (*run)(void *work), void (*drop_work)(void *work), void *work,
                              void (*wake)(void *ctx), void *ctx);
/* True once run has returned; `work` is then the caller's to read, until the drop. */
bool pgchore_done(struct pgchore *chore);
void pgchore_drop(struct pgchore *chore); /* NULL is fine */

#endif
