/* openai: POST /v1/chat/completions, as server-sent events or as one JSON object. */
#ifndef RICHIERICH_OPENAI_H
#define RICHIERICH_OPENAI_H

#include "ask.h"
#include "http.h"

void openai_chat(struct exchange *x, const struct request *r);

/* Notes the ask in the statistics, finds its answer and its fault. False: the exchange is answered (or is
 * reset, or stays silent). For every dialect that begins with an HTTP request. */
bool openai_admit(struct exchange *x, struct ask *a, enum fault *f, uint64_t *number);

void openai_refuse(struct exchange *x, const struct refusal *why);

#endif
