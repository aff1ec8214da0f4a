/* keys: API keys in the history store's database: making, listing and revoking them (`lastword key`), and
 * what a running gateway knows of them.
 *
 *     lastword key ──> key_store ──> api_keys, revision + 1
 *                                        │ each second, on a thread of its own: has the revision changed?
 *     loop: key_watch_take <── key_table: all keys, in memory, sorted by id
 *
 * So nobody who connects waits for a database, an unknown key costs no query, and while the database is away
 * the keys are as they were. It refuses to see a secret: a digest is all it is given. */
#ifndef LASTWORD_STORE_KEYS_H
#define LASTWORD_STORE_KEYS_H

#include "store/store.h"

#define KEY_ID 16   /* hex digits */
#define KEY_NAME 64 /* bytes, NUL excluded, as the rest */
#define KEY_MODELS 1024
#define KEY_LIMITS 1024
#define KEYS_MAX 200000 /* that a gateway holds; beyond it the oldest */

struct key_record {
    char id[KEY_ID + 1];
    uint8_t digest[32]; /* SHA-256 of the key */
    const char *name, *owner, *models, *limits;
    uint64_t created_ms, expires_ms, revoked_ms; /* unix; 0: never */
};

/* ------------------------------------------------------------------ the database; everything blocks */

struct key_source {
    const char *sqlite;   /* path; or NULL, and */
    const char *postgres; /* connection string */
};

struct key_store;
/* NULL with `error`. `write`: the primary is looked for, and the schema is brought to the newest. Owned by
 * the caller; one thread at a time. */
struct key_store *key_store_open(const struct key_source *source, bool write, char *error, size_t error_size);
void key_store_close(struct key_store *s); /* NULL is fine */
/* EXISTS: the name, or id, is taken by a key that is not revoked. */
enum store_status key_store_add(struct key_store *s, const struct key_record *key);
/* By name or id. NOT_FOUND: no such key, or revoked already. */
enum store_status key_store_revoke(struct key_store *s, const char *which, uint64_t unix_ms);
/* `each` gets every key, oldest first; the record is borrowed for the call. */
enum store_status key_store_list(struct key_store *s, void (*each)(void *ctx, const struct key_record *key),
                                 void *ctx);
/* Changes with every change of a key; -1: cannot be read. */
int64_t key_store_revision(struct key_store *s);
/* On what failed last; never holds a value. */
const char *key_store_message(struct key_store *s);

/* ------------------------------------------------------------------ in memory */

struct key_table;
struct key_table *key_table_new(void);
void key_table_free(struct key_table *t);                              /* NULL is fine */
void key_table_add(struct key_table *t, const struct key_record *key); /* copied */
void key_table_sort(struct key_table *t);                              /* once all are there */
/* NULL: none. Borrowed until the table is freed. `t` may be NULL. */
const struct key_record *key_table_find(const struct key_table *t, const char *id);
size_t key_table_count(const struct key_table *t);

/* ------------------------------------------------------------------ the two together */

struct key_watch;
/* Looks each `period_ms`. NULL: no thread can be had. `source` is copied. */
struct key_watch *key_watch_open(const struct key_source *source, uint64_t period_ms);
/* The keys, if they have changed since the last time: the caller's. NULL: they have not, or cannot be read.
 * Costs an atomic exchange. */
struct key_table *key_watch_take(struct key_watch *w);
/* OK, or why the last look failed. */
enum store_status key_watch_trouble(struct key_watch *w);
/* Waits a moment for the thread; one that is stuck in the network goes on alone. NULL is fine. */
void key_watch_close(struct key_watch *w);

#endif
