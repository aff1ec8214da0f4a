/* sse: the server-sent events of a chat completion, and the odd things that faults write among them. */
#ifndef RICHIERICH_SSE_H
#define RICHIERICH_SSE_H

#include "stream.h"

extern const struct dialect sse_dialect; /* its owner is a struct exchange */

/* Builds what stands around every token, once. `chunked`: each batch is an HTTP chunk. */
void sse_prepare(struct stream *s, bool chunked);

void sse_add_usage(const struct stream *s, struct buf *b); /* the usage object */
const char *sse_served_model(const struct stream *s);      /* static, or borrowed from s */

#endif
