/* tcp: what the kernel knows of a connection's socket. It refuses to open or close one. */
#ifndef LASTWORD_EDGE_TCP_H
#define LASTWORD_EDGE_TCP_H

#include <stdbool.h>
#include <stdint.h>

struct connection;

/* Both sides may still send. */
bool tcp_is_open(const struct connection *c);
/* Bytes the peer has acknowledged so far; 0 when it cannot be told. */
uint64_t tcp_taken(const struct connection *c);
/* Input waits to be read. */
bool tcp_has_input(const struct connection *c);
/* Reads what waits and throws it away, within limits; true when the peer has closed. */
bool tcp_drained(struct connection *c);

#endif
