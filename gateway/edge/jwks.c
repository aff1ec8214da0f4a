/* jwks: see jwks.h. */
#include "edge/jwks.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define NUMBER_MAX 1024 /* bytes: RSA of 8192 bits */
#define RSA_BITS_MIN 2048

static const struct jws_algorithm algorithms[] = {
    {"RS256", JWS_RSA, "SHA256", 32, NULL, NULL, 0},
    {"RS384", JWS_RSA, "SHA384", 48, NULL, NULL, 0},
    {"RS512", JWS_RSA, "SHA512", 64, NULL, NULL, 0},
    {"ES256", JWS_EC, "SHA256", 32, "P-256", "prime256v1", 32},
    {"ES384", JWS_EC, "SHA384", 48, "P-384", "secp384r1", 48},
    {"ES512", JWS_EC, "SHA512", 64, "P-521", "secp521r1", 66},
    {"HS256", JWS_HMAC, "SHA256", 32, NULL, NULL, 0},
    {"HS384", JWS_HMAC, "SHA384", 48, NULL, NULL, 0},
    {"HS512", JWS_HMAC, "SHA512", 64, NULL, NULL, 0},
};

const struct jws_algorithm *jws_algorithm(const char *name)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        if (strcmp(algorithms[i].name, name) == 0)
            return &algorithms[i];
    return NULL;
}

/* ------------------------------------------------------------------ base64url */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_write(struct buf *out, const unsigned char *in, size_t len)
{
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | in[i];
        for (held += 8; held >= 6; held -= 6)
            buf_add_char(out, digits[bits >> (held - 6) & 63]);
    }
    if (held)
        buf_add_char(out, digits[bits << (6 - held) & 63]);
}

static int digit(char c)
{
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

long base64url_read(const char *text, size_t len, unsigned char *out, size_t room)
{
    uint32_t bits = 0;
    unsigned held = 0;
    size_t n = 0;
    if (len % 4 == 1)
        return -1;
    for (size_t i = 0; i < len; i++) {
        int d = digit(text[i]);
        if (d < 0)
            return -1;
        bits = bits << 6 | (uint32_t)d;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        if (n == room)
            return -1;
        out[n++] = (unsigned char)(bits >> held);
    }
    return bits & ((1u << held) - 1) ? -1 : (long)n;
}

/* ------------------------------------------------------------------ one key */

static const char *member(const json_t *jwk, const char *name)
{
    const char *text = json_string_value(json_object_get(jwk, name));
    return text ? text : "";
}

static long bytes(const json_t *jwk, const char *name, unsigned char out[NUMBER_MAX])
{
    const json_t *value = json_object_get(jwk, name);
    return json_is_string(value)
               ? base64url_read(json_string_value(value), json_string_length(value), out, NUMBER_MAX)
               : -1;
}

static EVP_PKEY *make(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return key;
}

static const char *read_rsa(const json_t *jwk, struct jwk *k)
{
    unsigned char n[NUMBER_MAX], e[NUMBER_MAX];
    long n_len = bytes(jwk, "n", n), e_len = bytes(jwk, "e", e);
    if (n_len <= 0 || e_len <= 0 || e_len > 8)
        return "n or e is not a number in base64url";
    BIGNUM *modulus = BN_bin2bn(n, (int)n_len, NULL), *exponent = BN_bin2bn(e, (int)e_len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent))
        k->key = make("RSA", build);
    bool odd = BN_is_odd(exponent) && !BN_is_one(exponent);
    OSSL_PARAM_BLD_free(build);
    BN_free(modulus);
    BN_free(exponent);
    return k->key && odd && EVP_PKEY_get_bits(k->key) >= RSA_BITS_MIN ? NULL
                                                                      : "is no RSA key of 2048 bits or more";
}

static const char *read_ec(const json_t *jwk, struct jwk *k)
{
    const struct jws_algorithm *a = k->algorithm;
    unsigned char x[NUMBER_MAX], y[NUMBER_MAX], point[1 + 2 * 66] = {4};
    if (strcmp(member(jwk, "crv"), a->curve) != 0)
        return "crv does not fit its alg";
    if (bytes(jwk, "x", x) != (long)a->part || bytes(jwk, "y", y) != (long)a->part)
        return "x or y is not a coordinate in base64url";
    memcpy(point + 1, x, a->part);
    memcpy(point + 1 + a->part, y, a->part);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, a->group, 0) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * a->part))
        k->key = make("EC", build);
    OSSL_PARAM_BLD_free(build);
    return k->key ? NULL : "is no point of its curve";
}

static const char *read_secret(const json_t *jwk, struct jwk *k)
{
    unsigned char secret[NUMBER_MAX];
    long len = bytes(jwk, "k", secret);
    if (len < (long)k->algorithm->hash_bytes)
        return "k is no secret in base64url, or shorter than the hash of its alg";
    k->secret = (unsigned char *)mem_memdup(secret, (size_t)len);
    k->secret_len = (size_t)len;
    OPENSSL_cleanse(secret, sizeof secret);
    return NULL;
}

/* NULL, or what is wrong. */
static const char *read_key(const struct jwks *set, const json_t *jwk, struct jwk *k)
{
    static const char *const types[] = {[JWS_RSA] = "RSA", [JWS_EC] = "EC", [JWS_HMAC] = "oct"};
    const char *kid = member(jwk, "kid"), *use = member(jwk, "use");
    k->algorithm = jws_algorithm(member(jwk, "alg"));
    if (!k->algorithm)
        return "alg is missing, or none of RS, ES and HS with 256, 384 or 512";
    if (!*kid || jwks_find(set, kid))
        return "kid is missing, or another key's";
    if (*use && strcmp(use, "sig") != 0)
        return "use is not sig";
    if (strcmp(member(jwk, "kty"), types[k->algorithm->kind]) != 0)
        return "kty does not fit its alg";
    if (json_object_get(jwk, "d"))
        return "is a private key, which has no place here";
    k->kid = mem_strdup(kid);
    if (k->algorithm->kind == JWS_HMAC)
        return read_secret(jwk, k);
    return k->algorithm->kind == JWS_RSA ? read_rsa(jwk, k) : read_ec(jwk, k);
}

/* ------------------------------------------------------------------ the set */

static struct jwks *refuse(struct jwks *set, char *error, size_t error_size, long at, const char *what)
{
    if (at < 0)
        snprintf(error, error_size, "%s", what);
    else
        snprintf(error, error_size, "keys[%ld]: %s", at, what);
    jwks_free(set);
    return NULL;
}

struct jwks *jwks_parse(const char *text, size_t len, char *error, size_t error_size)
{
    json_t *root = len <= JWKS_MAX ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const json_t *list = json_object_get(root, "keys");
    struct jwks *set = mem_alloc(sizeof *set);
    size_t count = json_array_size(list);
    const char *fault = NULL;
    if (!count || count > JWKS_KEYS_MAX) {
        json_decref(root);
        return refuse(set, error, error_size, -1, "not a JSON object with 1 to 64 keys");
    }
    set->keys = mem_alloc(count * sizeof *set->keys);
    for (size_t i = 0; i < count && !fault; i++) {
        fault = read_key(set, json_array_get(list, i), &set->keys[i]);
        set->count = i + 1;
    }
    json_decref(root);
    return fault ? refuse(set, error, error_size, (long)set->count - 1, fault) : set;
}

void jwks_free(struct jwks *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->count; i++) {
        struct jwk *k = &set->keys[i];
        EVP_PKEY_free(k->key);
        if (k->secret)
            OPENSSL_cleanse(k->secret, k->secret_len);
        mem_free(k->secret);
        mem_free(k->kid);
    }
    mem_free(set->keys);
    mem_free(set);
}

const struct jwk *jwks_find(const struct jwks *set, const char *kid)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->keys[i].kid && strcmp(set->keys[i].kid, kid) == 0)
            return &set->keys[i];
    return NULL;
}
