/* The inside of key_store*.c: one adapter for each database. */
#ifndef LASTWORD_STORE_KEY_STORE_H
#define LASTWORD_STORE_KEY_STORE_H

#include "store/keys.h"

struct key_store_ops {
    enum store_status (*add)(struct key_store *s, const struct key_record *key);
    enum store_status (*revoke)(struct key_store *s, const char *which, uint64_t unix_ms);
    enum store_status (*list)(struct key_store *s, void (*each)(void *ctx, const struct key_record *key),
                              void *ctx);
    int64_t (*revision)(struct key_store *s);
    const char *(*message)(struct key_store *s);
    void (*close)(struct key_store *s);
};

struct key_store {
    const struct key_store_ops *ops;
};

struct key_store *key_store_sqlite(const char *path, bool write, char *error, size_t error_size);
struct key_store *key_store_postgres(const char *conninfo, bool write, char *error, size_t error_size);

#endif
