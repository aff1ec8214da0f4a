/* auth: see auth.h. The digest is compared with that of every key, so neither the time nor an early exit
 * tells how much of a key was right. */
#include "edge/auth.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct auth_key {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char owner[OWNER_MAX + 1];
};

struct auth {
    bool open; /* mode none */
    struct auth_key *keys;
    size_t count;
};

struct auth *auth_new(const struct config *config)
{
    struct auth *a = mem_alloc(sizeof *a);
    a->open = strcmp(config->auth_mode, "none") == 0;
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
    OPENSSL_cleanse(a->keys, a->count * sizeof *a->keys);
    mem_free(a->keys);
    mem_free(a);
}

bool auth_owner(void *ctx, const char *token, char owner[OWNER_MAX + 1])
{
    const struct auth *a = ctx;
    if (a->open) {
        memcpy(owner, AUTH_LOCAL_OWNER, sizeof AUTH_LOCAL_OWNER);
        return true;
    }
    if (!token || !*token)
        return false;
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)token, strlen(token), digest);
    const struct auth_key *found = NULL;
    for (size_t i = 0; i < a->count; i++)
        if (CRYPTO_memcmp(digest, a->keys[i].digest, sizeof digest) == 0)
            found = &a->keys[i];
    if (found)
        memcpy(owner, found->owner, sizeof found->owner);
    return found != NULL;
}
