/* listener_proxy: connections of a balancer that have not yet said for whom they come (PROXY v2, proxy.h).
 *
 *     accept -> listener_proxy_take -> whole header -> ready(fd, client)
 *                                   -> malformed, or too late -> closed, refused
 *                                   -> closed by the peer before a byte of it: closed (a health check)
 *
 * Exactly the header is taken from the socket, not a byte behind it. Each costs some 170 bytes and a
 * descriptor, has the time of limits.header_ms, and counts as a connection (listener.c). It refuses to
 * answer: who does not speak the header would not understand HTTP at this point. */
#ifndef LASTWORD_EDGE_LISTENER_PROXY_H
#define LASTWORD_EDGE_LISTENER_PROXY_H

#include <stddef.h>

#include "base/address.h"

struct ev_loop;
struct listener_proxy;

struct listener_proxy_ops {
    /* The header is read. `client`: who it speaks for. Takes fd over. */
    void (*ready)(void *ctx, int fd, const struct address *client);
    /* The connection that came from there was closed. */
    void (*refused)(void *ctx, const struct address *from);
    void *ctx;
};

struct listener_proxy *listener_proxy_open(struct ev_loop *loop, double deadline_s,
                                           const struct listener_proxy_ops *ops);
/* Takes over an accepted, non-blocking socket; either op may be called before it returns. */
void listener_proxy_take(struct listener_proxy *p, int fd, const struct address *from);
/* Connections it holds. */
size_t listener_proxy_count(const struct listener_proxy *p);
/* Closes what it holds, without a word. */
void listener_proxy_close(struct listener_proxy *p);

#endif
