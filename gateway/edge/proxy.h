/* proxy: the header that a balancer puts before the bytes of a client (PROXY protocol, version 2, binary).
 *
 *     signature 12 | version, command 1 | family 1 | length 2 | addresses 0, 12 or 36 | TLVs
 *
 * Pure. It refuses version 1 (text), datagrams and UNIX sockets, addresses that are shorter than their
 * family, TLVs that do not fill the rest exactly, a checksum (CRC-32C TLV) that is wrong, and headers longer
 * than PROXY_MAX. */
#ifndef LASTWORD_EDGE_PROXY_H
#define LASTWORD_EDGE_PROXY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"

#define PROXY_HEAD 16
#define PROXY_MAX (PROXY_HEAD + 36 + 4096) /* bytes in all */

struct proxy_header {
    bool told; /* false: a health check, or a proxy that does not know; the peer stands for itself */
    struct address client; /* if told */
};

/* How many bytes a header that begins with these `have` has, as far as they tell: PROXY_HEAD before that
 * many are there, then its whole length. 0: it is none that is taken here. Never less than `have` unless
 * more than the header is given. */
size_t proxy_needs(const void *bytes, size_t have);
/* `len` bytes, as many as proxy_needs said. False: malformed. */
bool proxy_parse(const void *bytes, size_t len, struct proxy_header *out);

#endif
