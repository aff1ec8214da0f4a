/* upgrade: may this request become a WebSocket? Pure checks of its head. Also what an Origin header is held
 * against. It refuses to authenticate: that is connection_http.c's. */
#ifndef LASTWORD_EDGE_UPGRADE_H
#define LASTWORD_EDGE_UPGRADE_H

#include <stdbool.h>

#include "base/config.h"
#include "edge/head.h"
#include "edge/tongue.h"

/* Offered beside our own protocol, and never chosen: the rest of it is a ticket. */
#define TICKET_PROTOCOL "lastword.ticket."

enum upgrade_wish {
    UPGRADE_NONE,      /* an ordinary request */
    UPGRADE_WEBSOCKET, /* upgrade_check decides */
    UPGRADE_UNKNOWN    /* to something that is not spoken here */
};
enum upgrade_wish upgrade_wish(const struct head *head);

/* 0: it may, to *tongue; or the status to refuse it with, and *e. `origins`: listen.origins. */
int upgrade_check(const struct head *head, const struct config_strings *origins, const struct tongue **tongue,
                  struct err *e);

/* The handshake of a request that passed, in words of our own: for libwebsockets, which is not to read what a
 * peer has written in a head. */
void upgrade_write(struct buf *out, const struct head *head, const struct tongue *tongue);

/* Is the Origin allowed? NULL (none sent: no browser) always is. With an empty list only the request's own
 * host is. */
bool upgrade_origin_allowed(const char *origin, const char *host, const struct config_strings *origins);

#endif
