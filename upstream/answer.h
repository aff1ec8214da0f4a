/* answer: what codecs and the ladder say to each other about one attempt.
 *
 *     bytes -> codec -> gather (text of one read, one part at a time) -> call
 *                    -> answer (everything else the stream has said so far)  */
#ifndef LASTWORD_UPSTREAM_ANSWER_H
#define LASTWORD_UPSTREAM_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/config.h"
#include "upstream/failure.h"
#include "upstream/upstream.h"

enum finish { FINISH_NONE, FINISH_STOP, FINISH_LENGTH, FINISH_FILTERED, FINISH_TOOLS };

#define ANSWER_DETAIL 96
#define ANSWER_MODEL 128

struct answer {
    enum finish finish;
    enum failure failure;       /* an error the stream itself reported */
    char detail[ANSWER_DETAIL]; /* code, type or field of that error: letters, digits and _.- only */
    char *model;                /* owned; as the upstream says it, NULL until it did */
    int64_t prompt_tokens, completion_tokens; /* -1: not said */
    unsigned events;                          /* understood, text or not */
    unsigned malformed;
    bool done;               /* the end mark came */
    bool other;              /* something came that is not text (tool calls): the text cannot be continued */
    bool usage_after_finish; /* nothing more can come */
};

/* An identifier of the upstream's, if it is safe for logs and messages: prose leaves `out` empty. NULL is
 * fine. */
void answer_detail(char out[ANSWER_DETAIL], const char *id);
/* The first name said stands; one that is too long is none. NULL is fine. */
void answer_model(struct answer *a, const char *model);

/* Text on its way out: consecutive deltas of one part, shared by all streams of a loop. `owner` tells whose
 * it is; whoever begins to add for another owner flushes first. */
struct gather {
    struct buf text;
    enum answer_part part;
    unsigned tokens;
    void *owner;
    void (*flush)(struct gather *g, void *owner); /* hands the text on and empties it; tokens is 0 after it */
};

/* `text` is whole UTF-8; one event made it. */
static inline void gather_add(struct gather *g, enum answer_part part, const char *text, size_t len)
{
    if (g->part != part) {
        if (g->tokens)
            g->flush(g, g->owner);
        g->part = part;
    }
    buf_add(&g->text, text, len);
    g->tokens++;
}

/* One request to build. Everything is borrowed. */
struct ask {
    const char *model;
    const char *messages; /* JSON array, checked by openai_messages */
    size_t messages_len;
    const json_t *params; /* object or NULL; the members a codec owns are left out */
    const json_t *body;   /* of the target, goes over params; NULL for none */
    const char *prefix;   /* the answer so far, to be continued; prefix_len 0: begin */
    size_t prefix_len;
    enum config_continue continuation; /* how, when there is a prefix */
    int64_t produced;                  /* tokens of the prefix: a limit of tokens shrinks by them */
    int64_t max_tokens;                /* where the dialect wants a limit and params has none */
};

#endif
