/* ws: GET /v1/stream, the original richieRich: one text message with the prompt in, token messages out, then
 * `[DONE]` and close 1000. Model and options are in the query. */
#ifndef RICHIERICH_WS_H
#define RICHIERICH_WS_H

#include "http.h"

void ws_open(struct exchange *x, const struct request *r);

#endif
