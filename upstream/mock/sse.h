/* sse: the server-sent events of a chat completion, and the odd things that faults write among them. */
#ifndef RICHIERICH_SSE_H
#define RICHIERICH_SSE_H

#include "stream.h"

extern const struct dialect sse_dialect; /* its owner is a struct exchange */

/* Builds what stands around every token, once. `chunked`: each batch is an HTTP chunk. */
void sse_prepare(struct stream *s, bool chunked);

/* For other wires of events: a token between `before` and `after`, and the chunk around a batch. */
void sse_token(struct stream *s, struct buf *b, const char *text, size_t n, const char *escaped, size_t m);
size_t sse_wrap(struct stream *s, struct buf *b);
const char *sse_eol(const struct stream *s); /* static */

void sse_add_usage(const struct stream *s, struct buf *b); /* the usage object */
const char *sse_served_model(const struct stream *s);      /* static, or borrowed from s */

#endif
