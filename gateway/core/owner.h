/* owner: a user of a tenant, as far as this node has something of theirs: sessions and unfinished
 * generations. */
#ifndef LASTWORD_CORE_OWNER_H
#define LASTWORD_CORE_OWNER_H

#include <uthash.h>

#include "core/generation.h"

/* A running generation of the owner's on another gateway. */
struct remote {
    struct list link;       /* in owner->remotes */
    struct list check_link; /* in node->remotes, next to be checked first */
    struct owner *owner;
    struct store_op *op; /* is its gateway alive? */
    uint64_t check_us;   /* not before */
    struct uuid gen, chat;
    char state[12]; /* queued or running */
    uint64_t off;
};

struct owner {
    UT_hash_handle hh;
    struct node *node;
    struct list sessions;    /* past hello */
    struct list generations; /* recorded and not done, in order */
    struct list remotes;     /* remote.link; of a shared session store, as far as it told */
    struct list greeting;    /* sessions that wait for `remotes` to be known; session.greet_link */
    struct store_op *op;     /* asks for them */
    bool known, watched;
    size_t session_count;
    unsigned refs;
    char name[OWNER_MAX + 1];
};

/* The owner of that name, with a reference more: owner_put gives it back. */
struct owner *owner_get(struct node *n, const char *name);
struct owner *owner_ref(struct owner *o);
struct owner *owner_find(struct node *n, const char *name); /* NULL: none; no reference */
void owner_put(struct owner *o);                            /* NULL is fine */

/* Tells the owner's sessions that do not follow it. */
void owner_tell_sessions(struct owner *o, const struct active_item *a);
/* Tells the owner's sessions that do not follow g what has become of it (the wire's `active`), and the other
 * gateways. */
void owner_tell_active(struct owner *o, struct generation *g);
/* False: it has too many sessions for that (limits.active_fanout). */
bool owner_is_told_active(const struct owner *o);

/* ------------------------------------------------------------------ what runs on other gateways */

/* Asks the shared store what runs, unless it is known already or is being asked. Then session_greet is called
 * for each session in o->greeting. */
void owner_ask(struct owner *o);
/* As the store told: remembered while it is queued or running, forgotten with any other state. Local sessions
 * are not told. */
void owner_remote_set(struct owner *o, const struct active_item *a);
void remote_free(struct remote *r);
/* It runs here now. */
void owner_remote_forget(struct owner *o, const struct uuid *gen);
/* How many run or wait in that chat elsewhere, `but` not counted. When there are some, the store is asked
 * again, so that one that is gone is not counted for ever. */
size_t owner_remote_in(struct owner *o, const struct uuid *chat, const struct uuid *but);
/* Is one before `gen` there: running, or queued and with a lower id? (Any order will do, if all gateways have
 * the same: two that wait for each other would wait for ever.) */
bool owner_remote_before(struct owner *o, const struct uuid *chat, const struct uuid *gen);
/* The newest of them; nil: none. */
struct uuid owner_remote_newest(const struct owner *o, const struct uuid *chat);
void owner_remote_cancel(struct owner *o, const struct uuid *chat);
/* node_tick's: those whose gateway let the lease lapse are taken over here, though nobody may follow them. */
void remotes_tick(struct node *n);
/* The store was away, and is back: what was heard is asked for anew. */
void owners_look(struct node *n);
/* The store's on_active. */
void owner_heard(struct node *n, const char *name, const struct active_item *a);

#endif
