/* http_socket: the wire of a connection while it speaks HTTP: a socket that listener.c accepted, on the loop.
 * It refuses to understand what passes, and ends where the WebSocket begins. */
#ifndef LASTWORD_EDGE_HTTP_SOCKET_H
#define LASTWORD_EDGE_HTTP_SOCKET_H

#include <stdbool.h>

#include "base/address.h"
#include "edge/edge.h"

struct ev_loop;

/* For edge_init. */
extern const struct wire http_socket_wire;

/* Takes an accepted, non-blocking socket over; `peer` is its client, `overload` as in connection_open. `edge`
 * and `loop` outlive it. */
void http_socket_open(struct edge *edge, struct ev_loop *loop, int fd, const struct address *peer,
                      bool overload);

#endif
