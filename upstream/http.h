/* http: requests to upstreams over libcurl, on the process's one libev loop. http.c is the file with libcurl
 * in it; dial.c, which only connects, is the other.
 *
 *     ev_io, ev_timer -> curl_multi_socket_action -> head, body, end -> handlers -> (read over) -> on_read
 *
 * For upstreams over TLS, HTTP/2 where the server has it; upstream.c gives those without to plain.h. It
 * refuses redirects, proxies from the environment, other schemes, and to decide anything about an answer. */
#ifndef LASTWORD_UPSTREAM_HTTP_H
#define LASTWORD_UPSTREAM_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "upstream/transport.h"

struct ev_loop;
struct http;      /* what all upstreams of a loop share */
struct http_site; /* one upstream: its connections */

/* `on_read(ctx)`: one read's bytes have all been handed over. Called outside of libcurl. */
struct http *http_open(struct ev_loop *loop, void (*on_read)(void *ctx), void *ctx);
void http_close(struct http *h); /* after its sites are closed */

struct http_options {
    const char *url;  /* http(s)://host[:port][/path]; without a path, /v1 is taken */
    bool private_too; /* addresses of private networks, too (reach.h) */
    const char *head; /* further header lines, each with its CRLF; "" for none */
    int64_t connect_ms;
    int64_t total_ms; /* backstop: a response is given up after this time */
};

/* Everything is copied. NULL: the URL is not one (http, https, a host). */
struct http_site *http_site_open(struct http *h, const struct http_options *o);
/* For requests begun from now on. */
void http_site_limits(struct http_site *s, int64_t connect_ms, int64_t total_ms);
void http_site_close(void *site); /* cancels all of it; handlers hear nothing; in no callback of a transfer */

extern const struct transport http_transport;

#endif
