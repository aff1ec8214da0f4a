/* response_input: the `input` of a response as messages of the chat API. Pure.
 *
 *     "text"                               -> [{user, text}]
 *     [{role, content}, output items, ...] -> [{role, text of its parts}, ...]
 *
 * Reasoning items are left out, as they are from every conversation: models are not shown their own. */
#ifndef LASTWORD_EDGE_RESPONSE_INPUT_H
#define LASTWORD_EDGE_RESPONSE_INPUT_H

#include "edge/response_request.h"

/* Fills messages, last_user and plain. False with *e (param "input"). */
bool response_input_read(const json_t *input, struct response_request *r, struct err *e);

#endif
