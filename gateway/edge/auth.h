/* auth: whose credential is this? Mode none: everyone is one owner. Mode keys: the configured keys, compared
 * as SHA-256 digests in constant time. Pure; it refuses to log or keep a credential. */
#ifndef LASTWORD_EDGE_AUTH_H
#define LASTWORD_EDGE_AUTH_H

#include <stdbool.h>

#include "base/config.h"
#include "store/store.h"

#define AUTH_LOCAL_OWNER "default/local"

struct auth;

/* Copies what it needs of the configuration. Owned by the caller: auth_free. */
struct auth *auth_new(const struct config *config);
void auth_free(struct auth *a); /* NULL is fine */

/* As node.authenticate; ctx is the struct auth. */
bool auth_owner(void *ctx, const char *token, char owner[OWNER_MAX + 1]);

#endif
