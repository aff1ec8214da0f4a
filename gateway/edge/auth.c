/* auth: see auth.h. The digest is compared with that of every key, so neither the time nor an early exit
 * tells how much of a key was right. */
#include "edge/auth.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "base/key.h"
#include "base/mem.h"
#include "edge/jwt.h"

struct auth_key {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char owner[OWNER_MAX + 1];
};

struct auth {
    bool open; /* mode none */
    struct auth_key *keys;
    size_t count;
    bool tickets;
    unsigned char secret[TICKET_SECRET]; /* of tickets */
    struct jwt_rules rules;              /* its texts are owned */
    const struct jwks *tokens;           /* NULL: none are good */
    const struct key_table *stored;      /* NULL: not known yet */
};

struct auth *auth_new(const struct config *config, const unsigned char chance[TICKET_SECRET])
{
    struct auth *a = mem_alloc(sizeof *a);
    a->open = strcmp(config->auth_mode, "none") == 0;
    a->tickets = *config->auth_ticket_key || strcmp(config->session_store, "redis") != 0;
    memcpy(a->secret, chance, sizeof a->secret);
    if (*config->auth_ticket_key)
        SHA256((const unsigned char *)config->auth_ticket_key, strlen(config->auth_ticket_key), a->secret);
    a->rules = (struct jwt_rules){.issuer = mem_strdup(config->jwt_issuer),
                                  .audience = mem_strdup(config->jwt_audience),
                                  .user = mem_strdup(config->jwt_user_claim),
                                  .tenant = mem_strdup(config->jwt_tenant_claim),
                                  .models = mem_strdup(config->jwt_models_claim),
                                  .skew_s = (uint64_t)config->jwt_skew_s};
    a->count = a->open ? 0 : config->key_count;
    a->keys = mem_alloc(a->count * sizeof *a->keys);
    for (size_t i = 0; i < a->count; i++) {
        const struct config_key *key = &config->keys[i];
        SHA256((const unsigned char *)key->key, strlen(key->key), a->keys[i].digest);
        snprintf(a->keys[i].owner, sizeof a->keys[i].owner, "%s", key->owner);
    }
    return a;
}

void auth_free(struct auth *a)
{
    if (!a)
        return;
    const char *const texts[] = {a->rules.issuer, a->rules.audience, a->rules.user, a->rules.tenant,
                                 a->rules.models};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mem_free((char *)(uintptr_t)texts[i]);
    OPENSSL_cleanse(a->secret, sizeof a->secret);
    OPENSSL_cleanse(a->keys, a->count * sizeof *a->keys);
    mem_free(a->keys);
    mem_free(a);
}

void auth_set_keys(struct auth *a, const struct key_table *keys)
{
    a->stored = keys;
}

void auth_set_tokens(struct auth *a, const struct jwks *keys)
{
    a->tokens = keys;
}

/* ------------------------------------------------------------------ keys of the database */

/* An id is no secret, so looking it up may take what time it takes; the digest is compared whole, also where
 * there is none. */
static bool check_stored(const struct auth *a, const char *id, uint64_t number, const unsigned char *digest,
                         uint64_t unix_ms, struct credential *out)
{
    static const struct key_record nobody = {.owner = "", .models = ""};
    const struct key_record *k = key_table_find(a->stored, id);
    bool same = CRYPTO_memcmp(digest, k ? k->digest : nobody.digest, SHA256_DIGEST_LENGTH) == 0;
    out->unknown = !a->stored;
    if (!k || !same || k->revoked_ms)
        return false;
    out->expired = k->expires_ms && unix_ms >= k->expires_ms;
    out->expires_ms = k->expires_ms;
    out->key = number;
    snprintf(out->owner, sizeof out->owner, "%s", k->owner);
    snprintf(out->models, sizeof out->models, "%s", k->models);
    return !out->expired;
}

bool auth_revoked(void *ctx, uint64_t key)
{
    const struct auth *a = ctx;
    char id[KEY_ID + 1];
    if (!a->stored)
        return false;
    snprintf(id, sizeof id, "%016llx", (unsigned long long)key);
    const struct key_record *k = key_table_find(a->stored, id);
    return !k || k->revoked_ms;
}

/* ------------------------------------------------------------------ keys of the configuration */

static bool check_configured(const struct auth *a, const unsigned char *digest, struct credential *out)
{
    const struct auth_key *found = NULL;
    for (size_t i = 0; i < a->count; i++)
        if (CRYPTO_memcmp(digest, a->keys[i].digest, SHA256_DIGEST_LENGTH) == 0)
            found = &a->keys[i];
    if (found)
        memcpy(out->owner, found->owner, sizeof found->owner);
    return found != NULL;
}

/* ------------------------------------------------------------------ tickets */

bool auth_ticket(void *ctx, const struct credential *c, uint64_t unix_ms, struct buf *out)
{
    const struct auth *a = ctx;
    if (a->tickets)
        ticket_write(out, a->secret, c, unix_ms);
    return a->tickets;
}

/* One that was asked for with a key that has been revoked since is no better than the key. */
static bool check_ticket(struct auth *a, const char *token, uint64_t unix_ms, struct credential *out)
{
    return a->tickets && ticket_read(token, a->secret, unix_ms, out) &&
           !(out->key && auth_revoked(a, out->key));
}

/* ------------------------------------------------------------------ any credential */

bool auth_check(void *ctx, const char *token, uint64_t unix_ms, struct credential *out)
{
    struct auth *a = ctx;
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char id[KEY_ID + 1];
    uint64_t number;
    if (a->open) {
        memcpy(out->owner, AUTH_LOCAL_OWNER, sizeof AUTH_LOCAL_OWNER);
        return true;
    }
    if (!token || !*token)
        return false;
    if (ticket_looks(token))
        return check_ticket(a, token, unix_ms, out);
    SHA256((const unsigned char *)token, strlen(token), digest);
    if (check_configured(a, digest, out))
        return true;
    if (a->tokens && jwt_looks(token))
        return jwt_check(a->tokens, &a->rules, token, unix_ms, out);
    return key_parse(token, id, &number) && check_stored(a, id, number, digest, unix_ms, out);
}
