/* ask: one question to a model, read from an OpenAI request body or from a query string, with the answer it
 * gets and where in it this request begins. It refuses what is ill-typed; it decides no fault. */
#ifndef RICHIERICH_ASK_H
#define RICHIERICH_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "answer.h"
#include "model.h"

#define STOPS_MAX 4

struct ask {
    struct model model;
    struct options opt;
    struct buf input;  /* the last user message */
    struct buf prefix; /* the trailing assistant message */
    bool has_prefix;
    bool stream, include_usage, thinking;
    int64_t max_tokens; /* -1: not set */
    struct buf stop[STOPS_MAX];
    uint64_t prompt_tokens; /* of the messages without the prefix */
    uint64_t prefix_tokens; /* of the prefix; after ask_answer */

    struct answer *answer; /* after ask_answer; one reference */
    size_t from;           /* byte of the answer where this request begins */
    size_t upto;           /* byte where it ends, for a stop string or max_tokens */
    uint32_t tokens;       /* that this request makes between the two */
    const char *finish;    /* finish_reason; static */
};

/* What was wrong, as an OpenAI error. */
struct refusal {
    int status;
    const char *code; /* static */
    char message[256];
};

/* False: *why is set. The ask is to be freed with ask_free either way. */
bool ask_from_json(struct ask *a, const char *body, size_t n, struct refusal *why);
/* The body of Anthropic's messages: as strict as the service about roles, max_tokens and trailing space. */
bool ask_from_messages(struct ask *a, const char *body, size_t n, struct refusal *why);
/* `model=..&input=..&rate=..`; unknown names are refused, `model` defaults to `fallback`. */
bool ask_from_query(struct ask *a, const char *query, const char *fallback, struct refusal *why);
/* `{"prompt":...}`, with `model` and the options beside it, over an ask that has a model already. */
bool ask_from_prompt(struct ask *a, const char *body, size_t n, struct refusal *why);
/* A model name for an ask that begins with nothing else. */
bool ask_set_model(struct ask *a, const char *name, struct refusal *why);

void ask_set_input(struct ask *a, const char *text, size_t n);

/* A quarter of the bytes, which is about what tokenizers make of English. A prefix has the tokens it was made
 * of. */
static inline uint64_t ask_prompt_tokens(uint64_t bytes)
{
    return (bytes + 3) / 4;
}

/* Finds the answer and this request's share of it. False: the prefix does not fit. */
bool ask_answer(struct ask *a, struct refusal *why);

/* What attempts are counted by: model, last user message, seed. */
uint64_t ask_key(const struct ask *a);

void ask_free(struct ask *a);

bool refuse(struct refusal *why, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));                /* always false */
bool refuse_field(struct refusal *why, const char *name); /* 400; always false */

#endif
