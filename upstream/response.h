/* response: an HTTP/1.1 response as it comes off a connection, cut anywhere. Pure; the grammar is
 * http_parser's.
 *
 *     bytes -> response_feed -> on_head? -> on_body* -> verdict
 *
 * The small pieces of a body that one read brought are put together in the reader's own buffer and handed
 * over as one: a stream's every event may be a chunk. Interim responses (1xx) are passed over; an upgrade is
 * an error.
 */
#ifndef LASTWORD_UPSTREAM_RESPONSE_H
#define LASTWORD_UPSTREAM_RESPONSE_H

#include <stddef.h>

#include "upstream/head.h"

struct response_handlers {
    void (*on_head)(void *ctx, const struct head *head);
    void (*on_body)(void *ctx, const char *bytes, size_t len);
};

struct response;

enum response_verdict {
    RESPONSE_MORE,
    RESPONSE_KEEP,  /* whole; the connection may be used again */
    RESPONSE_CLOSE, /* whole; the connection may not */
    RESPONSE_BAD
};

struct response *response_new(void);
void response_free(struct response *r);

/* `bytes` is overwritten. Handlers are called from here and must let `r` live. */
enum response_verdict response_feed(struct response *r, char *bytes, size_t len,
                                    const struct response_handlers *h, void *ctx);
/* The peer has closed: whole if that is how this one ends. */
enum response_verdict response_end(struct response *r);

#endif
