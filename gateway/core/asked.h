/* asked: a prompt as history is to be told it, kept until history has it, and as an entry of the outbox.
 * JSON, so that a gateway of another version reads it, and an operator too. Pure. */
#ifndef LASTWORD_CORE_ASKED_H
#define LASTWORD_CORE_ASKED_H

#include <jansson.h>

#include "base/buf.h"
#include "store/store.h"

struct asked {
    struct history_send send; /* borrowed from the rest */
    char owner[OWNER_MAX + 1];
    char *input, *model, *request; /* owned */
    /* Whose answer (without input: whose question) the parent is; nil: not known. A gen that was asked twice,
     * the first time in vain as it seemed, may be recorded with other messages than its follower was told. */
    struct uuid after;
};

/* A copy of all of it. */
struct asked *asked_new(const struct history_send *send);
void asked_free(struct asked *a); /* NULL is fine */

/* {"v":1,"prompt":{...}} */
void asked_write(struct buf *out, const struct asked *a);
/* NULL: it is none. The caller's. */
struct asked *asked_parse(const void *data, size_t len);
/* The same, of what is there already. */
struct asked *asked_read(const json_t *entry);

#endif
