/* websocket: a transport over WebSocket, for upstreams of the richierich dialect. The second libwebsockets
 * file: the first is the gateway's server side and lives in the edge, which this room may not see; the two
 * share nothing but the loop.
 *
 *     request body -> one text message out;   message in -> on_body, whole;   close -> on_end
 *
 * A binary message, which the dialect does not have, arrives as the one byte 0xFF. It refuses redirects,
 * extensions, and messages over the limit. */
#ifndef LASTWORD_UPSTREAM_WEBSOCKET_H
#define LASTWORD_UPSTREAM_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "upstream/transport.h"

struct ev_loop;
struct websocket_site;

struct websocket_limits {
    int64_t connect_ms; /* from the request to the end of the handshake */
    size_t message_max; /* bytes */
    bool private_too;   /* as for http.h; taken when the site is opened */
};

/* `url`, `key`: as for http.h. NULL: the URL is not one, or the library does not start. */
struct websocket_site *websocket_site_open(struct ev_loop *loop, const char *url, const char *key,
                                           const struct websocket_limits *limits);
/* For requests begun from now on. */
void websocket_site_limits(struct websocket_site *s, const struct websocket_limits *limits);
void websocket_site_close(void *site); /* in no callback of a transfer */

extern const struct transport websocket_transport;

#endif
