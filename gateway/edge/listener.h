/* listener: the port. It accepts, bounded per turn, and hands sockets on; it refuses to read from them, but
 * for the PROXY v2 header of those that come from one of the networks of listen.proxy.
 *
 *     port -> accept4 -> from a proxy -> listener_proxy -> the client's address -,
 *                     -> room? -> adopt(fd, peer, overload false) <--------------'
 *                     -> a few too many -> adopt(fd, peer, overload true): told so over HTTP
 *                     -> far too many, or no descriptors -> 503 as it stands, close */
#ifndef LASTWORD_EDGE_LISTENER_H
#define LASTWORD_EDGE_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "base/config.h"

struct ev_loop;
struct listener;

struct listener_ops {
    /* Takes the socket over (closes it in the end). `peer`: the client's address, also behind a proxy. */
    void (*adopt)(void *ctx, int fd, const struct address *peer, bool overload);
    size_t (*connections)(void *ctx);
    void *ctx;
};

/* Opens host:port of `config`, alone, or takes over the socket that systemd opened (inherited.h); or
 * `shared_port` (not 0) in its place, together with other workers. Until listener_start clients wait in the
 * kernel; those of a shared port go to the workers that have started. NULL: `error` says why. */
struct listener *listener_open(const struct config *config, int shared_port, struct ev_loop *loop,
                               const struct listener_ops *ops, char *error, size_t error_size);
/* False: it cannot listen, and errno. */
bool listener_start(struct listener *l, const struct config *config);
/* Takes over what of `config` may change: listen.proxy, for connections from now on. */
void listener_reload(struct listener *l, const struct config *config);
/* Accepts who waits already (unless the socket is systemd's, and outlives us), then nothing more. NULL is
 * fine. */
void listener_close(struct listener *l);

/* "127.0.0.1:8080", "[::1]:8080"; with the port that a configured 0 became. Borrowed. */
const char *listener_address(const struct listener *l);

/* Raises the soft limit of descriptors, as far as `connections` need it and the hard limit allows. */
void listener_raise_limit(size_t connections);

#endif
