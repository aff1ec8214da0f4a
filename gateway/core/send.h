/* send: what becomes of an ask, a resume and a cancel, whoever brings it (a WebSocket session or an HTTP
 * exchange).
 *
 *     send_submit -> known? -> same answer again (or CONFLICT)
 *                 -> may it run? (draining, size, model, busy, limits) -> if not: known to history? ->
 * refused
 *                 -> chat -> history begin -> accepted -> generation_run
 *     resume_submit -> in memory -> position agrees? -> follow, or diverged
 *                   -> the stores -> followed there, or whole text again, or NOT_FOUND, RESUME_GONE; while
 * they are away it waits, and ops->notice tells
 *
 * The answer always comes through follower->ops, maybe before the call returns. */
#ifndef LASTWORD_CORE_SEND_H
#define LASTWORD_CORE_SEND_H

#include "core/generation.h"

struct send {
    struct uuid gen, chat, parent;
    enum parent_choice parent_choice;
    const char *input; /* NULL: answer `parent` again */
    size_t input_len;
    const char *model;         /* "" for the default */
    const json_t *params;      /* of the wire, `system` included; or what HTTP passes through. NULL: none */
    const char *messages_json; /* HTTP: the whole "messages" array; NULL on the wire */
    const json_t *note; /* what a surface wants to have with the answer again: kept in history, not read
                           by the core; NULL: nothing */
    bool cancel_on_disconnect;
    enum if_busy if_busy;
    const struct grant *grant; /* which models may be asked; NULL: all */
};

/* Everything is copied. f is zeroed but for ops. A repeated send follows from 0 with live_due. */
void send_submit(struct node *n, struct owner *owner, const struct send *s, struct follower *f);
void resume_submit(struct node *n, struct owner *owner, const struct resume_request *r, struct follower *f);

/* Looks a generation up in memory and then history: done(ctx, g, NULL), or done(ctx, NULL, error): NOT_FOUND,
 * RESUME_GONE or STORE_DEGRADED. g is borrowed until the next turn. NULL is returned when done was called
 * already. */
typedef void (*recall_fn)(void *ctx, struct generation *g, const struct err *e);
struct recall *recall_start(struct node *n, struct owner *owner, const struct uuid *gen, recall_fn done,
                            void *ctx);
void recall_cancel(struct recall *r); /* NULL is fine */

#endif
