/* auth: whose credential is this? Mode none: everyone is one owner. Mode keys: those of the database
 * (store/keys.h), as far as this gateway has read them, and those of the configuration. Mode jwt: signed
 * tokens, and keys all the same.
 *
 *     lwk_<id>_<secret> -> the key with that id -> its digest -> owner, expiry, models
 *     <a>.<b>.<c>        -> mode jwt: a token: jwt.h
 *     anything else     -> compared with every configured key
 *
 * Pure: it asks no database and no clock. It refuses to log or keep a credential. */
#ifndef LASTWORD_EDGE_AUTH_H
#define LASTWORD_EDGE_AUTH_H

#include <stdbool.h>

#include "base/config.h"
#include "core/credential.h"
#include "edge/jwks.h"
#include "edge/ticket.h"
#include "store/keys.h"

#define AUTH_LOCAL_OWNER "default/local"

struct auth;

/* Copies what it needs of the configuration. `chance`: the secret of tickets where the configuration has
 * none. Owned by the caller: auth_free. */
struct auth *auth_new(const struct config *config, const unsigned char chance[TICKET_SECRET]);
void auth_free(struct auth *a); /* NULL is fine */
/* The keys of the database from now on; borrowed. Until the first, they are not known. */
void auth_set_keys(struct auth *a, const struct key_table *keys);

/* The keys of tokens from now on; borrowed. */
void auth_set_tokens(struct auth *a, const struct jwks *keys);

/* As node.authenticate and node.revoked; ctx is the struct auth. */
bool auth_check(void *ctx, const char *token, uint64_t unix_ms, struct credential *out);
bool auth_revoked(void *ctx, uint64_t key);
/* As node.ticket. */
bool auth_ticket(void *ctx, const struct credential *c, uint64_t unix_ms, struct buf *out);

#endif
