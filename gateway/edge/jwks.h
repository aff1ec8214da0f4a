/* jwks: the keys that tokens are signed with (RFC 7517), each with the one algorithm it is good for. Pure.
 *
 * It refuses keys without `alg` or `kid`, keys whose kind does not fit it, RSA below 2048 bits, HMAC secrets
 * shorter than their hash, and private keys, which have no place here. */
#ifndef LASTWORD_EDGE_JWKS_H
#define LASTWORD_EDGE_JWKS_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define JWKS_MAX 262144  /* bytes of a set */
#define JWKS_KEYS_MAX 64 /* in one */

enum jws_kind { JWS_RSA, JWS_EC, JWS_HMAC };

struct jws_algorithm {
    const char *name; /* "RS256" */
    enum jws_kind kind;
    const char *hash;          /* "SHA256" */
    size_t hash_bytes;         /* 32 */
    const char *curve, *group; /* EC: "P-256", and OpenSSL's name of it */
    size_t part;               /* EC: bytes of a coordinate, and of half a signature */
};
/* NULL: unknown; "none" is. */
const struct jws_algorithm *jws_algorithm(const char *name);

struct jwk {
    char *kid; /* unique in the set */
    const struct jws_algorithm *algorithm;
    EVP_PKEY *key;         /* RSA, EC */
    unsigned char *secret; /* HMAC */
    size_t secret_len;
};

struct jwks {
    struct jwk *keys;
    size_t count;
};

/* NULL, with what is wrong; never a part of a key. Owned by the caller. */
struct jwks *jwks_parse(const char *text, size_t len, char *error, size_t error_size);
void jwks_free(struct jwks *set); /* NULL is fine */
/* NULL: none of that name. */
const struct jwk *jwks_find(const struct jwks *set, const char *kid);

/* base64url without padding, strict: also the bits that no byte needs must be 0. The length, -1: it is none,
 * or longer than `room`. */
long base64url_read(const char *text, size_t len, unsigned char *out, size_t room);

void base64url_write(struct buf *out, const unsigned char *in, size_t len);

#endif
