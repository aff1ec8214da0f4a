/* upstream: who produces an answer. What the core knows of it is this file.
 *
 *     core: prompt ->  call (ladder: attempts, retry, fallback, continuation)  -> route -> codec -> http
 *     core: on_start, on_text, on_status, on_end  <-  codec  <-  sse  <-  http
 *
 * One call produces one answer, whatever it takes. Contract: exactly one completion (on_end); no event before
 * call_start has returned; none after call_cancel. An event may not free the call; it may cancel it.
 * It refuses to know sessions, sockets of clients, logs and stores. */
#ifndef LASTWORD_UPSTREAM_H
#define LASTWORD_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"

enum prompt_role { PROMPT_SYSTEM, PROMPT_USER, PROMPT_ASSISTANT };

struct prompt_message {
    enum prompt_role role;
    const char *text;
    size_t len;
};

/* What is asked. The call copies what it needs before call_start returns. */
struct prompt {
    const char *model; /* as the client named it; "" takes the default */
    const struct prompt_message *messages;
    size_t count;
    /* JSON object of sampling parameters (temperature, top_p, max_tokens, seed, stop) and whatever else the
     * HTTP surface passes through; merged into the request as it is. NULL or "" for none. `system` of the
     * wire is a message, not a parameter. */
    const char *params_json;
    /* HTTP surface only: the "messages" array as the client sent it, passed through in place of `messages`.
     * NULL for none. */
    const char *messages_json;
    /* A name for the logs (an id of the caller's, never text of a user). NULL for none. */
    const char *trace;
};

enum answer_part { ANSWER_TEXT, ANSWER_REASONING };
enum start_mode { START_FRESH, START_REATTACH, START_PREFIX, START_RESTART };
enum call_status { CALL_STALLED, CALL_RETRYING };

enum call_outcome {
    CALL_COMPLETE,  /* the upstream's end mark */
    CALL_LENGTH,    /* finish_reason length */
    CALL_FILTERED,  /* the upstream's content filter */
    CALL_TRUNCATED, /* text came, the end never did, and the ladder is climbed */
    CALL_ERROR      /* nothing came that could be shown */
};

struct call_result {
    enum call_outcome outcome;
    struct err error;          /* ERROR, TRUNCATED, FILTERED: why; the first cause, not the last symptom */
    int64_t prompt_tokens;     /* of the answer as it stands; -1 unknown */
    int64_t completion_tokens; /* -1 unknown: the core counts what it got */
    int64_t
        spent_tokens; /* completion tokens of all attempts, thrown away ones included, estimated if need be */
};

struct call_events {
    /* A producer begins. FRESH first; PREFIX: text goes on where it stopped; RESTART: what came is to be
     * thrown away. `model`: that really serves, `upstream`: its configured name; both borrowed for the call
     * of it. Comes with the first text (or end) of the attempt, not with its request. */
    void (*on_start)(void *ctx, enum start_mode mode, const char *model, const char *upstream);
    /* Whole UTF-8 sequences, never empty: what one read brought, of one part. tokens: how many events made
     * it. */
    void (*on_text)(void *ctx, enum answer_part part, const char *text, size_t len, unsigned tokens);
    void (*on_status)(void *ctx, enum call_status status, uint64_t idle_ms);
    void (*on_end)(void *ctx, const struct call_result *result);
    /* The answer so far, for continuing from it (text parts only; reasoning is never given back).
     * `*only_text` false: something else came too, continuing is impossible. Borrowed until the next event.
     */
    void (*text_so_far)(void *ctx, const char **text, size_t *len, bool *only_text);
};

struct call;
struct upstream;

struct upstream_ops {
    /* NULL with *error filled when nothing can be tried: unknown model (NOT_FOUND, names the known ones).
     * `resume`: the answer was begun by a gateway that died: text_so_far is asked before the first attempt,
     * and the first on_start is PREFIX or RESTART (FRESH where there is no text yet). */
    struct call *(*start)(struct upstream *u, const struct prompt *prompt, bool resume,
                          const struct call_events *events, void *ctx, struct err *error);
    /* Ends the attempt at once (the upstream's connection is closed). The call is gone. */
    void (*cancel)(struct call *c);
    /* Would `start` know this model ("" for the default)? False with *error filled. */
    bool (*knows)(struct upstream *u, const char *model, struct err *error);
    /* Names of the models, borrowed until the next turn. */
    size_t (*models)(struct upstream *u, const char *const **names);
};

struct upstream {
    const struct upstream_ops *ops;
};

/* ------------------------------------------------------------------ the real one */

struct ev_loop;
/* Calls over libcurl on `loop`, routed by `config` (borrowed until upstream_reload or upstream_close).
 * `random` gives 32 random bits (jitter). */
struct upstream *upstream_open(const struct config *config, struct ev_loop *loop, uint32_t (*random)(void));
void upstream_reload(struct upstream *u, const struct config *config); /* running calls go on as they were */
bool upstream_ready(struct upstream *u); /* models of at least one upstream are known, or none needs asking */
void upstream_close(struct upstream *u); /* cancels all */

#endif
