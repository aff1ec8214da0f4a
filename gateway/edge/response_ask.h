/* response_ask: from a request to a send: finds the response before it, and the conversation that led there.
 *
 *     previous_response_id -> response_look -> its chat, its answer message as the parent
 *     one user message, and nobody sent a history by hand  -> the conversation is history's, as on the wire
 *     a list of messages, or one sent by hand before       -> the whole prompt: what was, the answer, the
 * input
 *
 * The answer always comes through follower->ops, maybe before the call returns. */
#ifndef LASTWORD_EDGE_RESPONSE_ASK_H
#define LASTWORD_EDGE_RESPONSE_ASK_H

#include "edge/response_look.h"
#include "edge/response_request.h"

struct response_ask {
    struct follower *follower;
    struct node *node;
    struct owner *owner;
    struct response_request request; /* owned */
    struct send send;
    struct response_look look;
    struct buf answer; /* the text of the response before this one */
    struct store_op *op;
};

/* a is zeroed; *request is taken over. `ids`: gen, chat, parent_choice (PARENT_ABSENT: goes on in that chat),
 * cancel_on_disconnect. f is zeroed but for ops. */
void response_ask_start(struct response_ask *a, struct node *n, struct owner *owner,
                        struct response_request *request, const struct send *ids, struct follower *f);
/* Ends it at whatever it is, and frees what it holds; what was sent goes on. Idempotent. */
void response_ask_end(struct response_ask *a);

/* What messages recorded with a request say without the instructions of that request; NULL: none were. Owned
 * by the caller. */
json_t *response_ask_messages(const json_t *request);

#endif
