/* owner: a user of a tenant, as far as this node has something of theirs: sessions and unfinished
 * generations. */
#ifndef LASTWORD_CORE_OWNER_H
#define LASTWORD_CORE_OWNER_H

#include <uthash.h>

#include "core/generation.h"

struct owner {
    UT_hash_handle hh;
    struct node *node;
    struct list sessions;    /* past hello */
    struct list generations; /* recorded and not done, in order */
    size_t session_count;
    unsigned refs;
    char name[OWNER_MAX + 1];
};

/* The owner of that name, with a reference more: owner_put gives it back. */
struct owner *owner_get(struct node *n, const char *name);
struct owner *owner_ref(struct owner *o);
void owner_put(struct owner *o); /* NULL is fine */

/* Tells the owner's sessions that do not follow g what has become of it (the wire's `active`). */
void owner_tell_active(struct owner *o, struct generation *g);
/* False: it has too many sessions for that (limits.active_fanout). */
bool owner_is_told_active(const struct owner *o);

#endif
