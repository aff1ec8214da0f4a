/* cors: what pages of other origins may do over HTTP (the Fetch standard's protocol), where listen.origins
 * names them. Pure. It refuses to speak of credentials: nothing here trusts ambient ones. */
#ifndef LASTWORD_EDGE_CORS_H
#define LASTWORD_EDGE_CORS_H

#include "base/buf.h"
#include "base/config.h"
#include "edge/head.h"

/* Appends the fields for the answer to `head`, each with its CRLF; none where no other origin is named, or
 * not the one that asks. */
void cors_write(struct buf *out, const struct head *head, const struct config_strings *origins);

#endif
