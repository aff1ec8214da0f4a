/* address: where a peer is, and networks of such places. IPv4 is written as the part of IPv6 that stands for
 * it (::ffff:a.b.c.d), so there is one kind of address and one comparison. It refuses to ask the DNS. */
#ifndef LASTWORD_BASE_ADDRESS_H
#define LASTWORD_BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

struct sockaddr;

struct address {
    unsigned char ip[16]; /* network order */
    uint16_t port;        /* host order */
};

struct network {
    unsigned char ip[16];
    unsigned bits; /* 0 to 128: how many of them count */
};

#define ADDRESS_TEXT 56

/* Of an IPv4 or IPv6 socket; anything else becomes [::]:0. */
void address_of(const struct sockaddr *socket, struct address *out);
void address_set_v4(struct address *out, const unsigned char ip[4], uint16_t port);
/* "192.0.2.1:5000", "[2001:db8::1]:5000"; returns out. */
const char *address_text(const struct address *a, char out[ADDRESS_TEXT]);

bool address_is_loopback(const struct address *a);

/* "10.0.0.0/8", "2001:db8::/32", or an address alone. NULL: *out is filled; else what is wrong with it. */
const char *network_parse(const char *text, struct network *out);
bool network_holds(const struct network *n, const struct address *a);

#endif
