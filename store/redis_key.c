/* redis_key: see redis_key.h. */
#include "store/redis_key.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/crc32c.h"

uint16_t redis_crc16(const void *p, size_t len)
{
    const unsigned char *s = p;
    unsigned crc = 0;
    for (; len; len--, s++) {
        crc ^= (unsigned)*s << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
        crc &= 0xffff;
    }
    return (uint16_t)crc;
}

unsigned redis_slot(const char *key, size_t len)
{
    const char *open = memchr(key, '{', len);
    if (open) {
        const char *tag = open + 1, *close = memchr(tag, '}', len - (size_t)(tag - key));
        if (close && close > tag)
            return redis_crc16(tag, (size_t)(close - tag)) % REDIS_SLOTS;
    }
    return redis_crc16(key, len) % REDIS_SLOTS;
}

/* ---- shards */

struct shard {
    char tag[8];
    unsigned slot;
};

/* The first number whose slot lies in the shard's 64th of the slots. */
static const struct shard *shards(void)
{
    static struct shard all[REDIS_SHARDS];
    unsigned found = 0;
    if (*all[0].tag)
        return all;
    for (unsigned n = 0; found < REDIS_SHARDS; n++) {
        char tag[8];
        snprintf(tag, sizeof(tag), "{%u}", n % 100000);
        unsigned slot = redis_slot(tag, strlen(tag));
        struct shard *s = &all[slot / (REDIS_SLOTS / REDIS_SHARDS)];
        if (*s->tag)
            continue;
        memcpy(s->tag, tag, sizeof(tag));
        s->slot = slot;
        found++;
    }
    return all;
}

const char *redis_shard_tag(unsigned shard)
{
    return shards()[shard].tag;
}

unsigned redis_shard_slot(unsigned shard)
{
    return shards()[shard].slot;
}

unsigned redis_shard(const struct gen_key *key)
{
    return crc32c(crc32c(0, key->owner, strlen(key->owner)), key->gen.b, sizeof(key->gen.b)) % REDIS_SHARDS;
}

/* ---- keys */

size_t redis_name(char out[REDIS_NAME_MAX], const struct gen_key *key)
{
    size_t n = strlen(key->owner);
    memcpy(out, key->owner, n);
    out[n] = '/';
    uuid_format(&key->gen, out + n + 1);
    return n + 1 + UUID_TEXT;
}

bool redis_name_parse(const char *text, size_t len, char owner[OWNER_MAX + 1], struct uuid *gen)
{
    if (len < UUID_TEXT + 1 || len - UUID_TEXT - 1 > OWNER_MAX || text[len - UUID_TEXT - 1] != '/')
        return false;
    size_t n = len - UUID_TEXT - 1;
    memcpy(owner, text, n);
    owner[n] = '\0';
    return uuid_parse(gen, text + n + 1, UUID_TEXT);
}

size_t redis_key_shard(char out[REDIS_KEY_MAX], char what, unsigned shard)
{
    const char *tag = redis_shard_tag(shard);
    size_t n = strlen(tag);
    memcpy(out, "lw:", 3);
    memcpy(out + 3, tag, n);
    out[n + 3] = ':';
    out[n + 4] = what;
    out[n + 5] = '\0';
    return n + 5;
}

size_t redis_key_gen(char out[REDIS_KEY_MAX], char what, const struct gen_key *key)
{
    size_t n = redis_key_shard(out, what, redis_shard(key));
    out[n++] = ':';
    return n + redis_name(out + n, key);
}

size_t redis_key_session(char out[REDIS_KEY_MAX], const char *owner, const struct uuid *session)
{
    memcpy(out, "lw:t:", 5);
    return 5 + redis_name(out + 5, &(struct gen_key){.owner = owner, .gen = *session});
}

size_t redis_key_active(char out[REDIS_KEY_MAX], const char *owner)
{
    return (size_t)snprintf(out, REDIS_KEY_MAX, "lw:a:%s", owner);
}

/* ---- channels */

size_t redis_channel_node(char out[REDIS_CHANNEL_MAX], int db, const char *node)
{
    size_t n = (size_t)snprintf(out, REDIS_CHANNEL_MAX, "lw:%d:n:", db);
    for (const char *p = node; *p && n + 4 < REDIS_CHANNEL_MAX; p++) {
        if (isalnum((unsigned char)*p) || strchr("-._", *p))
            out[n++] = *p;
        else
            n += (size_t)snprintf(out + n, 4, "%%%02x", (unsigned char)*p);
    }
    out[n] = '\0';
    return n;
}

size_t redis_channel_owner(char out[REDIS_CHANNEL_MAX], int db, const char *owner)
{
    return (size_t)snprintf(out, REDIS_CHANNEL_MAX, "lw:%d:o:%s", db, owner);
}
