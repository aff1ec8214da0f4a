/* credential: what a key, a token or a ticket says of whoever holds it, and what of that is kept for as long
 * as it is in use. Pure.
 *
 *     node.authenticate(text) -> struct credential -> grant_new -> struct grant: of a session or a request
 *
 * It refuses to know what a credential looks like: that is edge/auth.c's. */
#ifndef LASTWORD_CORE_CREDENTIAL_H
#define LASTWORD_CORE_CREDENTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/uuid.h"
#include "store/store.h"

#define TICKET_MS 30000        /* a ticket lives, at most */
#define TICKET_SLACK_MS 5000   /* a used ticket is remembered for longer than it lives */
#define CREDENTIAL_MODELS 1024 /* bytes of the list of models, NUL excluded */

struct credential {
    char owner[OWNER_MAX + 1]; /* "tenant/user" */
    uint64_t expires_ms;       /* unix; 0: never */
    uint64_t key;              /* of an API key, for node.revoked; 0: none */
    struct uuid ticket;        /* nil, or: good for one WebSocket, and not used up yet for all we know */
    char models[CREDENTIAL_MODELS + 1]; /* that it may ask, "a,b"; "": any */
    bool expired;                       /* not valid, and would have been before */
    bool unknown;                       /* not valid for all we know, but the keys are not known yet */
};

/* What bounds a credential in use; NULL where nothing does. Owned by whoever uses it: mem_free. */
struct grant {
    uint64_t expires_ms, key;
    struct uuid ticket;
    char models[];
};
struct grant *grant_new(const struct credential *c);
/* May it ask this model? `g` may be NULL. */
bool grant_allows(const struct grant *g, const char *model);
/* The same, with the sentence for whom it may not: FORBIDDEN. */
bool grant_check(const struct grant *g, const char *model, struct err *e);

#endif
