/* key_store: which database it is. See keys.h. */
#include "store/key_store.h"

struct key_store *key_store_open(const struct key_source *source, bool write, char *error, size_t error_size)
{
    return source->postgres ? key_store_postgres(source->postgres, write, error, error_size)
                            : key_store_sqlite(source->sqlite, write, error, error_size);
}

void key_store_close(struct key_store *s)
{
    if (s)
        s->ops->close(s);
}

enum store_status key_store_add(struct key_store *s, const struct key_record *key)
{
    return s->ops->add(s, key);
}

enum store_status key_store_revoke(struct key_store *s, const char *which, uint64_t unix_ms)
{
    return s->ops->revoke(s, which, unix_ms);
}

enum store_status key_store_list(struct key_store *s, void (*each)(void *ctx, const struct key_record *key),
                                 void *ctx)
{
    return s->ops->list(s, each, ctx);
}

int64_t key_store_revision(struct key_store *s)
{
    return s->ops->revision(s);
}

const char *key_store_message(struct key_store *s)
{
    return s->ops->message(s);
}
