/* What the parts of connection share. For connection*.c only. */
#ifndef LASTWORD_EDGE_CONNECTION_INNER_H
#define LASTWORD_EDGE_CONNECTION_INNER_H

#include "edge/connection.h"

struct head;

/* False: the socket is dead, and so is c from now on. */
bool connection_send(struct connection *c, struct buf *bytes);
void connection_flush_session(struct connection *c);
void connection_flush_exchange(struct connection *c);

/* connection_http.c: a request, from its head; *head is taken over. Afterwards c is BODY, or on its way. */
void connection_request(struct connection *c, struct head *head);
/* Of the body; returns how many bytes were of it. */
size_t connection_body(struct connection *c, const char *data, size_t len);
/* An upgrade is asked for: c is UPGRADING with the handshake in `rest`, or refused. */
void connection_upgrade(struct connection *c, const struct head *head);
/* connection_input.c: BETWEEN ends. */
void connection_next_request(struct connection *c);

#endif
