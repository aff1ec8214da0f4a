/* openai_request: the body of POST /v1/chat/completions, checked. Pure.
 *
 *     bytes -> JSON -> model, stream, stream_options, n, messages checked -> struct openai_request
 *                                                      everything else   -> params, as it came
 *
 * It refuses to know which models there are and what an upstream makes of the rest. */
#ifndef LASTWORD_EDGE_OPENAI_REQUEST_H
#define LASTWORD_EDGE_OPENAI_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define OPENAI_MESSAGES_MAX 10000

struct openai_request {
    json_t *root;        /* owned */
    json_t *params;      /* owned: the members that are not ours, nulls left out */
    char *messages_json; /* owned (free): the whole array */
    struct buf input; /* owned: the text of the last user message (of the last message where there is none) */
    const char *model; /* borrowed from root; "" where absent */
    bool stream, include_usage;
};

/* False with *e filled (BAD_REQUEST, e->param set where a field is at fault). The caller owns *r on either
 * answer: openai_request_free. */
bool openai_request_read(const char *body, size_t len, struct openai_request *r, struct err *e);
void openai_request_free(struct openai_request *r);

#endif
