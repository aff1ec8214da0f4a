/* What the parts of connection share. For connection*.c only. */
#ifndef LASTWORD_EDGE_CONNECTION_INNER_H
#define LASTWORD_EDGE_CONNECTION_INNER_H

#include "edge/connection.h"

/* False: the socket is dead, and so is c from now on. */
bool connection_send(struct connection *c, struct buf *bytes);
void connection_flush_session(struct connection *c);
void connection_flush_exchange(struct connection *c);
void connection_next_request(struct connection *c);

#endif
