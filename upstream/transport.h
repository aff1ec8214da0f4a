/* transport: how a request reaches an upstream, as three calls. http.c is the real one; tests have a fake.
 *
 *     start -> on_head? -> on_body* -> on_end        (never before start has returned)
 *     cancel: nothing comes any more, the connection is closed
 *     finish: nothing comes any more, the connection is kept if the response ends soon by itself */
#ifndef LASTWORD_UPSTREAM_TRANSPORT_H
#define LASTWORD_UPSTREAM_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum transport_result {
    TRANSPORT_OK,      /* the response ended properly */
    TRANSPORT_CONNECT, /* no connection: name, route, refused, too slow */
    TRANSPORT_TLS,     /* a connection, but not a trusted one */
    TRANSPORT_RESET,   /* broken before the response was whole */
    TRANSPORT_TIMEOUT, /* the backstop: it stood still for very long */
    TRANSPORT_REFUSED  /* ours: the request cannot be made */
};

struct transport_request {
    const char *path; /* after the upstream's base, "/chat/completions"; borrowed for the call */
    struct buf body;  /* taken over; empty: GET */
};

struct transport_handlers {
    /* retry_after_ms: -1 for none. content_type: borrowed, "" for none. */
    void (*on_head)(void *ctx, int status, int64_t retry_after_ms, const char *content_type);
    void (*on_body)(void *ctx, const char *bytes, size_t len);
    void (*on_end)(void *ctx, enum transport_result result, const char *reason); /* static reason, for logs */
};

struct transfer; /* the transport's own */

struct transport {
    /* NULL: it cannot even be begun. `site` is what the transport opened for this upstream. The handlers are
     * borrowed for the life of the transfer; after on_end the transfer is gone. */
    struct transfer *(*start)(void *site, struct transport_request *r, const struct transport_handlers *h,
                              void *ctx);
    void (*cancel)(struct transfer *t);
    void (*finish)(struct transfer *t);
};

#endif
