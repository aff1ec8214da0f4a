/* key_store_postgres: API keys in the Postgres history. A connection is made for each use that finds none,
 * and dropped when it fails. Values go as parameters, never into the SQL. See keys.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/key_store.h"
#include "store/postgres_block.h"

#define CONNECT_MS 2000
#define CALL_MS 5000
#define NUMBER 24
#define DIGEST_TEXT 67 /* \x and 64 digits */

struct key_postgres {
    struct key_store base;
    struct pgblock block;
    char *conninfo;
    bool write, connected;
    char error[256];
};

static struct key_postgres *self(struct key_store *s)
{
    return (struct key_postgres *)s;
}

static void drop(struct key_postgres *k)
{
    pgblock_close(&k->block);
    k->connected = false;
}

static bool connected(struct key_postgres *k)
{
    if (k->connected)
        return true;
    k->block = (struct pgblock){.error = k->error, .error_size = sizeof k->error};
    k->connected = pgblock_connect(&k->block, k->conninfo, k->write ? "read-write" : "any", CONNECT_MS);
    if (!k->connected)
        pgblock_close(&k->block);
    return k->connected;
}

static struct pgblock_rows *ask(struct key_store *s, const char *sql, const char *const *values, int count)
{
    struct key_postgres *k = self(s);
    if (!connected(k))
        return NULL;
    pgblock_allow(&k->block, CALL_MS);
    struct pgblock_rows *rows = pgblock_ask(&k->block, sql, values, count);
    if (!rows)
        drop(k);
    return rows;
}

static enum store_status changed_one(struct pgblock_rows *rows, enum store_status otherwise)
{
    if (!rows)
        return STORE_UNAVAILABLE;
    enum store_status status = pgblock_count(rows) ? STORE_OK : otherwise;
    pgblock_free(rows);
    return status;
}

static const char *number(char out[NUMBER], uint64_t value)
{
    snprintf(out, NUMBER, "%llu", (unsigned long long)value);
    return out;
}

static enum store_status call_add(struct key_store *s, const struct key_record *key)
{
    char created[NUMBER], expires[NUMBER], digest[DIGEST_TEXT] = "\\x";
    for (size_t i = 0; i < sizeof key->digest; i++)
        snprintf(digest + 2 + 2 * i, 3, "%02x", key->digest[i]);
    const char *values[] = {key->id,
                            digest,
                            key->name,
                            key->owner,
                            key->models,
                            key->limits,
                            number(created, key->created_ms),
                            number(expires, key->expires_ms)};
    return changed_one(
        ask(s,
            "INSERT INTO lastword.api_keys (id, digest, name, owner, models, limits, created, "
            "expires, revoked) VALUES ($1, $2::bytea, $3, $4, $5, $6, $7::bigint, $8::bigint, 0) "
            "ON CONFLICT DO NOTHING RETURNING id",
            values, 8),
        STORE_EXISTS);
}

static enum store_status call_revoke(struct key_store *s, const char *which, uint64_t unix_ms)
{
    char now[NUMBER];
    const char *values[] = {which, number(now, unix_ms)};
    return changed_one(ask(s,
                           "UPDATE lastword.api_keys SET revoked = $2::bigint "
                           "WHERE (id = $1 OR name = $1) AND revoked = 0 RETURNING id",
                           values, 2),
                       STORE_NOT_FOUND);
}

static bool read_digest(const char *text, uint8_t out[32])
{
    if (strlen(text) != DIGEST_TEXT - 1)
        return false;
    for (size_t i = 0; i < 32; i++) {
        char two[3] = {text[2 + 2 * i], text[3 + 2 * i], '\0'};
        out[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    return true;
}

/* False: not written by us, and of no use. */
static bool read_row(const struct pgblock_rows *rows, int row, struct key_record *key)
{
    const char *id = pgblock_cell(rows, row, 0);
    if (strlen(id) != KEY_ID || !read_digest(pgblock_cell(rows, row, 1), key->digest))
        return false;
    memcpy(key->id, id, KEY_ID + 1);
    key->name = pgblock_cell(rows, row, 2);
    key->owner = pgblock_cell(rows, row, 3);
    key->models = pgblock_cell(rows, row, 4);
    key->limits = pgblock_cell(rows, row, 5);
    key->created_ms = strtoull(pgblock_cell(rows, row, 6), NULL, 10);
    key->expires_ms = strtoull(pgblock_cell(rows, row, 7), NULL, 10);
    key->revoked_ms = strtoull(pgblock_cell(rows, row, 8), NULL, 10);
    return strlen(key->owner) <= OWNER_MAX && strlen(key->models) <= KEY_MODELS;
}

static enum store_status call_list(struct key_store *s, void (*each)(void *ctx, const struct key_record *key),
                                   void *ctx)
{
    struct pgblock_rows *rows = ask(s,
                                    "SELECT id, '\\x' || encode(digest, 'hex'), name, owner, models, limits, "
                                    "created, expires, revoked FROM lastword.api_keys ORDER BY created, id",
                                    NULL, 0);
    struct key_record key;
    if (!rows)
        return STORE_UNAVAILABLE;
    for (int i = 0; i < pgblock_count(rows); i++)
        if (read_row(rows, i, &key))
            each(ctx, &key);
    pgblock_free(rows);
    return STORE_OK;
}

static int64_t call_revision(struct key_store *s)
{
    struct pgblock_rows *rows = ask(s, "SELECT revision FROM lastword.api_keys_revision", NULL, 0);
    int64_t revision = rows && pgblock_count(rows) ? strtoll(pgblock_cell(rows, 0, 0), NULL, 10) : -1;
    pgblock_free(rows);
    return revision;
}

static const char *call_message(struct key_store *s)
{
    return self(s)->error;
}

static void call_close(struct key_store *s)
{
    struct key_postgres *k = self(s);
    if (k->connected)
        drop(k);
    mem_free(k->conninfo);
    mem_free(k);
}

struct key_store *key_store_postgres(const char *conninfo, bool write, char *error, size_t error_size)
{
    static const struct key_store_ops ops = {.add = call_add,
                                             .revoke = call_revoke,
                                             .list = call_list,
                                             .revision = call_revision,
                                             .message = call_message,
                                             .close = call_close};
    int from, to;
    if (write && !history_postgres_migrate(conninfo, &from, &to, error, error_size))
        return NULL;
    struct key_postgres *k = mem_alloc(sizeof *k);
    k->base.ops = &ops;
    k->conninfo = mem_strdup(conninfo);
    k->write = write;
    return &k->base;
}
