/* ui_session: a connection of somebody else's chat library: what it asks becomes sends, resumes and cancels.
 *
 *     guest -> ui_dialect.read -> who -> send    -> (ui_look: which user message is asked again) ->
 * ui_run_send
 *                                     -> resume  -> (ui_look: the newest answer of the chat)     ->
 * ui_run_resume
 *                                     -> abort   -> ui_run_abort
 *     ui_run, a guest_follow: log items -> ui_dialect.write_x -> guest
 *
 * The conversation in the frame is what the model is asked; the tree of the gateway gets the last user
 * message, under the answer before it where that is one of ours, else under the newest message. The inside,
 * for ui_*.c only. */
#ifndef LASTWORD_EDGE_UI_SESSION_H
#define LASTWORD_EDGE_UI_SESSION_H

#include "edge/guest.h"
#include "edge/ui.h"

struct ui_session {
    struct guest guest; /* first */
    const struct ui_dialect *dialect;
    struct list looks;         /* struct ui_look.link */
    struct list retries;       /* struct ui_look.link: to be sent again at the next turn */
    struct list unproven_link; /* nobody has said yet who it is */
    uint64_t opened_us;
    bool replay; /* opened by an address that resumes: ends with what it follows, and hears nothing */
};

/* ------------------------------------------------------------------ ui_session.c */

extern const struct tongue tongue_ai, tongue_tanstack;

/* Tells that an ask comes to nothing. `id`, `thread`: of the ask; may be NULL. */
void ui_session_refuse(struct ui_session *s, const char *id, const char *thread, const struct err *e);
/* Hands frames to the guest. */
void ui_session_say(struct ui_session *s, struct ui_out *frames);
struct uuid ui_session_chat(const struct ui_session *s, const char *chat);
/* http_routes_tick's. */
void ui_sessions_tick(struct node *n);

/* ------------------------------------------------------------------ ui_look.c: what the chat's tree tells */

struct ui_look {
    struct list link;
    struct ui_session *session;
    struct ui_ask ask; /* owned */
    struct store_op *op;
};

/* *ask is taken over. A resume of the chat's newest answer, or a send that answers a user message again. */
void ui_look(struct ui_session *s, struct ui_ask *ask);
/* *ask is taken over: it is sent again, and hangs under the newest message of its chat. */
void ui_look_retry(struct ui_session *s, struct ui_ask *ask);
void ui_looks_retry(struct ui_session *s);
/* One that is still looked up, by its id: given up. False: there is none. */
bool ui_look_abort(struct ui_session *s, const char *id);
void ui_looks_end(struct ui_session *s);

/* ------------------------------------------------------------------ ui_run.c: one answer that is followed */

/* *ask is taken over. `parent`: the user message that is answered again, or NULL. */
void ui_run_send(struct ui_session *s, struct ui_ask *ask, const struct uuid *parent);
/* From `off`, where the bytes before it have that crc. `thread` may be NULL. */
struct ui_position {
    uint64_t off;
    uint32_t crc;
};
void ui_run_resume(struct ui_session *s, const char *id, const char *thread, const struct uuid *gen,
                   struct ui_position from);
/* False: there is none with that id. */
bool ui_run_abort(struct ui_session *s, const char *id);

#endif
