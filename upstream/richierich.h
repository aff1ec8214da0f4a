/* richierich: the codec of the original richieRich dialect. Pure.
 *
 *     ask -> path with query, the prompt as one text message;  one message -> richierich_feed -> gather,
 * answer
 *
 * Messages are tokens of RRML (text as it is, to the gateway), then `[DONE]`. It knows no conversation: the
 * last user message is the prompt. An answer is continued with `offset`, the bytes of it that are there
 * already. */
#ifndef LASTWORD_UPSTREAM_RICHIERICH_H
#define LASTWORD_UPSTREAM_RICHIERICH_H

#include "upstream/answer.h"

/* "/stream?model=…&offset=…"; parameters that are numbers, strings or booleans go along, but for OpenAI's
 * own. */
void richierich_path(struct buf *out, const struct ask *ask);
void richierich_build(struct buf *out, const struct ask *ask);
/* One whole message. */
void richierich_feed(struct gather *g, struct answer *a, const char *message, size_t len);

#endif
