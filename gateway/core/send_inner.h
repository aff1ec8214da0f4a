/* What send.c and detour.c share. For these two only. */
#ifndef LASTWORD_CORE_SEND_INNER_H
#define LASTWORD_CORE_SEND_INNER_H

#include "core/generation.h"

/* g's prompt is recorded, and g->user_message known: accepted, and on. */
void send_goes_on(struct generation *g, const struct history_message *context, size_t count);
/* It was asked before, and the shared log has it (records: its beginning, 0: not read) or will: g becomes a
 * reader of that. */
void send_elsewhere(struct generation *g, const struct log_record *records, size_t n);
/* The gen is not used up: as if it had never been asked. */
void send_refuse(struct generation *g, const struct err *e);

#endif
