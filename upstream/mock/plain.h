/* plain: POST /v1/chat, the original richieRich's question and answer in one piece. */
#ifndef RICHIERICH_PLAIN_H
#define RICHIERICH_PLAIN_H

#include "http.h"

#define PLAIN_MODEL "richierich-rrml" /* when nobody names one */

/* The body is the prompt, or with a JSON content type {"prompt":..., "model"?, options}; the query may hold
 * options too. Answers {"model":..., "response":...}. */
void plain_chat(struct exchange *x, const struct request *r);

#endif
