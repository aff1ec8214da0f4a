/* ui: the WebSocket frames of two chat libraries of others, as values of ours: Vercel's `ai` and TanStack AI.
 * Pure.
 *
 *     frame -> ui_dialect.read -> struct ui_ask -> ui_session: send_submit, resume_submit, generation_cancel
 *     log_item, outcome        -> ui_dialect.write_x -> struct ui_out, whole frames -> socket
 *
 * What the frames are, as found in the packages, is in gateway/PROTOCOL.md section 12. It refuses to know
 * sockets and who asks; a dialect never sees another's answer. */
#ifndef LASTWORD_EDGE_UI_H
#define LASTWORD_EDGE_UI_H

#include <jansson.h>

#include "core/protocol.h"

#define UI_ID_MAX 255 /* bytes of a library's id of a chat or a request */

/* ------------------------------------------------------------------ asked */

enum ui_ask_type { UI_SEND, UI_RESUME, UI_ABORT };

/* Texts are borrowed from root and hold no NUL, but for input and messages_json. */
struct ui_ask {
    enum ui_ask_type type;
    json_t *root;   /* owned */
    const char *id; /* of the request: what an answer and an abort name. NULL in an ask refused without one */
    const char *chat; /* NULL where it names none */
    const char *token;
    const char *model;      /* "" where it names none */
    const json_t *params;   /* of the wire; NULL: none */
    const json_t *messages; /* as the library sent them */
    char *messages_json;    /* owned (free): the conversation, in OpenAI's shape */
    struct buf input;       /* owned: the text of the last user message, with which the conversation ends */
    struct uuid parent;
    enum parent_choice parent_choice;
    enum if_busy if_busy;
    bool cancel_on_disconnect;
    bool again; /* the last user message was asked before: answer it once more */
};

void ui_ask_free(struct ui_ask *ask);

/* Parses a frame into ask->root; READ_NOT_OBJECT, or READ_BAD with *e, or READ_OK. */
enum read_verdict ui_ask_parse(const char *text, size_t len, struct ui_ask *ask, struct err *e);
/* A member that is a text of 1 to UI_ID_MAX bytes without NUL; NULL if it is anything else. */
const char *ui_id(const json_t *object, const char *name);
/* Members `model`, `params`, `if_busy` and `on_disconnect` of what an application sends along: those of the
 * wire's send. NULL: none. */
bool ui_ask_options(struct ui_ask *ask, const json_t *object, struct err *e);
/* A member of each message: `parts` (the ai package) or `content` (AG-UI). Fills input, messages_json and
 * parent: the newest answer before the last user message, where its id is one of ours. */
bool ui_ask_messages(struct ui_ask *ask, const char *member, struct err *e);

/* ------------------------------------------------------------------ answered */

/* Frames for the socket: a 4-byte length each, then the bytes. Zeroed before the first use; owned. */
struct ui_out {
    struct buf buf;
    size_t read;
};
struct buf *ui_out_begin(struct ui_out *o, size_t *mark); /* append the frame to what it returns */
void ui_out_end(struct ui_out *o, size_t mark);
bool ui_out_next(struct ui_out *o, struct buf *out); /* appends the next frame; false: there is none */
void ui_out_free(struct ui_out *o);

/* What has been said of one answer on one connection. */
struct ui_voice {
    char *id, *thread;   /* owned; of the ask */
    json_t *messages;    /* a reference; NULL where the ask named none */
    struct uuid message; /* the answer's id: known from write_begin on */
    uint64_t sequence;   /* ai: of the next chunk */
    unsigned parts;      /* begun so far */
    int open;            /* enum log_part that is open; -1: none */
};

struct ui_dialect {
    const char *name;
    bool names_gen; /* an id of a request is one for ever: it stands for the generation, also on later
                       connections */
    /* READ_OK, or READ_BAD with *e; ask->id may be set then. Either way the caller owns *ask: ui_ask_free. */
    enum read_verdict (*read)(const char *text, size_t len, struct ui_ask *ask, struct err *e);
    /* The prompt is recorded, or what was asked to be resumed is found (`resumed`); text follows from p. */
    void (*write_begin)(struct ui_voice *v, struct ui_out *o, bool resumed, const struct log_item *at);
    void (*write_text)(struct ui_voice *v, struct ui_out *o, const struct log_item *item);
    /* All that was said does not hold; the text comes again from 0. False: it cannot be told; nothing was
     * written. */
    bool (*write_rewind)(struct ui_voice *v, struct ui_out *o, const struct log_item *item);
    /* queued, stalled, retrying, taking_over, degraded. */
    void (*write_status)(struct ui_voice *v, struct ui_out *o, const char *state);
    void (*write_done)(struct ui_voice *v, struct ui_out *o, const struct outcome *outcome);
    /* It ends here without an outcome: refused, or it cannot be told. */
    void (*write_error)(struct ui_voice *v, struct ui_out *o, const struct err *e);
    /* There is nothing to resume. NULL: told by closing the connection. */
    void (*write_none)(struct ui_voice *v, struct ui_out *o);
};

extern const struct ui_dialect ui_ai, ui_tanstack;

/* The sentence for an outcome that is no whole answer (error, truncated, cancelled). */
const char *ui_outcome_text(const struct outcome *outcome, struct err *e);

#endif
