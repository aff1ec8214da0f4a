/* connection: one client's socket from accept to close, whatever it speaks.
 *
 *     wire -> bytes -> head, body -> exchange -> route -> answer -> wire         (HTTP)
 *                   -> head that asks for it -> the other wire -> session        (WebSocket)
 *          -> piece -> message -> tongue->receive
 *     tongue->next, http_ops.next -> connection_flush -> one write per turn
 *
 * Two wires follow each other: http_socket.c has the socket while HTTP is spoken, websocket.c after the
 * upgrade. One function, connection_move, assigns the state. It refuses to know sockets and libwebsockets. */
#ifndef LASTWORD_EDGE_CONNECTION_H
#define LASTWORD_EDGE_CONNECTION_H

#include "base/address.h"
#include "edge/edge.h"
#include "edge/message.h"
#include "edge/tongue.h"

struct exchange;

struct connection {
    struct list state_link; /* in edge->by_state */
    struct list ready_link; /* in edge->ready */
    struct edge *edge;
    const struct wire *wire;       /* who has the socket; borrowed */
    void *wire_state;              /* the wire's */
    uint64_t since_us;             /* when it entered its state; ANSWERING: when bytes last moved */
    const struct tongue *tongue;   /* WebSocket: what is spoken; UPGRADING on */
    void *talk;                    /* WebSocket: the tongue's, until connection_gone */
    struct exchange *exchange;     /* owned; HTTP */
    struct message message;        /* WebSocket: what arrived of the next message */
    struct buf input;              /* HTTP: bytes not yet used. UPGRADING: what the other wire begins with */
    size_t input_at;               /* HTTP: those before are used */
    size_t head_at;                /* HTTP: so far, from input_at, the end of a head was looked for */
    struct credential *credential; /* owned; proven before the upgrade, until it is done */
    char *query;                   /* owned; of the upgrade, until it is done */
    char *close_reason;            /* owned */
    struct address peer;           /* the client's, also behind a proxy */
    int fd;
    enum connection_state state;
    uint16_t close_code;
    bool blocked;     /* as last told to the tongue */
    bool overload;    /* accepted only to be told that there are too many */
    bool asked_write; /* the wire was asked for connection_writable */
    bool looked_gone; /* HTTP: the peer had closed when it was last looked at */
};

enum connection_next {
    NEXT_GO_ON,
    NEXT_CLOSE, /* send the close frame with close_code and close_reason */
    NEXT_DROP   /* close the socket */
};

/* A socket was accepted; `overload`: every request on it is answered 503. Freed by connection_gone. */
struct connection *connection_open(struct edge *e, int fd, bool overload);
/* The socket is closed. Ends whatever hangs on it, frees c. */
void connection_gone(struct connection *c);

/* ------------------------------------------------------------------ HTTP */

/* Bytes came. c is not freed, but may have another wire afterwards. */
void connection_input(struct connection *c, const char *data, size_t len);
/* The peer will send nothing more. */
void connection_input_end(struct connection *c);

/* ------------------------------------------------------------------ WebSocket */

/* The 101 is out. */
void connection_upgraded(struct connection *c);
void connection_piece(struct connection *c, const struct message_piece *piece);
/* The peer has sent a close frame; the wire answers it. */
void connection_parting(struct connection *c);
/* The peer gave a sign of life at the protocol level (ping, pong). */
void connection_heard(struct connection *c);

/* ------------------------------------------------------------------ both */

/* The socket takes bytes again, or want_write was asked for. */
enum connection_next connection_writable(struct connection *c);
/* Sends what it has, now. */
void connection_flush(struct connection *c);
/* It has something to send: flushed at the end of the turn. */
void connection_wake(struct connection *c);
void connection_move(struct connection *c, enum connection_state to);
/* Answers what came over HTTP, or did not come, with an error; then the connection ends. */
void connection_refuse(struct connection *c, int status, const struct err *e);
/* All is said over HTTP: tells the peer, and waits for it to close. */
void connection_linger(struct connection *c);
/* connection_writable is to be called. */
void connection_want_write(struct connection *c);

#endif
