/* port: the listening socket's address, bound. It refuses to accept. */
#ifndef LASTWORD_EDGE_PORT_H
#define LASTWORD_EDGE_PORT_H

#include <stddef.h>

#include "base/config.h"

#define PORT_TEXT 280

/* A non-blocking socket bound to listen.host and `number` (0 takes a free one). It gets no connections before
 * port_listen. `shared`: others of this user may bind the same, and connections are shared out among those
 * that listen (SO_REUSEPORT). -1: `error` says why. */
int port_open(const struct config *config, int number, bool shared, char *error, size_t error_size);
/* False, and errno. */
bool port_listen(int fd, const struct config *config);
/* "127.0.0.1:8080", "[::1]:8080"; returns out. */
const char *port_text(int fd, char out[PORT_TEXT]);
int port_number(int fd);
/* No other machine can connect to it: loopback, or no port of IP at all. */
bool port_is_local(int fd);

#endif
