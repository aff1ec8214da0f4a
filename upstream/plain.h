/* plain: requests over HTTP/1.1 to upstreams without TLS, on kept connections. What http.c is to all others.
 *
 *     dial -> connection -> request out, response in: http_parser -> head, body, end -> handlers -> on_read
 *                 \-- kept for the next request, if the response ended properly
 *
 * Why not libcurl for these too: a token is a read, and of a read's cost libcurl's part (a poll, three hash
 * tables, a tree of timers, 25 KB a transfer) was larger than all of ours. A model on one's own machines is
 * asked in the clear, and is where the tokens come fastest.
 *
 * It refuses what http.c refuses, and HTTP/2, upgrades, and to ask twice: only a kept connection that was
 * closed before the first byte of the response is replaced by a new one, once. */
#ifndef LASTWORD_UPSTREAM_PLAIN_H
#define LASTWORD_UPSTREAM_PLAIN_H

#include <stdbool.h>

#include "upstream/http.h"

struct plain;      /* what all upstreams of a loop share */
struct plain_site; /* one upstream: its connections */

/* `on_read(ctx)`: one read's bytes have all been handed over. */
struct plain *plain_open(struct ev_loop *loop, void (*on_read)(void *ctx), void *ctx);
void plain_close(struct plain *p); /* after its sites are closed */

/* Everything is copied; total_ms is left to the call's own clocks. NULL: not the URL of a plain upstream. */
struct plain_site *plain_site_open(struct plain *p, const struct http_options *o);
void plain_site_limits(struct plain_site *s, int64_t connect_ms); /* for connections to come */
void plain_site_close(
    void *site); /* cancels all of it; handlers hear nothing; in no callback of a transfer */

extern const struct transport plain_transport;

#endif
