/* What the halves of detour share. For detour*.c only. */
#ifndef LASTWORD_CORE_DETOUR_INNER_H
#define LASTWORD_CORE_DETOUR_INNER_H

#include "core/detour.h"
#include "core/path.h"

/* So long is a chat's newest message remembered in the session store: a chat whose id is younger and of which
 * none is known there was never used. */
#define NEWEST_KEEP_MS ((uint64_t)3600 * 1000)

struct detour {
    struct generation *g;
    struct store_op *op;
    struct path path; /* what the model will be sent */
    bool refused;     /* history has said no, or is not asked any more */
    void (*found)(struct generation *g, enum store_status status);
};

/* The turns of g's chat that history has not got. Borrows what it is made of. */
struct turns {
    struct generation *g;
    const struct outbox_turn *turns;
    struct asked **asked; /* of each; owned */
    size_t count;
};
void turns_read(struct turns *t, struct generation *g, const struct outbox_turn *turns, size_t n);
void turns_free(struct turns *t);
const struct asked *turns_find(const struct turns *t, const struct uuid *gen); /* NULL: none */
/* Says in g->asked after which message the prompt stands, and gathers what the model is to be sent, as far as
 * it has been said already (a queued prompt's is gathered when its turn comes). False: it is not known. */
bool turns_place(const struct turns *t, const struct uuid *newest, struct path *p);
/* Gathers what a turn's model is to be sent. */
bool turns_path(const struct turns *t, const struct asked *of, struct path *p);

#endif
