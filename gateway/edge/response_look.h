/* response_look: what is known of a response: its generation, and what history has of its request.
 *
 *     history (the request) -> memory, shared log or history (the answer) -> done
 *
 * Where history is away, the answer is looked for all the same, and `request` is NULL. */
#ifndef LASTWORD_EDGE_RESPONSE_LOOK_H
#define LASTWORD_EDGE_RESPONSE_LOOK_H

#include <jansson.h>

#include "core/owner.h"
#include "core/send.h"

struct response_look {
    struct node *node;
    struct owner *owner; /* borrowed from whoever looks */
    struct uuid gen;
    json_t *request; /* what send.c kept: note, messages, system, ...; NULL: not known */
    struct recall *recall;
    struct store_op *op;
    void (*done)(struct response_look *l, struct generation *g, const struct err *e); /* g NULL: e says why */
};

/* l is zeroed; done comes later, never from within. */
void response_look_start(struct response_look *l, struct node *n, struct owner *owner, const struct uuid *gen,
                         void (*done)(struct response_look *l, struct generation *g, const struct err *e));
/* Ends it, done or not, and frees what it holds. */
void response_look_end(struct response_look *l);

#endif
