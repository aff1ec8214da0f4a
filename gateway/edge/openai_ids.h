/* openai_ids: header fields beside OpenAI's, and the ids that a request over HTTP gets.
 *
 *   Idempotency-Key          a UUID becomes the gen; any other key stands for the UUID that SHA-256 makes of
 * owner and key, so that the same key is the same generation on every gateway Lastword-Chat            the
 * conversation to go on with; without it, one is made Lastword-On-Disconnect   continue (default): a client
 * that goes leaves the answer running, to be had by its Lastword-Gen; cancel: nobody reading for
 * limits.disconnect_ms ends it */
#ifndef LASTWORD_EDGE_OPENAI_IDS_H
#define LASTWORD_EDGE_OPENAI_IDS_H

#include "core/send.h"
#include "edge/http.h"

/* Sets gen, chat, parent_choice (PARENT_ABSENT where Lastword-Chat named one, else PARENT_NULL) and
 * cancel_on_disconnect. False: *e says which field is at fault. */
bool openai_ids_read(struct http_exchange *x, struct send *s, struct err *e);

#endif
