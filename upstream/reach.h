/* reach: which addresses an upstream may be reached at. Pure but for the socket it makes.
 *
 * A name is worth what it resolves to at the moment of connecting, so the address that is dialled is judged,
 * not the name: a name whose owner points it at this machine or its network leads nowhere. */
#ifndef LASTWORD_UPSTREAM_REACH_H
#define LASTWORD_UPSTREAM_REACH_H

#include <stdbool.h>
#include <sys/socket.h>

/* In this order: whoever may reach one may reach those before it. */
enum reach {
    REACH_PUBLIC,
    REACH_LOOPBACK, /* 127/8, ::1 */
    REACH_PRIVATE,  /* the networks of RFC 1918, 6598 and 4193 */
    REACH_NEVER     /* link-local (where clouds keep their metadata), unspecified, multicast, reserved */
};

/* What an address is. One that carries another (mapped, NAT64, 6to4) is what that one is. Families other than
 * IP: REACH_NEVER. */
enum reach reach_of(const struct sockaddr *a);
/* What an upstream may reach. `host`: of its URL; a literal loopback address, or localhost, says by itself
 * what the operator wants. */
enum reach reach_allowed(const char *host, bool private_too);
/* May it be? If not, that is logged. */
bool reach_may(enum reach allowed, const struct sockaddr *a);
/* A socket for that address, non-blocking; -1: it may not be reached, or there is none. */
int reach_socket(enum reach allowed, const struct sockaddr *a, int type, int protocol);

#endif
