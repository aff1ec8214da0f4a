/* anthropic: the codec of Anthropic's Messages API. Pure: bytes in, bytes out.
 *
 *     ask -> anthropic_build -> request body: system apart, roles alternating, max_tokens always
 *     response bytes -> anthropic_feed -> sse -> jansson -> gather, answer
 *
 * It refuses what openai.h refuses, to translate tools (they go as they are, and Anthropic says no), and an
 * answer that is not a stream. It has no fast path: this service is far away, and its deltas are several
 * tokens each. */
#ifndef LASTWORD_UPSTREAM_ANTHROPIC_H
#define LASTWORD_UPSTREAM_ANTHROPIC_H

#include <stddef.h>

#include "base/buf.h"
#include "upstream/answer.h"
#include "upstream/sse.h"

/* Appends the header lines of a request, each with its CRLF. `key`: "" for none. */
void anthropic_head(struct buf *out, const char *key);
/* Appends the request body. */
void anthropic_build(struct buf *out, const struct ask *ask);
/* A beginning may not end in white space there: so many bytes at the end of `prefix` are left out. */
size_t anthropic_unsent(const char *prefix, size_t len);

struct anthropic_stream {
    struct sse sse;
    struct buf again; /* what was left out of the prefix, and is dropped where the text begins with it */
};

/* `max_event`: bytes. `again`: copied; the last anthropic_unsent bytes of the prefix. */
void anthropic_stream_init(struct anthropic_stream *s, size_t max_event, const char *again, size_t again_len);
void anthropic_stream_free(struct anthropic_stream *s);

/* As openai_feed and openai_end. */
void anthropic_feed(struct anthropic_stream *s, struct gather *g, struct answer *a, const char *p,
                    size_t len);
void anthropic_end(struct anthropic_stream *s, struct gather *g, struct answer *a);

#endif
