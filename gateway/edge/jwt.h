/* jwt: is this token (RFC 7519) signed by one of our keys, for us, now, and whose is it? Pure.
 *
 *     header.claims.signature -> kid -> the key -> its algorithm, which the header must name -> signature ->
 * claims
 *
 * It refuses to let a token choose: the algorithm is the key's, so neither "none" nor an RSA key taken for an
 * HMAC secret gets anywhere; keys and addresses in a header (jwk, jku, x5u) are not looked at, and `crit` is
 * refused. */
#ifndef LASTWORD_EDGE_JWT_H
#define LASTWORD_EDGE_JWT_H

#include "core/credential.h"
#include "edge/jwks.h"

#define JWT_MAX 8192 /* bytes of a token */

struct jwt_rules {
    const char *issuer, *audience;      /* must be named; "": not looked at */
    const char *user, *tenant, *models; /* names of claims; "": the tenant is "default", any model */
    uint64_t skew_s;                    /* of clocks */
};

/* Has it the look of one: three parts with dots between them? */
bool jwt_looks(const char *token);
/* False: *out has only `expired`. A user or tenant with other characters than A-Z a-z 0-9 . _ @ - is written
 * with %XX for those. */
bool jwt_check(const struct jwks *keys, const struct jwt_rules *rules, const char *token, uint64_t unix_ms,
               struct credential *out);

#endif
