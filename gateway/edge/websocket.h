/* websocket: the edge's adapter of libwebsockets: the frames of a connection from its upgrade on. No other
 * file of the edge includes libwebsockets. */
#ifndef LASTWORD_EDGE_WEBSOCKET_H
#define LASTWORD_EDGE_WEBSOCKET_H

struct connection;
struct ev_loop;
struct websocket;

/* There is one a process. `loop` is borrowed until websocket_close. NULL when the library cannot start (the
 * package libwebsockets-evlib-ev is missing, most likely); it has logged why. */
struct websocket *websocket_open(struct ev_loop *loop);
/* No connection may be open. */
void websocket_close(struct websocket *w);

/* c is UPGRADING, and nobody watches its socket: the library answers the handshake in c->input and reads what
 * is behind it. Afterwards c has the wire of WebSockets; if that failed, it is DEAD. */
void websocket_take(struct connection *c);

#endif
