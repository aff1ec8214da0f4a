/* port: the listening socket's address, bound. It refuses to accept. */
#ifndef LASTWORD_EDGE_PORT_H
#define LASTWORD_EDGE_PORT_H

#include <stddef.h>

#include "base/config.h"

#define PORT_TEXT 280

enum port_use {
    PORT_ALONE,  /* bound and listening, nobody else may */
    PORT_SHARED, /* bound and listening with others, by SO_REUSEPORT: the kernel shares connections out */
    PORT_HELD    /* as shared, but not listening: it gets no connections, and its number stays ours */
};

/* A non-blocking socket on listen.host and `number` (0 takes a free one). -1: `error` says why. */
int port_open(const struct config *config, int number, enum port_use use, char *error, size_t error_size);
/* "127.0.0.1:8080", "[::1]:8080"; returns out. */
const char *port_text(int fd, char out[PORT_TEXT]);
int port_number(int fd);

#endif
