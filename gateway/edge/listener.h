/* listener: the port. It accepts, bounded per turn, and hands sockets on; it refuses to read from them.
 *
 *     port -> accept4 -> room? -> adopt(fd, overload false)
 *                     -> a few too many -> adopt(fd, overload true): told so over HTTP
 *                     -> far too many, or no descriptors -> 503 as it stands, close */
#ifndef LASTWORD_EDGE_LISTENER_H
#define LASTWORD_EDGE_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"

struct ev_loop;
struct listener;

struct listener_ops {
    /* Takes the socket over (closes it in the end). */
    void (*adopt)(void *ctx, int fd, bool overload);
    size_t (*connections)(void *ctx);
    void *ctx;
};

/* Opens host:port of `config`, or takes over the socket that systemd opened (inherited.h). `shared`:
 * SO_REUSEPORT, for workers. Clients wait in the kernel until listener_start. NULL: `error` says why. */
struct listener *listener_open(const struct config *config, bool shared, struct ev_loop *loop,
                               const struct listener_ops *ops, char *error, size_t error_size);
void listener_start(struct listener *l);
/* Accepts who waits already (unless the socket is systemd's, and outlives us), then nothing more. NULL is
 * fine. */
void listener_close(struct listener *l);

/* "127.0.0.1:8080", "[::1]:8080"; with the port that a configured 0 became. Borrowed. */
const char *listener_address(const struct listener *l);

/* Raises the soft limit of descriptors, as far as `connections` need it and the hard limit allows. */
void listener_raise_limit(size_t connections);

#endif
