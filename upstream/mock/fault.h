/* fault: which fault, if any, a request gets: by its model or field, by how often its key was tried, and by
 * what /control said. Also the refusals, which are whole HTTP answers. */
#ifndef RICHIERICH_FAULT_H
#define RICHIERICH_FAULT_H

#include "ask.h"
#include "http.h"

/* The fault to show now; counts the attempt, and sets a->opt.fault. *attempt is from 1, or 0 when the ask has
 * no fault. */
enum fault fault_decide(struct ask *a, uint32_t *attempt);

/* True: the fault was a refusal, a reset or a silence, the exchange is answered (or never will be). The
 * silent one gets `number` ended when the client leaves. */
bool fault_refuse(struct exchange *x, const struct ask *a, enum fault f, uint64_t number);

/* Says that a model is up (1), down (0), or as its fault has it (-1). False: too many models are set. */
bool fault_control(const char *model, int up);

void fault_forget(void); /* attempts and control */

#endif
