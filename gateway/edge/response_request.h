/* response_request: the body of POST /v1/responses and of a WebSocket's response.create, checked. Pure.
 *
 *     JSON -> input -> messages of the chat API          text alone; anything else is refused by name
 *          -> what this gateway does itself              background, previous_response_id, conversation, ...
 *          -> names that mean the same on both APIs      params, as they came
 *          -> what the answer says again                 note
 *
 * It refuses to know which models and responses there are. */
#ifndef LASTWORD_EDGE_RESPONSE_REQUEST_H
#define LASTWORD_EDGE_RESPONSE_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/uuid.h"

#define RESPONSE_ITEMS_MAX 10000
#define RESPONSE_PREFIX "resp_"
#define RESPONSE_CONVERSATION_PREFIX "conv_"

struct response_request {
    json_t *root;         /* owned */
    json_t *messages;     /* owned: [{role, content: string}] of the input, not of what came before it */
    json_t *params;       /* owned: for the upstream */
    json_t *note;         /* owned: members that the response shows again */
    const char *model;    /* borrowed from root; "" where absent */
    json_t *instructions; /* borrowed from root; a string, or NULL */
    json_t *last_user;    /* borrowed from messages: the text of the last user message, else of the last */
    struct uuid previous, conversation;
    bool has_previous, has_conversation, stream, background;
    bool plain; /* the input is one user message */
};

/* `root` is taken over. False with *e filled (BAD_REQUEST, e->param set where a field is at fault). The
 * caller owns *r on either answer: response_request_free. */
bool response_request_take(json_t *root, struct response_request *r, struct err *e);
/* From bytes. */
bool response_request_read(const char *body, size_t len, struct response_request *r, struct err *e);
void response_request_free(struct response_request *r);

/* "<prefix><uuid>": the uuid. */
bool response_id_read(const char *text, const char *prefix, struct uuid *out);

#endif
