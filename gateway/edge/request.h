/* request: what the head of an HTTP request asks of the connection. Pure.
 *
 *     head -> request_check -> how its body is framed, keep-alive or not, or the error to answer
 *
 * It refuses to know routes, owners and sockets. */
#ifndef LASTWORD_EDGE_REQUEST_H
#define LASTWORD_EDGE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "edge/head.h"

enum request_framing { REQUEST_NO_BODY, REQUEST_LENGTH, REQUEST_CHUNKED };

struct request_plan {
    enum request_framing framing;
    uint64_t length; /* REQUEST_LENGTH: 1 to body_max */
    bool keep_alive; /* the peer may send another request after the answer */
    bool http11;
    bool expects_continue;
};

/* 0 and *plan, or the status to answer with *e, after which the connection must be closed. `plan` is zeroed.
 */
int request_check(const struct head *head, size_t body_max, struct request_plan *plan, struct err *e);

/* Is `token` in the comma-separated list, letters of either case? */
bool request_has_token(const char *list, const char *token);
/* [A-Za-z0-9._-], 1 to 64 bytes. */
bool request_id_is_sane(const char *id);
/* The token of "Bearer <token>", borrowed; NULL if it is something else. */
const char *request_bearer(const char *authorization);
/* "OK" for 200. */
const char *request_status_text(int status);

#endif
