/* outbox_entry: a finished answer (or a prompt: asked.h) as bytes, for the outbox of the shared session
 * store. JSON, so that a gateway of another version reads it, and an operator too. Pure. */
#ifndef LASTWORD_CORE_OUTBOX_ENTRY_H
#define LASTWORD_CORE_OUTBOX_ENTRY_H

#include <jansson.h>

#include "core/asked.h"
#include "core/generation.h"

/* Appends g, whose outcome stands, as ended at the shared log's epoch and seq. */
void outbox_entry_write(struct buf *out, const struct generation *g, uint64_t epoch, uint64_t seq);

/* The way back. */
struct outbox_answer {
    struct asked *asked;          /* a prompt; otherwise NULL, and: */
    struct history_answer answer; /* borrowed from the rest */
    json_t *root;
    struct history_part *parts;
    char *outcome;
};
/* False: not an entry (nothing to free). */
bool outbox_entry_read(struct outbox_answer *a, const void *data, size_t len);
void outbox_entry_free(struct outbox_answer *a);

#endif
