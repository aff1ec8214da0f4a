/* key_store_sqlite: API keys in the SQLite history. It has a connection of its own: the history's belong to
 * that store's thread. See keys.h. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/key_store.h"
#include "store/sqlite_db.h"

#define PATIENCE_MS 2000

struct key_sqlite {
    struct key_store base;
    struct db *db;
};

static struct db *db_of(struct key_store *s)
{
    return ((struct key_sqlite *)s)->db;
}

/* Looked for first, so that what stands in the way is known: a failing INSERT says only that it failed. */
static bool is_taken(struct db *db, const struct key_record *key)
{
    struct stmt *st = db_use(db, SQL_KEY_TAKEN);
    stmt_bind_str(st, key->id);
    stmt_bind_str(st, key->name);
    bool taken = stmt_row(st);
    stmt_reset(st);
    return taken;
}

static enum store_status insert(struct db *db, const struct key_record *key)
{
    struct stmt *st = db_use(db, SQL_KEY_ADD);
    stmt_bind_str(st, key->id);
    stmt_bind_blob(st, key->digest, sizeof key->digest);
    stmt_bind_str(st, key->name);
    stmt_bind_str(st, key->owner);
    stmt_bind_str(st, key->models);
    stmt_bind_str(st, key->limits);
    stmt_bind_int(st, (int64_t)key->created_ms);
    stmt_bind_int(st, (int64_t)key->expires_ms);
    return stmt_run(st);
}

static enum store_status call_add(struct key_store *s, const struct key_record *key)
{
    struct db *db = db_of(s);
    db_clear(db);
    if (stmt_run(db_use(db, SQL_BEGIN)) != STORE_OK)
        return db_failure(db);
    enum store_status status = is_taken(db, key) ? STORE_EXISTS : insert(db, key);
    enum store_status failure = db_failure(db);
    enum store_status end = stmt_run(db_use(db, status == STORE_OK ? SQL_COMMIT : SQL_ROLLBACK));
    return failure != STORE_OK ? failure : status != STORE_OK ? status : end;
}

static enum store_status call_revoke(struct key_store *s, const char *which, uint64_t unix_ms)
{
    struct db *db = db_of(s);
    db_clear(db);
    struct stmt *st = db_use(db, SQL_KEY_REVOKE);
    stmt_bind_str(st, which);
    stmt_bind_int(st, (int64_t)unix_ms);
    bool changed = stmt_row(st); /* RETURNING: db_changes would count the trigger's, too */
    stmt_reset(st);
    if (db_failure(db) != STORE_OK)
        return db_failure(db);
    return changed ? STORE_OK : STORE_NOT_FOUND;
}

struct row {
    struct key_record key;
    char name[KEY_NAME + 1], owner[OWNER_MAX + 1], models[KEY_MODELS + 1], limits[KEY_LIMITS + 1];
};

static bool copy(struct stmt *st, int column, char *out, size_t size)
{
    struct history_text text = stmt_bytes(st, column);
    if (text.len >= size)
        return false;
    memcpy(out, text.len ? text.data : "", text.len);
    out[text.len] = '\0';
    return true;
}

/* False: not written by us, and of no use. */
static bool read_row(struct stmt *st, struct row *row)
{
    struct key_record *key = &row->key;
    struct history_text digest = stmt_bytes(st, 1);
    if (digest.len != sizeof key->digest)
        return false;
    memcpy(key->digest, digest.data, digest.len);
    key->name = row->name;
    key->owner = row->owner;
    key->models = row->models;
    key->limits = row->limits;
    key->created_ms = (uint64_t)stmt_int(st, 6);
    key->expires_ms = (uint64_t)stmt_int(st, 7);
    key->revoked_ms = (uint64_t)stmt_int(st, 8);
    return copy(st, 0, key->id, sizeof key->id) && copy(st, 2, row->name, sizeof row->name) &&
           copy(st, 3, row->owner, sizeof row->owner) && copy(st, 4, row->models, sizeof row->models) &&
           copy(st, 5, row->limits, sizeof row->limits);
}

static enum store_status call_list(struct key_store *s, void (*each)(void *ctx, const struct key_record *key),
                                   void *ctx)
{
    struct db *db = db_of(s);
    db_clear(db);
    struct stmt *st = db_use(db, SQL_KEY_LIST);
    struct row row;
    while (stmt_row(st))
        if (read_row(st, &row))
            each(ctx, &row.key);
    return db_failure(db);
}

static int64_t call_revision(struct key_store *s)
{
    struct db *db = db_of(s);
    db_clear(db);
    struct stmt *st = db_use(db, SQL_KEY_REVISION);
    int64_t revision = stmt_row(st) ? stmt_int(st, 0) : -1;
    stmt_reset(st);
    return revision;
}

static const char *call_message(struct key_store *s)
{
    return db_message(db_of(s));
}

static void call_close(struct key_store *s)
{
    db_close(db_of(s));
    mem_free(s);
}

struct key_store *key_store_sqlite(const char *path, bool write, char *error, size_t error_size)
{
    static const struct key_store_ops ops = {.add = call_add,
                                             .revoke = call_revoke,
                                             .list = call_list,
                                             .revision = call_revision,
                                             .message = call_message,
                                             .close = call_close};
    int from, to;
    if (write && !history_sqlite_migrate(path, &from, &to, error, error_size))
        return NULL;
    struct db *db = db_open(path, write, error, error_size);
    if (!db)
        return NULL;
    db_patience(db, PATIENCE_MS);
    struct key_sqlite *s = mem_alloc(sizeof *s);
    s->base.ops = &ops;
    s->db = db;
    return &s->base;
}
