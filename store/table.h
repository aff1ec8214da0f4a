/* table: a hash table keyed by (owner, uuid), chained, its nodes embedded in the objects it finds.
 * The hash is seeded at random, because uuids are minted by clients. It owns the copies of the owners' names,
 * never the objects. */
#ifndef LASTWORD_STORE_TABLE_H
#define LASTWORD_STORE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"

struct table_node {
    struct table_node *next; /* linked by the table */
    uint64_t hash;
    struct uuid id;
    char *owner; /* owned by the table while the node is in it */
};

struct table {
    struct table_node **buckets; /* owned; NULL while empty */
    size_t cap, count;           /* cap: a power of two, or 0 */
    size_t hand;                 /* where table_sweep goes on */
    uint64_t seed;
};

#define table_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

void table_init(struct table *t);
/* Frees the buckets. The table must be empty. */
void table_free(struct table *t);

/* `id` NULL is the nil uuid: a table keyed by owner alone. */
struct table_node *table_find(const struct table *t, const char *owner, const struct uuid *id);
/* Adds a node whose key is not in the table; copies the owner. */
void table_add(struct table *t, struct table_node *node, const char *owner, const struct uuid *id);
void table_remove(struct table *t, struct table_node *node);

/* Calls `visit` for each node of the next `buckets` buckets, round and round. `visit` may remove the node it
 * is given, and no other, and may not add. */
void table_sweep(struct table *t, size_t buckets, void (*visit)(void *ctx, struct table_node *node),
                 void *ctx);

#endif
