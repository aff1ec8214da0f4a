/* connection: one client's socket from accept to close, whatever it speaks.
 *
 *     wire -> request head -> connection_request -> exchange -> route -> answer -> wire
 *          -> upgrade      -> connection_upgrade -> session   (WebSocket)
 *          -> piece        -> message -> session_receive
 *     session_next, http_ops.next -> connection_flush -> one write per turn
 *
 * One function, connection_move, assigns its state. It refuses to know libwebsockets: the wire does. */
#ifndef LASTWORD_EDGE_CONNECTION_H
#define LASTWORD_EDGE_CONNECTION_H

#include "core/session.h"
#include "edge/edge.h"
#include "edge/message.h"
#include "edge/request.h"
#include "edge/upgrade.h"

struct exchange;

struct connection {
    struct list state_link; /* in edge->by_state */
    struct list ready_link; /* in edge->ready */
    struct edge *edge;
    void *wsi;                 /* the wire's */
    uint64_t since_us;         /* when it entered its state; ANSWERING: when bytes last moved */
    struct session *session;   /* the core's, until connection_gone */
    struct exchange *exchange; /* owned; HTTP */
    struct message message;    /* WebSocket: what arrived of the next message */
    char *credential;          /* owned; the owner proven before the upgrade, until it is done */
    char *close_reason;        /* owned */
    int fd;
    enum connection_state state;
    uint16_t close_code;
    bool blocked;     /* as last told to the session */
    bool overload;    /* accepted only to be told that there are too many */
    bool asked_write; /* the wire was asked for connection_writable */
    bool look_behind; /* has a further request come with the one in hand? To be looked at */
    bool paused;      /* the wire's: it is not to be read */
    bool held;        /* the wire's: it is not read */
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

/* A request head; `query` is taken over (its bytes, decoded arguments encoded again). The body follows by
 * connection_body, unless connection_reads_body is false afterwards. */
void connection_request(struct connection *c, const struct request_head *head, struct buf *query);
bool connection_reads_body(const struct connection *c);
void connection_body(struct connection *c, const char *data, size_t len);
/* All of a body with a length is here. */
void connection_body_end(struct connection *c);
/* Not HTTP, or a method unknown to the wire: answers 400 or 501. */
void connection_garbage(struct connection *c, const char *data, size_t len);

/* ------------------------------------------------------------------ WebSocket */

/* An upgrade is asked for. False: refused, the answer is on its way, and the wire must close after it. */
bool connection_upgrade(struct connection *c, const struct upgrade_request *r);
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
/* All is said over HTTP: tells the peer, and waits for it to close. */
void connection_linger(struct connection *c);
/* connection_writable is to be called. */
void connection_want_write(struct connection *c);

#endif
