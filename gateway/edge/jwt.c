/* jwt: see jwt.h. */
#include "edge/jwt.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define SIGNATURE_MAX 1024
#define TIME_MAX 1e11 /* seconds; a claim beyond it is no time */

struct parts {
    const char *header, *claims, *signature;
    size_t header_len, claims_len, signature_len;
    size_t signed_len; /* from header on */
};

static bool split(const char *token, struct parts *p)
{
    const char *first = strchr(token, '.'), *second = first ? strchr(first + 1, '.') : NULL;
    if (!second || strchr(second + 1, '.'))
        return false;
    p->header = token;
    p->header_len = (size_t)(first - token);
    p->claims = first + 1;
    p->claims_len = (size_t)(second - first - 1);
    p->signature = second + 1;
    p->signature_len = strlen(second + 1);
    p->signed_len = (size_t)(second - token);
    return p->header_len && p->claims_len && p->signature_len;
}

bool jwt_looks(const char *token)
{
    struct parts p;
    return split(token, &p);
}

/* NULL: not a JSON object in base64url. */
static json_t *read_object(const char *text, size_t len)
{
    unsigned char bytes[JWT_MAX];
    long n = base64url_read(text, len, bytes, sizeof bytes);
    json_t *root = n > 0 ? json_loadb((const char *)bytes, (size_t)n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (json_is_object(root))
        return root;
    json_decref(root);
    return NULL;
}

/* ------------------------------------------------------------------ signature */

static const struct jwk *find_key(const struct jwks *keys, const struct parts *p)
{
    json_t *header = read_object(p->header, p->header_len);
    const char *alg = json_string_value(json_object_get(header, "alg")),
               *kid = json_string_value(json_object_get(header, "kid"));
    const struct jwk *k = NULL;
    if (alg && !json_object_get(header, "crit")) {
        if (kid)
            k = jwks_find(keys, kid);
        else if (!json_object_get(header, "kid") && keys->count == 1)
            k = keys->keys;
        if (k && strcmp(k->algorithm->name, alg) != 0)
            k = NULL;
    }
    json_decref(header);
    return k;
}

static bool check_hmac(const struct jwk *k, const struct parts *p, const unsigned char *signature, size_t len)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    const EVP_MD *hash = EVP_get_digestbyname(k->algorithm->hash);
    return HMAC(hash, k->secret, (int)k->secret_len, (const unsigned char *)p->header, p->signed_len, mac,
                &mac_len) &&
           len == mac_len && CRYPTO_memcmp(mac, signature, len) == 0;
}

/* From the two numbers of RFC 7518 to the DER that OpenSSL wants; owned by the caller (OPENSSL_free). */
static unsigned char *ec_der(const struct jwk *k, const unsigned char *signature, size_t len, size_t *der_len)
{
    size_t part = k->algorithm->part;
    unsigned char *der = NULL;
    if (len != 2 * part)
        return NULL;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, (int)part, NULL), *s = BN_bin2bn(signature + part, (int)part, NULL);
    ECDSA_SIG_set0(pair, r, s);
    int n = i2d_ECDSA_SIG(pair, &der);
    ECDSA_SIG_free(pair);
    *der_len = n > 0 ? (size_t)n : 0;
    return der;
}

static bool verify(const struct jwk *k, const struct parts *p, const unsigned char *signature, size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good =
        EVP_DigestVerifyInit(ctx, NULL, EVP_get_digestbyname(k->algorithm->hash), NULL, k->key) == 1 &&
        EVP_DigestVerify(ctx, signature, len, (const unsigned char *)p->header, p->signed_len) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

static bool check_signature(const struct jwk *k, const struct parts *p)
{
    unsigned char signature[SIGNATURE_MAX];
    long n = base64url_read(p->signature, p->signature_len, signature, sizeof signature);
    size_t len = n > 0 ? (size_t)n : 0, der_len = 0;
    if (!len)
        return false;
    if (k->algorithm->kind == JWS_HMAC)
        return check_hmac(k, p, signature, len);
    if (k->algorithm->kind == JWS_RSA)
        return verify(k, p, signature, len);
    unsigned char *der = ec_der(k, signature, len, &der_len);
    bool good = der && verify(k, p, der, der_len);
    OPENSSL_free(der);
    return good;
}

/* ------------------------------------------------------------------ claims */

/* Unix milliseconds; false: there, and no time. */
static bool read_time(const json_t *claims, const char *name, uint64_t *out)
{
    const json_t *value = json_object_get(claims, name);
    double s = json_number_value(value);
    *out = 0;
    if (!value)
        return true;
    if (!json_is_number(value) || !(s > 0 && s < TIME_MAX))
        return false;
    *out = (uint64_t)(s * 1000);
    return true;
}

/* The text, or one of the texts of a list. */
static bool names(const json_t *value, const char *want)
{
    const json_t *item;
    size_t i;
    if (!*want)
        return true;
    if (json_is_string(value))
        return strlen(want) == json_string_length(value) && strcmp(json_string_value(value), want) == 0;
    json_array_foreach(value, i, item) if (json_is_string(item) && names(item, want)) return true;
    return false;
}

/* In time, or not any more (then *expired), or not for us. */
static bool check_claims(const json_t *claims, const struct jwt_rules *r, uint64_t now_ms,
                         struct credential *out)
{
    uint64_t exp, nbf, skew = r->skew_s * 1000;
    const json_t *iss = json_object_get(claims, "iss");
    if (!read_time(claims, "exp", &exp) || !read_time(claims, "nbf", &nbf) || !exp)
        return false;
    if ((*r->issuer && !json_is_string(iss)) || !names(iss, r->issuer) ||
        !names(json_object_get(claims, "aud"), r->audience) || nbf > now_ms + skew)
        return false;
    out->expires_ms = exp + skew;
    out->expired = out->expires_ms <= now_ms;
    return !out->expired;
}

/* Appends a part of the owner's name; false: it is too long, or none. */
static bool add_part(char owner[OWNER_MAX + 1], const json_t *value)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-";
    const char *text = json_string_value(value);
    size_t at = strlen(owner);
    if (!text || !*text || strlen(text) != json_string_length(value))
        return false;
    for (; *text; text++) {
        bool as_is = strchr(plain, *text) != NULL;
        size_t len = as_is ? 1 : 3;
        if (at + len > OWNER_MAX)
            return false;
        snprintf(owner + at, OWNER_MAX + 1 - at, as_is ? "%c" : "%%%02X", (unsigned char)*text);
        at += len;
    }
    return true;
}

static bool read_owner(const json_t *claims, const struct jwt_rules *r, char owner[OWNER_MAX + 1])
{
    owner[0] = '\0';
    if (!*r->tenant)
        strcpy(owner, "default");
    else if (!add_part(owner, json_object_get(claims, r->tenant)))
        return false;
    size_t len = strlen(owner);
    if (len >= OWNER_MAX)
        return false;
    strcpy(owner + len, "/");
    return add_part(owner, json_object_get(claims, r->user));
}

/* "a,b", or a list of names. A claim that is named in the rules and is not there allows nothing. */
static bool read_models(const json_t *claims, const struct jwt_rules *r, char models[CREDENTIAL_MODELS + 1])
{
    const json_t *value = json_object_get(claims, r->models), *item;
    size_t i, at = 0;
    models[0] = '\0';
    if (!*r->models)
        return true;
    if (json_is_string(value)) {
        if (json_string_length(value) > CREDENTIAL_MODELS)
            return false;
        strcpy(models, json_string_value(value));
        return *models != '\0';
    }
    json_array_foreach(value, i, item)
    {
        const char *name = json_string_value(item);
        if (!name || !*name || strchr(name, ',') || at + strlen(name) + 1 > CREDENTIAL_MODELS)
            return false;
        at += (size_t)snprintf(models + at, CREDENTIAL_MODELS + 1 - at, i ? ",%s" : "%s", name);
    }
    return at > 0;
}

/* ------------------------------------------------------------------ the whole */

bool jwt_check(const struct jwks *keys, const struct jwt_rules *rules, const char *token, uint64_t unix_ms,
               struct credential *out)
{
    struct parts p;
    if (!keys || strnlen(token, JWT_MAX + 1) > JWT_MAX || !split(token, &p))
        return false;
    const struct jwk *k = find_key(keys, &p);
    if (!k || !check_signature(k, &p))
        return false;
    struct credential c = {0};
    json_t *claims = read_object(p.claims, p.claims_len);
    bool good = claims && read_owner(claims, rules, c.owner) && read_models(claims, rules, c.models) &&
                check_claims(claims, rules, unix_ms, &c);
    json_decref(claims);
    if (good)
        *out = c;
    else
        out->expired = c.expired;
    return good;
}
