/* An edge on a wire that the test plays: what is sent is kept in `sent`, and everything the wire can answer
 * is a variable. Time moves when told. */
#ifndef LASTWORD_TESTS_UNIT_EDGE_FIXTURE_H
#define LASTWORD_TESTS_UNIT_EDGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/connection.h"
#include "edge/exchange.h"

struct played_wire {
    struct buf sent; /* by all connections, in order */
    int sends;       /* how many writes made it */
    size_t room;     /* bytes the socket takes; then the wire is busy (default: all) */
    bool dead;       /* the next send fails */
    bool peer_left;
    bool drained;
    bool paused;
    bool finished;
    int asked; /* want_write */
    int killed;
    int upgrades; /* sockets handed to the other wire */
    uint64_t taken;
};

extern struct played_wire wire;
extern struct edge edge;

int edge_setup(void **state);    /* cmocka's */
int edge_teardown(void **state); /* every live-object counter is zero */
struct config *edge_config(void);
void edge_pass(uint64_t ms); /* time passes: ticks and flushes */
/* The socket takes `bytes` more; what the wire kept goes first. The connection is told when that was all. */
enum connection_next edge_take(struct connection *c, size_t bytes);

/* What an upgrade needs beside Host. */
#define EDGE_UPGRADE                                                                                         \
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"                             \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: lastword.v1.json\r\n"

/* Bytes arrive. */
void edge_bytes(struct connection *c, const char *text);
/* The head of a request: "GET /livez", and further fields, each with its CRLF. */
void edge_request(struct connection *c, const char *line, const char *fields);
/* An upgraded connection whose hello is answered; `sent` is cleared. */
struct connection *edge_session(void);
/* One whole text message. */
void edge_message(struct connection *c, const char *text);
/* `sent` as a string, which is cleared by the next send. */
const char *edge_sent(void);
/* Is `part` in it? */
bool edge_said(const char *part);
void edge_forget(void);

#endif
