/* websocket: the edge's adapter of libwebsockets: HTTP heads and bodies, upgrades and frames, on sockets that
 * listener.c accepted. No other file of the edge includes libwebsockets. */
#ifndef LASTWORD_EDGE_WEBSOCKET_H
#define LASTWORD_EDGE_WEBSOCKET_H

#include <stdbool.h>

#include "edge/edge.h"

struct ev_loop;
struct websocket;

/* For edge_init. */
extern const struct wire websocket_wire;

/* `edge` and `loop` are borrowed until websocket_close. NULL when the library cannot start (the package
 * libwebsockets-evlib-ev is missing, most likely); it has logged why. */
struct websocket *websocket_open(struct edge *edge, struct ev_loop *loop);
/* edge->connections must be 0. */
void websocket_close(struct websocket *w);

/* Takes an accepted socket over; `overload` as in connection_open. False: it was closed. */
bool websocket_adopt(struct websocket *w, int fd, bool overload);

#endif
