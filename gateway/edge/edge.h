/* edge: all connections of a worker, by state, and those that have something to send.
 *
 *     session_io.wake, http_wake -> ready list -> edge_flush, once per turn of the loop -> wire
 *     every 50 ms                -> edge_tick: deadlines; each state's list is in order of entry
 *
 * It refuses to know sockets, libwebsockets and the loop. */
#ifndef LASTWORD_EDGE_EDGE_H
#define LASTWORD_EDGE_EDGE_H

#include "base/buf.h"
#include "core/node.h"
#include "edge/wire.h"

enum connection_state {
    CONNECTION_HEAD,      /* accepted, or a request has begun: its head is awaited */
    CONNECTION_IDLE,      /* between requests (keep-alive) */
    CONNECTION_BODY,      /* reads a request body */
    CONNECTION_ANSWERING, /* a route has the request, or the answer goes out; not read */
    CONNECTION_BETWEEN,   /* answered; the next request is looked for at the end of the turn */
    CONNECTION_UPGRADING, /* the upgrade was granted; the wire makes it a WebSocket */
    CONNECTION_SESSION,   /* a WebSocket */
    CONNECTION_CLOSING,   /* a WebSocket: the rest goes out, then the close frame */
    CONNECTION_PARTING,   /* the close frame is out; the peer's is awaited */
    CONNECTION_LINGERING, /* HTTP: all is said; what the peer still sends is thrown away */
    CONNECTION_DEAD,      /* its socket failed; edge_flush kills it */
    CONNECTION_STATES
};

struct edge {
    struct node *node;       /* borrowed */
    const struct wire *wire; /* of a connection that was just accepted; borrowed */
    struct list by_state[CONNECTION_STATES];
    struct list ready;
    struct buf scratch; /* one write is put together here */
    size_t connections;
    uint64_t looked_us; /* when answering connections were last looked at */
    bool leaving;
};

void edge_init(struct edge *e, struct node *node, const struct wire *wire);
/* All connections must be gone. */
void edge_free(struct edge *e);

/* Sends what is ready. True: something is left for the next turn, which must not wait. */
bool edge_flush(struct edge *e);
void edge_tick(struct edge *e);

/* Draining: no keep-alive from now on, idle connections end. */
void edge_leave(struct edge *e);
/* Closes what is left: WebSockets with that code, HTTP at once. The loop has to turn until edge->connections
 * is 0; not from within a connection_x function. */
void edge_close(struct edge *e, unsigned code, const char *reason);

#endif
