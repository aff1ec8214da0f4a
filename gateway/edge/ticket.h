/* ticket: a credential for one WebSocket, for a page that cannot send headers: what POST /v1/tickets gives.
 * Pure.
 *
 *     "lwt_" base64url(id, expiry, what the credential says) "." base64url(HMAC-SHA-256 of that)
 *
 * Every gateway with the same secret can read it; that it is used once is the session store's to say
 * (core/session_grant.c). It refuses to outlive the credential it was asked with. */
#ifndef LASTWORD_EDGE_TICKET_H
#define LASTWORD_EDGE_TICKET_H

#include "base/buf.h"
#include "core/credential.h"

#define TICKET_SECRET 32 /* bytes */

/* Appends the ticket; c->ticket is its id. */
void ticket_write(struct buf *out, const unsigned char secret[TICKET_SECRET], const struct credential *c,
                  uint64_t unix_ms);
bool ticket_looks(const char *token);
/* False: *out has only `expired`. */
bool ticket_read(const char *token, const unsigned char secret[TICKET_SECRET], uint64_t unix_ms,
                 struct credential *out);

#endif
